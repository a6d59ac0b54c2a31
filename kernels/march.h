// One ray through a density grid: the samples that are occupied and not too transparent, and how
// much each weighs, up to where the ray has lost its light.
#pragma once

#include "alpha.h"
#include "composite.h"
#include "occupancy_bits.h"

namespace curvox {

struct MarchTask {
  RayTask rays;  // its box is the grid's
  Occupancy occupancy;
  Grid grid;
  const float* density;   // [points of the grid] raw
  float shift, interval;  // as in AlphaTask
  float alpha_threshold;  // less is left out
  float stop;             // the ray ends when its transmittance falls under it
};

struct MarchedSample {
  float distance, density, alpha, weight;
};

// Calls emit(MarchedSample) in the order of distance, and returns the transmittance behind the last
// one. TOGETHER samples are evaluated at a time: their loads from memory overlap, and compilers
// make vector code of the loops over them.
template <int TOGETHER, class Emit>
CURVOX_FN float march_ray(const MarchTask& task, int64_t ray, Emit emit) {
  const Walk walk = start_walk(task.rays, task.occupancy, ray);
  float distances[TOGETHER], densities[TOGETHER], alphas[TOGETHER];
  const AlphaTask alpha{densities, TOGETHER, task.shift, task.interval};
  float transmittance = 1;
  int64_t k = walk.first;
  while (true) {
    int count = 0;
    while (count < TOGETHER) {
      k = next_occupied(task.occupancy, walk, k);
      if (k >= walk.end) break;
      distances[count++] = distance_of(walk, k++);
    }
    if (count == 0) return transmittance;
    for (int i = count; i < TOGETHER; ++i) distances[i] = distances[0];
    for (int i = 0; i < TOGETHER; ++i) {
      float position[3];
      position_at(walk, distances[i], position);
      const Cell cell = find_cell(task.grid, position);
      densities[i] = interpolate_channel(task.grid, cell, task.density, 1, 0);
    }
    for (int i = 0; i < TOGETHER; ++i) alphas[i] = alpha_of(alpha, i);
    for (int i = 0; i < count; ++i) {
      if (alphas[i] < task.alpha_threshold) continue;
      emit(MarchedSample{distances[i], densities[i], alphas[i], alphas[i] * transmittance});
      transmittance *= 1 - alphas[i];
      if (transmittance < task.stop) return transmittance;
    }
  }
}

// The gradient of the raw density of a ray's samples, from those of its weights and of the
// transmittance behind it. weights.alpha and alpha.density are what march_ray emitted.
CURVOX_FN void march_ray_gradient(const WeightsTask& weights, const AlphaTask& alpha, int64_t ray,
                                  const float* weights_gradient, const float* last_gradient,
                                  float* density_gradient) {
  // No sample was emitted behind the one that ends its ray.
  const int64_t* ends = weights.offsets + 1;
  ray_weights_gradient(weights, ray, ends, weights_gradient, last_gradient, density_gradient);
  for (int64_t i = weights.offsets[ray]; i < ends[ray]; ++i) {
    density_gradient[i] *= alpha_slope(alpha, i);
  }
}

}  // namespace curvox
