// Evenly spaced samples along rays, inside a box, as one ragged list; and the look-up of points in
// an occupancy mask.
#pragma once

#include "portable.h"

namespace curvox {

struct RayTask {
  const float* origins;     // [rays, 3]
  const float* directions;  // [rays, 3]
  const float* box;         // [2, 3] lowest and highest corner
  const float* jitter;      // [rays] in [0, 1), or null: a half for every ray
  int64_t rays;
  float near, far, step;  // distances
};

struct RayInterval {
  float from, to;  // empty where to < from
};

// More samples than a list may have; a ray is cut there so that its count fits any integer.
constexpr float kTooManySamples = 2147483648.0f;

// What [near, far] and the box have in common on a ray (the slab test of Kay & Kajiya 1986). A ray
// parallel to a face is in that slab everywhere or nowhere; the division would be 0 / 0 on the face.
CURVOX_FN RayInterval ray_interval(const RayTask& task, int64_t ray) {
  RayInterval inside{task.near, task.far};
  for (int axis = 0; axis < 3; ++axis) {
    const float origin = task.origins[3 * ray + axis];
    const float direction = task.directions[3 * ray + axis];
    const float low = task.box[axis], high = task.box[3 + axis];
    if (direction == 0) {
      if (!(low <= origin && origin <= high)) return {0, -1};
      continue;
    }
    const float one = (low - origin) / direction, other = (high - origin) / direction;
    inside.from = larger(inside.from, smaller(one, other));
    inside.to = smaller(inside.to, larger(one, other));
  }
  return inside;
}

CURVOX_FN float jitter_of(const RayTask& task, int64_t ray) {
  return task.jitter ? task.jitter[ray] : 0.5f;
}

CURVOX_FN int64_t sample_count(const RayTask& task, int64_t ray) {
  const RayInterval inside = ray_interval(task, ray);
  const float count = ceilf((inside.to - inside.from) / task.step - jitter_of(task, ray));
  return count > 0 ? static_cast<int64_t>(smaller(count, kTooManySamples)) : 0;  // NaN: 0
}

struct RayList {
  const int64_t* offsets;  // [rays + 1]
  float* points;           // [samples, 3]
  float* distances;        // [samples]
  int32_t* ray_ids;        // [samples]
};

// Writes samples first, first + stride, ... of a ray.
CURVOX_FN void emit_samples(const RayTask& task, const RayList& list, int64_t ray, int64_t first,
                            int64_t stride) {
  const int64_t begin = list.offsets[ray], count = list.offsets[ray + 1] - begin;
  if (count == 0) return;
  const float from = ray_interval(task, ray).from, jitter = jitter_of(task, ray);
  // Copies: for all that the compiler knows, what is written could be what these are read from.
  const float origin[3] = {task.origins[3 * ray], task.origins[3 * ray + 1],
                           task.origins[3 * ray + 2]};
  const float direction[3] = {task.directions[3 * ray], task.directions[3 * ray + 1],
                              task.directions[3 * ray + 2]};
  const float step = task.step;
  float* points = list.points + 3 * begin;
  float* distances = list.distances + begin;
  int32_t* ray_ids = list.ray_ids + begin;
  for (int64_t k = first; k < count; k += stride) {
    const float distance = from + (static_cast<float>(k) + jitter) * step;
    for (int axis = 0; axis < 3; ++axis) {
      points[3 * k + axis] = origin[axis] + distance * direction[axis];
    }
    distances[k] = distance;
    ray_ids[k] = static_cast<int32_t>(ray);
  }
}

struct OccupancyTask {
  const float* points;         // [count, 3]
  const unsigned char* mask;   // [shape[0], shape[1], shape[2]]
  const float* box;            // [2, 3]
  int64_t shape[3];
  int64_t count;
};

// Whether the mask's grid point nearest to a point is set. The range is tested on floats, where NaN
// and infinity fail it, before any index is made of them; without a branch, which would often be
// predicted wrongly.
CURVOX_FN bool occupied_at(const OccupancyTask& task, int64_t i) {
  bool inside = true;
  int64_t row = 0;
  for (int axis = 0; axis < 3; ++axis) {
    const float low = task.box[axis], high = task.box[3 + axis];
    const float last = static_cast<float>(task.shape[axis] - 1);
    const float scale = last / (high - low);  // rounded as the marching kernel does
    const float nearest = floorf((task.points[3 * i + axis] - low) * scale + 0.5f);
    const bool between = (nearest >= 0) & (nearest <= last);
    row = row * task.shape[axis] + static_cast<int64_t>(between ? nearest : 0.0f);
    inside &= between;
  }
  return inside & (task.mask[row] != 0);
}

}  // namespace curvox
