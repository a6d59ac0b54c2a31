// Total variation of a voxel grid: Huber's function of the differences between neighbours.
#pragma once

#include "portable.h"

namespace curvox {

struct VariationTask {
  const float* values;           // [shape[0] * shape[1] * shape[2], channels]
  const unsigned char* touched;  // a flag for each voxel, or null: all are
  const double* scales;          // [3] factors of the differences along each axis
  int64_t shape[3];
  int64_t channels;
};

// Pairs of neighbours: voxels first to first + count - 1, each with the one `step` further on.
struct Pairs {
  int64_t first, step, count;
};

CURVOX_FN int64_t row_count(const VariationTask& task) { return task.shape[0] * task.shape[1]; }

// Pairs along an axis in which the voxels of a row along z are the lower ones.
CURVOX_FN Pairs pairs_above(const VariationTask& task, int64_t row, int axis) {
  const int64_t depth = task.shape[2], first = row * depth;
  const int64_t x = row / task.shape[1], y = row % task.shape[1];
  if (axis == 0) return {first, task.shape[1] * depth, x + 1 < task.shape[0] ? depth : 0};
  if (axis == 1) return {first, depth, y + 1 < task.shape[1] ? depth : 0};
  return {first, 1, depth - 1};
}

// ... and in which they are the upper ones.
CURVOX_FN Pairs pairs_below(const VariationTask& task, int64_t row, int axis) {
  const int64_t depth = task.shape[2], first = row * depth, plane = task.shape[1] * depth;
  if (axis == 0) return {first - plane, plane, row >= task.shape[1] ? depth : 0};
  if (axis == 1) return {first - depth, depth, row % task.shape[1] > 0 ? depth : 0};
  return {first, 1, depth - 1};
}

// Calls body(voxel, count) for stretches of pairs whose lower voxels are touched.
template <class Body>
CURVOX_FN void over_touched(const VariationTask& task, const Pairs& pairs, Body body) {
  if (!task.touched) return body(pairs.first, pairs.count);
  for (int64_t voxel = pairs.first; voxel < pairs.first + pairs.count; ++voxel) {
    if (task.touched[voxel]) body(voxel, 1);
  }
}

// Sum over a row along z of what its pairs with the next voxels along all axes add to the loss.
CURVOX_FN double row_variation(const VariationTask& task, int64_t row) {
  double loss = 0;
  for (int axis = 0; axis < 3; ++axis) {
    const Pairs pairs = pairs_above(task, row, axis);
    double along = 0;
    over_touched(task, pairs, [&](int64_t voxel, int64_t count) {
      const float* lower = task.values + voxel * task.channels;
      const float* upper = lower + pairs.step * task.channels;
      float sum = 0;
      CURVOX_SIMD_SUM(sum)
      for (int64_t i = 0; i < count * task.channels; ++i) {
        const float size = fabsf(upper[i] - lower[i]);
        sum += size < 1 ? 0.5f * size * size : size - 0.5f;
      }
      along += sum;
    });
    loss += task.scales[axis] * along;
  }
  return loss;
}

// The gradient of a row's voxels, from the pairs above and below them: it is written by this row
// alone. The slope of Huber's function is the difference, cut to [-1, 1].
CURVOX_FN void row_variation_gradient(const VariationTask& task, int64_t row, float loss_gradient,
                                      float* gradient) {
  const int64_t depth = task.shape[2], channels = task.channels;
  for (int64_t i = 0; i < depth * channels; ++i) gradient[row * depth * channels + i] = 0;
  for (int side = 0; side < 2; ++side) {  // of the pair on which this row is: lower, upper
    for (int axis = 0; axis < 3; ++axis) {
      const Pairs pairs = side ? pairs_below(task, row, axis) : pairs_above(task, row, axis);
      const float scale = static_cast<float>(task.scales[axis]) * loss_gradient;
      const float factor = side ? scale : -scale;
      over_touched(task, pairs, [&](int64_t voxel, int64_t count) {
        const float* lower = task.values + voxel * channels;
        const float* upper = lower + pairs.step * channels;
        float* out = gradient + (voxel + side * pairs.step) * channels;
        for (int64_t i = 0; i < count * channels; ++i) {
          out[i] += factor * larger(smaller(upper[i] - lower[i], 1.0f), -1.0f);
        }
      });
    }
  }
}

}  // namespace curvox
