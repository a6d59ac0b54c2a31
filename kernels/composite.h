// What happens along one ray of a ragged list: weights from alphas, sums of weighted values, the
// distortion loss. One call does one ray (or, where said, one channel of it), from first sample to
// last, so that nothing is ever added to from two threads.
#pragma once

#include "portable.h"

namespace curvox {

struct WeightsTask {
  const float* alpha;      // [samples]
  const int64_t* offsets;  // [rays + 1] ray r owns samples offsets[r] to offsets[r + 1] - 1
  int64_t rays;
  float stop;  // the ray ends when its transmittance falls under it
};

// weights = alpha T, T the product of (1 - alpha) over the samples before (Max 1995). `ends` is the
// first sample after the one that took T under `stop`, or the ray's end.
CURVOX_FN void ray_weights(const WeightsTask& task, int64_t ray, float* weights, float* last,
                           int64_t* ends) {
  const int64_t end = task.offsets[ray + 1];
  int64_t i = task.offsets[ray];
  float transmittance = 1;
  while (i < end) {
    const float alpha = task.alpha[i];
    weights[i++] = alpha * transmittance;
    transmittance *= 1 - alpha;
    if (transmittance < task.stop) break;
  }
  last[ray] = transmittance;
  ends[ray] = i;
  for (; i < end; ++i) weights[i] = 0;
}

// With R_i what the loss gains from light that gets past sample i, for each unit of it,
//   R_last = d loss / d T_last,  R_{i-1} = alpha_i g_i + (1 - alpha_i) R_i,
// the gradient of alpha_i is T_i (g_i - R_i). Nothing is divided by 1 - alpha, so that it holds for
// alpha = 1 as well. T_i are kept in the gradient's memory on the way there.
CURVOX_FN void ray_weights_gradient(const WeightsTask& task, int64_t ray, const int64_t* ends,
                                    const float* weights_gradient, const float* last_gradient,
                                    float* alpha_gradient) {
  const int64_t begin = task.offsets[ray], end = ends[ray];
  float transmittance = 1;
  for (int64_t i = begin; i < end; ++i) {
    alpha_gradient[i] = transmittance;
    transmittance *= 1 - task.alpha[i];
  }
  float rest = last_gradient[ray];
  for (int64_t i = end - 1; i >= begin; --i) {
    const float alpha = task.alpha[i], gradient = weights_gradient[i];
    alpha_gradient[i] *= gradient - rest;
    rest = alpha * gradient + (1 - alpha) * rest;
  }
  for (int64_t i = end; i < task.offsets[ray + 1]; ++i) alpha_gradient[i] = 0;
}

struct CompositeTask {
  const float* weights;    // [samples]
  const float* values;     // [samples, channels]
  const int64_t* offsets;  // [rays + 1]
  int64_t rays, channels;
};

// sums[ray, channel], for channels first to first + CHANNELS - 1.
template <int CHANNELS>
CURVOX_FN void ray_composite(const CompositeTask& task, int64_t ray, int64_t first, float* sums) {
  float sum[CHANNELS] = {};
  for (int64_t i = task.offsets[ray]; i < task.offsets[ray + 1]; ++i) {
    const float* value = task.values + i * task.channels + first;
    for (int c = 0; c < CHANNELS; ++c) sum[c] += task.weights[i] * value[c];
  }
  for (int c = 0; c < CHANNELS; ++c) sums[ray * task.channels + first + c] = sum[c];
}

// For samples first, first + stride, ... of a ray. Either gradient may be null: not wanted. CHANNELS
// is their number where it is known, for loops that the compiler unrolls, or 0.
template <int CHANNELS>
CURVOX_FN void ray_composite_gradient(const CompositeTask& task, int64_t ray, int64_t first,
                                      int64_t stride, const float* sums_gradient,
                                      float* weights_gradient, float* values_gradient) {
  const int64_t channels = CHANNELS ? CHANNELS : task.channels, end = task.offsets[ray + 1];
  const float* gradient = sums_gradient + ray * channels;
  for (int64_t i = task.offsets[ray] + first; i < end; i += stride) {
    const int64_t row = i * channels;
    if (weights_gradient) {
      float sum = 0;
      for (int64_t c = 0; c < channels; ++c) sum += gradient[c] * task.values[row + c];
      weights_gradient[i] = sum;
    }
    if (values_gradient) {
      const float weight = task.weights[i];
      for (int64_t c = 0; c < channels; ++c) values_gradient[row + c] = weight * gradient[c];
    }
  }
}

struct DistortionTask {
  const float* weights;    // [samples]
  const float* distances;  // [samples] ascending along each ray
  const float* widths;     // [samples], or null: `width` for all
  const int64_t* offsets;  // [rays + 1]
  int64_t rays;
  float width;
};

CURVOX_FN float width_of(const DistortionTask& task, int64_t i) {
  return task.widths ? task.widths[i] : task.width;
}

// Walks along sorted samples, and knows spread_i = sum of w_j |d_i - d_j| over the samples j passed
// before: from one sample to the next every term grows by the gap between them, so that one
// addition of what is never negative updates all and nothing cancels.
struct Spread {
  float passed = 0, spread = 0, previous = 0;

  CURVOX_FN float arrive(float weight, float distance) {
    // Nothing passed, no gap: `previous` means nothing yet.
    if (passed != 0) spread += passed * fabsf(distance - previous);
    previous = distance;
    passed += weight;
    return spread;
  }
};

// The loss of one ray: sum_ij w_i w_j |d_i - d_j| + 1/3 sum_i w_i^2 width_i (Barron et al. 2022,
// equation 15, with distances at the samples' middles).
CURVOX_FN float ray_distortion(const DistortionTask& task, int64_t ray) {
  Spread before;
  float loss = 0;
  for (int64_t i = task.offsets[ray]; i < task.offsets[ray + 1]; ++i) {
    const float weight = task.weights[i];
    const float spread = before.arrive(weight, task.distances[i]);
    loss += weight * (2 * spread + weight * width_of(task, i) / 3);
  }
  return loss;
}

// Gradient of a weight: 2 sum_j w_j |d_i - d_j| + 2/3 w_i width_i, from both sides.
CURVOX_FN void ray_distortion_gradient(const DistortionTask& task, int64_t ray,
                                       float loss_gradient, float* weights_gradient) {
  const int64_t begin = task.offsets[ray], end = task.offsets[ray + 1];
  Spread before, after;
  for (int64_t i = begin; i < end; ++i) {
    weights_gradient[i] = before.arrive(task.weights[i], task.distances[i]);
  }
  for (int64_t i = end - 1; i >= begin; --i) {
    const float spread =
        weights_gradient[i] + after.arrive(task.weights[i], task.distances[i]);
    weights_gradient[i] =
        2 * loss_gradient * (spread + task.weights[i] * width_of(task, i) / 3);
  }
}

}  // namespace curvox
