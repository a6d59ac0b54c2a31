// The gradient of what each ray gives to the network: the sum over its samples, which stand side by
// side. Within a tile of samples a ray has a stretch. Rays of one stretch are done with it; longer
// ones leave a sum a tile.
#pragma once

#include "network_parts.h"

namespace curvox {

// The ray of a sample of the tile, and whether a stretch starts there. The samples of a warp are 32
// neighbours.
template <int INPUTS>
CURVOX_FN void note_ray(int row, int ray, bool starts, BackwardMemory<INPUTS>& memory) {
  memory.rays[row] = ray;
  const uint32_t word = __ballot_sync(~0u, starts);
  if (row % kWarp == 0) memory.starts[row / kWarp] = word;
}

// The same thread once all have done this.
template <int INPUTS>
CURVOX_FN void note_stretch(int row, int count, bool starts, BackwardMemory<INPUTS>& memory) {
  int before = count_bits(memory.starts[row / kWarp] & ((1u << row % kWarp) - 1));
  for (int word = 0; word < row / kWarp; ++word) before += count_bits(memory.starts[word]);
  if (starts) memory.begins[before] = static_cast<unsigned char>(row);
  if (row == kTileSamples - 1) {
    memory.stretches = static_cast<unsigned char>(before + starts);
    memory.begins[before + starts] = static_cast<unsigned char>(count);
  }
}

// Sums over the rows of memory.hidden. A warp takes half of the columns of a stretch, a thread
// eight of them and every fourth row.
template <int INPUTS>
CURVOX_FN void sum_stretches(const NetworkTask& task, const NetworkGradients& gradients,
                             const BackwardMemory<INPUTS>& memory, int tile) {
  const int64_t begin = int64_t{tile} * kTileSamples, end = begin + kTileSamples;
  const Place place;
  const int first_row = place.lane / 8;
  for (int i = place.warp; i < 2 * memory.stretches; i += kBackwardThreads / kWarp) {
    const int from = memory.begins[i / 2], to = memory.begins[i / 2 + 1], ray = memory.rays[from];
    const int column = i % 2 * (kWidth / 2) + place.lane % 8 * 8;
    if (ray == kNoRay) continue;
    float sums[8] = {};
#pragma unroll 2
    for (int row = from + first_row; row < to; row += 4) {
      const uint4 words = *reinterpret_cast<const uint4*>(memory.hidden + row * kStride + column);
      const uint32_t pairs[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        sums[j] += j % 2 == 0 ? first_of_pair(pairs[j / 2]) : second_of_pair(pairs[j / 2]);
      }
    }
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      sums[j] += __shfl_xor_sync(~0u, sums[j], 8);
      sums[j] += __shfl_xor_sync(~0u, sums[j], 16);
    }
    const bool began = from == 0 && begin > 0 && task.ray_ids[begin - 1] == ray;
    const bool goes_on = to == kTileSamples && end < task.count && task.ray_ids[end] == ray;
    float* const row = began     ? gradients.ends + int64_t{tile} * 2 * task.width
                       : goes_on ? gradients.ends + (int64_t{tile} * 2 + 1) * task.width
                                 : gradients.ray_inputs + int64_t{ray} * task.width;
    if (column < task.width && first_row == 0) {
      float4* const to_columns = reinterpret_cast<float4*>(row + column);
      to_columns[0] = make_float4(sums[0], sums[1], sums[2], sums[3]);
      to_columns[1] = make_float4(sums[4], sums[5], sums[6], sums[7]);
    }
  }
}

// When all tiles are done: the ray that begins in a tile and goes on behind it, if there is one. A
// thread takes a column. Where a list is filled up with samples without gradient, a ray may own most
// of all tiles: a warp looks at 32 of them at a time for those that have any.
CURVOX_FN void sum_long_ray(const NetworkTask& task, const NetworkGradients& gradients, int tile) {
  const int tiles = static_cast<int>((task.count + kTileSamples - 1) / kTileSamples);
  const int64_t begin = int64_t{tile} * kTileSamples, end = begin + kTileSamples;
  if (end >= task.count) return;
  const int ray = ray_of(task, task.ray_ids[end]);
  if (ray == kNoRay || task.ray_ids[end - 1] != ray) return;
  if (begin > 0 && task.ray_ids[begin - 1] == ray) return;
  const int column = threadIdx.x, lane = column % kWarp;
  const bool inside = column < task.width;
  const float* const ends = gradients.ends + column;
  float sum = inside && gradients.live[tile] ? ends[(int64_t{tile} * 2 + 1) * task.width] : 0;
  constexpr int kAtOnce = 4;  // groups of 32
  bool ended = false;
  for (int first = tile + 1; !ended; first += kAtOnce * kWarp) {
    bool reached[kAtOnce], taken[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int other = first + i * kWarp + lane;
      reached[i] = other < tiles && task.ray_ids[int64_t{other} * kTileSamples] == ray;
      taken[i] = other < tiles && gradients.live[other] != 0;
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      uint32_t bits = __ballot_sync(~0u, reached[i] && taken[i]);
      for (; bits != 0; bits &= bits - 1) {
        const int64_t other = first + i * kWarp + __ffs(bits) - 1;
        if (inside) sum += ends[other * 2 * task.width];
      }
      if (!__all_sync(~0u, reached[i])) ended = true;
    }
  }
  if (inside) gradients.ray_inputs[int64_t{ray} * task.width + column] = sum;
}

}  // namespace curvox
