// The march for CUDA, as block programs (portable.h): a block of one warp takes a ray, and looks at
// as many of its samples at a time as it has threads. What is a chain along the ray, transmittances
// and what is behind a sample, each thread follows from the run's beginning to its own sample, in
// the order of march.h.
#pragma once

#include "march.h"

namespace curvox {

constexpr int kRayThreads = 64;  // of a block in which each thread has a ray of its own

// Neighbouring samples of a ray, one for each thread.
struct SampleRun {
  uint32_t lit;  // which are occupied and not too transparent
  int64_t next;  // the first sample behind them that may be
  float distance[kWarp], density[kWarp], alpha[kWarp];
};

CURVOX_FN bool look_at_sample(const MarchTask& task, const Walk& walk, int64_t k, int thread,
                              SampleRun& run) {
  int64_t next = k + 1;
  const bool occupied = k < walk.end && is_occupied(task.occupancy, walk, k, next);
  if (thread == kWarp - 1) run.next = next;
  if (!occupied) return false;
  const float distance = distance_of(walk, k);
  float position[3];
  position_at(walk, distance, position);
  const Cell cell = find_cell(task.grid, position);
  const float density = interpolate_channel(task.grid, cell, task.density, 1, 0);
  const float alpha = alpha_of({&density, 1, task.shift, task.interval}, 0);
  run.distance[thread] = distance;
  run.density[thread] = density;
  run.alpha[thread] = alpha;
  return !(alpha < task.alpha_threshold);
}

// Calls visit(seen, transmittance) for runs of samples: which of them let light through to the
// camera, a bit for each, and what is left of the light before them. Returns what is left behind
// the last one.
template <class Visit>
CURVOX_FN float march_block(const MarchTask& task, int64_t ray, SampleRun& run, Visit visit) {
  const Block<kWarp> block;
  const Walk walk = start_walk(task.rays, task.occupancy, ray);
  float transmittance = 1;
  for (int64_t k = walk.first; k < walk.end && !(transmittance < task.stop); k = run.next) {
    block.each([](int) {});  // nobody reads the run before any more
    block.vote(&run.lit, [&](int thread) {
      return look_at_sample(task, walk, k + thread, thread, run);
    });
    const float before = transmittance;
    uint32_t seen = 0;
    for (int i = 0; i < kWarp && !(transmittance < task.stop); ++i) {
      if (!(run.lit >> i & 1)) continue;
      seen |= 1u << i;
      transmittance *= 1 - run.alpha[i];
    }
    visit(seen, before);
  }
  return transmittance;
}

// What is left of the light before a sample of the run, where `transmittance` is before all.
CURVOX_FN float light_before(const SampleRun& run, uint32_t seen, int thread,
                             float transmittance) {
  for (int i = 0; i < thread; ++i) {
    if (seen >> i & 1) transmittance *= 1 - run.alpha[i];
  }
  return transmittance;
}

// Neighbouring samples of a ray's list.
struct GradientRun {
  float alpha[kWarp], gradient[kWarp];
  float carried;  // along the chain, to the next run
};

// march_ray_gradient as a block program.
CURVOX_FN void march_block_gradient(const WeightsTask& weights, const AlphaTask& alpha,
                                    int64_t ray, GradientRun& run, const float* weights_gradient,
                                    const float* last_gradient, float* density_gradient) {
  const Block<kWarp> block;
  const int64_t begin = weights.offsets[ray], end = weights.offsets[ray + 1];
  if (begin == end) return;
  const auto load = [&](int64_t first, int thread) {
    const int64_t i = first + thread;
    run.alpha[thread] = i < end ? weights.alpha[i] : 0;
    run.gradient[thread] = i < end ? weights_gradient[i] : 0;
  };
  float light = 1;
  for (int64_t first = begin; first < end; first += kWarp) {
    block.each([&](int thread) { load(first, thread); });
    block.each([&](int thread) {
      float before = light;
      for (int i = 0; i < thread; ++i) before *= 1 - run.alpha[i];
      if (first + thread < end) density_gradient[first + thread] = before;
      if (thread == kWarp - 1) run.carried = before * (1 - run.alpha[thread]);
    });
    light = run.carried;
    block.each([](int) {});
  }
  float rest = last_gradient[ray];
  for (int64_t first = begin + (end - begin - 1) / kWarp * kWarp; first >= begin; first -= kWarp) {
    block.each([&](int thread) { load(first, thread); });
    block.each([&](int thread) {
      float behind = rest;
      for (int i = kWarp - 1; i > thread; --i) {
        behind = run.alpha[i] * run.gradient[i] + (1 - run.alpha[i]) * behind;
      }
      const float own = run.alpha[thread], gradient = run.gradient[thread];
      if (first + thread < end) {
        float& result = density_gradient[first + thread];
        result = result * (gradient - behind) * alpha_slope(alpha, first + thread);
      }
      if (thread == 0) run.carried = own * gradient + (1 - own) * behind;
    });
    rest = run.carried;
    block.each([](int) {});
  }
}

}  // namespace curvox
