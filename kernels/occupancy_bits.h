// A mask of occupied points as bits, and the walk of a ray from one occupied sample to the next.
//
// The points of the mask are taken together in blocks of 4x4x4, one 64-bit word each. For every
// block there is also its reach: how many blocks it is to the nearest one that holds anything,
// counted along the axis where they are farthest apart (0: itself). So a ray in an empty block may
// jump out of the cube of all blocks nearer than that, which in open space is most of the way.
#pragma once

#include "grid.h"
#include "rays.h"

namespace curvox {

constexpr int kBlock = 4;  // mask points along an edge of a block

struct Occupancy {
  const int64_t* words;        // [blocks] bit (x * 4 + y) * 4 + z
  const unsigned char* reach;  // [blocks]
  const float* box;            // [2, 3] positions of the mask's first and last point
  int64_t shape[3];            // points of the mask
};

// One ray, and what the walk along it keeps. Mask coordinates have a half added, so that the
// nearest point is the whole part.
struct Walk {
  float origin[3], direction[3];
  float from, jitter, step;
  Grid mask;
  int32_t blocks[3];
  float start[3], slope[3];  // mask coordinates along the ray: start + distance * slope
  float slack;               // samples by which rounding may misplace an end
  int64_t first, end;        // samples that may lie in the mask
};

CURVOX_FN float distance_of(const Walk& walk, int64_t k) {
  return walk.from + (static_cast<float>(k) + walk.jitter) * walk.step;
}

CURVOX_FN void position_at(const Walk& walk, float distance, float* position) {
  for (int axis = 0; axis < 3; ++axis) {
    position[axis] = walk.origin[axis] + distance * walk.direction[axis];
  }
}

// The number of a sample at or a little before `distance`, between -1 and the ray's end.
CURVOX_FN int64_t sample_before(const Walk& walk, float distance) {
  const float samples = (distance - walk.from) / walk.step - walk.jitter - walk.slack;
  const float end = static_cast<float>(walk.end);
  return static_cast<int64_t>(samples > -1 ? (samples < end ? samples : end) : -1.0f);
}

CURVOX_FN Walk start_walk(const RayTask& task, const Occupancy& occupancy, int64_t ray) {
  Walk walk;
  const RayInterval inside = ray_interval(task, ray);
  walk.from = inside.from;
  walk.jitter = jitter_of(task, ray);
  walk.step = task.step;
  walk.mask = make_grid(occupancy.box, occupancy.shape[0], occupancy.shape[1], occupancy.shape[2]);
  // Positions are rounded to a few units in the last place of what they are the sum of.
  float size = fabsf(inside.to);
  float around[6];  // half a cell around the mask, and a little more
  for (int axis = 0; axis < 3; ++axis) {
    const float origin = task.origins[3 * ray + axis];
    walk.origin[axis] = origin;
    walk.direction[axis] = task.directions[3 * ray + axis];
    const float scale = walk.mask.scale[axis];
    walk.start[axis] = (origin - walk.mask.low[axis]) * scale + 0.5f;
    walk.slope[axis] = walk.direction[axis] * scale;
    walk.blocks[axis] = (walk.mask.shape[axis] + kBlock - 1) / kBlock;
    size += fabsf(origin) + fabsf(occupancy.box[axis]) + fabsf(occupancy.box[3 + axis]);
    around[axis] = occupancy.box[axis] - 0.501f / scale;
    around[3 + axis] = occupancy.box[3 + axis] + 0.501f / scale;
  }
  walk.slack = 0.01f + 1e-6f * size / walk.step;
  walk.first = 0;
  walk.end = sample_count(task, ray);
  RayTask in_mask = task;
  in_mask.box = around;
  const RayInterval occupied = ray_interval(in_mask, ray);
  if (!(occupied.from <= occupied.to)) {
    walk.end = 0;
    return walk;
  }
  walk.first = larger<int64_t>(sample_before(walk, occupied.from), 0);
  const float last = (occupied.to - walk.from) / walk.step - walk.jitter + walk.slack + 1;
  if (last < static_cast<float>(walk.end)) walk.end = last > 0 ? static_cast<int64_t>(last) : 0;
  return walk;
}

// Where the ray leaves the cube of blocks less than `reach` away from this one: a distance.
CURVOX_FN float leaves_cube(const Walk& walk, const int32_t* block, int reach) {
  float leaves = 3e38f;
  for (int axis = 0; axis < 3; ++axis) {
    const float slope = walk.slope[axis];
    if (fabsf(slope) < 1e-12f) continue;  // never, before the scene ends
    const int edge = kBlock * (slope > 0 ? block[axis] + reach : block[axis] - reach + 1);
    leaves = smaller(leaves, (static_cast<float>(edge) - walk.start[axis]) / slope);
  }
  return leaves;
}

// Whether the mask point nearest to sample `k` is set; if not, none is before sample `next`.
CURVOX_FN bool is_occupied(const Occupancy& occupancy, const Walk& walk, int64_t k,
                           int64_t& next) {
  float position[3];
  position_at(walk, distance_of(walk, k), position);
  int32_t block[3];
  int bit = 0;
  bool inside = true;
  for (int axis = 0; axis < 3; ++axis) {
    const float low = walk.mask.low[axis], scale = walk.mask.scale[axis];
    const float nearest = floorf((position[axis] - low) * scale + 0.5f);
    const bool within = nearest >= 0 && nearest < static_cast<float>(walk.mask.shape[axis]);
    const uint32_t point = within ? static_cast<uint32_t>(static_cast<int32_t>(nearest)) : 0u;
    inside = inside && within;
    block[axis] = static_cast<int32_t>(point / kBlock);
    bit = bit * kBlock + static_cast<int>(point % kBlock);
  }
  const int64_t index = (static_cast<int64_t>(block[0]) * walk.blocks[1] + block[1]) *
                            walk.blocks[2] + block[2];
  const int reach = occupancy.reach[index];
  if (inside && reach == 0 && (occupancy.words[index] >> bit & 1)) return true;
  next = k + 1;
  if (inside && reach > 0) {
    next = larger(next, sample_before(walk, leaves_cube(walk, block, reach)) + 1);
  }
  return false;
}

// The first sample from `k` on whose nearest mask point is set, or the walk's end.
CURVOX_FN int64_t next_occupied(const Occupancy& occupancy, const Walk& walk, int64_t k) {
  while (k < walk.end) {
    int64_t next;
    if (is_occupied(occupancy, walk, k, next)) return k;
    k = next;
  }
  return walk.end;
}

CURVOX_FN bool ray_hits(const RayTask& task, const Occupancy& occupancy, int64_t ray) {
  const Walk walk = start_walk(task, occupancy, ray);
  return next_occupied(occupancy, walk, walk.first) < walk.end;
}

}  // namespace curvox
