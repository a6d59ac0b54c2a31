// What a block of network_gradient_tiles.h works on: a tile of samples. Its layers [samples, width]
// are four by four parts, each in the hands of one warp, as sums of tiles of 16 x 8. Operands of
// products are in shared memory.
#pragma once

#include "network_tiles.h"

namespace curvox {

constexpr int kBackwardThreads = 512;
constexpr int kParts = 4;               // of the rows of a matrix, and of its columns
constexpr int kPart = kWidth / kParts;  // columns
constexpr int kPartTiles = kPart / 8;

// Samples of a tile: what fits into the shared memory of a block, 99 KB on some architectures, 163
// or 227 on others.
#if defined(__CUDA_ARCH__) && \
    (__CUDA_ARCH__ == 800 || __CUDA_ARCH__ == 870 || (__CUDA_ARCH__ >= 900 && __CUDA_ARCH__ < 1200))
constexpr int kTileSamples = 128;
#else
constexpr int kTileSamples = 64;
#endif
constexpr int kRows = kTileSamples / kParts / 16;  // tiles of 16 rows of a part

using Part = float[kRows][kPartTiles][4];  // of a layer: sums of 16 kRows x kPart
constexpr int kEntries = kRows * kPartTiles * 4;

struct NetworkGradients {
  const float* colours;           // [count, 3]
  const float* colours_gradient;  // [count, 3]
  float* features;                // [count, inputs]
  float* ray_inputs;              // [rays, width], zero
  float* ends;    // [tiles, 2, width], sums over the samples of a tile whose ray began in an earlier
                  // one, and of those whose ray goes on in the next
  int32_t* live;  // [tiles], whether any sample of a tile has a gradient
  float* sums;    // [blocks, sums_stride], of the weights' gradients: second, first, second_bias,
                  // last, last_bias
};

CURVOX_FN int weight_count(const NetworkTask& task) {
  return task.width * (task.width + task.inputs + 1 + kColours) + kColours;
}

CURVOX_FN int sums_stride(const NetworkTask& task) { return (weight_count(task) + 3) / 4 * 4; }

template <int INPUTS>
struct alignas(16) BackwardMemory {
  NetworkWeights<INPUTS> weights;
  Half in[kTileSamples * (INPUTS + kPad)];
  Half out[kTileSamples * 8];           // gradient before the sigmoid; three columns count
  Half hidden[kTileSamples * kStride];  // the first layer, then its gradient
  Half delta[kTileSamples * kStride];   // the second layer's gradient
  int rays[kTileSamples];
  uint32_t starts[kTileSamples / kWarp];  // a bit for each sample: a stretch of one ray
  unsigned char begins[kTileSamples + 1];  // of the stretches, and where the last one ends
  unsigned char stretches;
};

// Where a thread is in its block, and where its part of a layer begins.
struct Place {
  uint32_t thread, lane, warp, g, t;
  int part_row, part_column;

  CURVOX_FN Place()
      : thread(fresh_thread()),
        lane(thread % kWarp),
        warp(thread / kWarp),
        g(lane / 4),
        t(lane % 4),
        part_row(warp / kParts * 16 * kRows),
        part_column(warp % kParts * kPart) {}

  // Of entry i of a tile of the part.
  CURVOX_FN int row(int m, int i) const { return part_row + m * 16 + i / 2 * 8 + g; }
  CURVOX_FN int column(int n, int i) const { return part_column + n * 8 + 2 * t + i % 2; }
  // Of the sums of weights' gradients.
  CURVOX_FN int second_row() const { return warp / kParts * kPart; }
  CURVOX_FN int bias_column() const { return column(g / 2, g % 2); }
  CURVOX_FN int first_row() const { return warp % kSquares * 16; }
  CURVOX_FN int first_column(int n) const { return (n * 2 + warp / kSquares) * 8; }
};

// sums += 16 columns of a layer times b; `left` is the lane's row of the part's first square.
template <int STRIDE>
CURVOX_FN void multiply_part(const Half* left, const uint32_t (&b)[2][4], Part& sums) {
#pragma unroll
  for (int m = 0; m < kRows; ++m) {
    uint32_t a[4];
    load_blocks<false>(left + m * 16 * STRIDE, a);
#pragma unroll
    for (int n = 0; n < kPartTiles; ++n) {
      multiply_add(sums[m][n], a, b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
    }
  }
}

// sums += a layer [samples, DEPTH] times the transpose of weights [width, DEPTH]
template <int STRIDE, int DEPTH>
CURVOX_FN void multiply_weights(const Place& place, const Half* layer, const Half* weights,
                                Part& sums) {
  const Half* const left = row_down<STRIDE>(layer + place.part_row * STRIDE, place.lane);
  const Half* const right = row_across<STRIDE>(weights + place.part_column * STRIDE, place.lane);
#pragma unroll 1
  for (int k = 0; k < DEPTH; k += 16) {
    uint32_t b[2][4];
    load_blocks<false>(right + k, b[0]);
    load_blocks<false>(right + 16 * STRIDE + k, b[1]);
    multiply_part<STRIDE>(left + k, b, sums);
  }
}

CURVOX_FN float& entry(Part& sums, int i) { return sums[i / 16][i / 4 % 4][i % 4]; }

CURVOX_FN void clear(Part& sums) {
#pragma unroll
  for (int i = 0; i < kEntries; ++i) entry(sums, i) = 0;
}

// A bit for each entry: gradients pass where it was not zero or less.
CURVOX_FN int rectify_part(Part& sums) {
  int passes = 0;
#pragma unroll
  for (int i = 0; i < kEntries; ++i) {
    if (!(entry(sums, i) <= 0)) passes |= 1 << i;
    entry(sums, i) = rectified(entry(sums, i));
  }
  // If it were not fresh, the compiler would keep all entries, to ask them when the bits are used.
  return fresh(passes);
}

CURVOX_FN void mask_part(Part& sums, int passes) {
#pragma unroll
  for (int i = 0; i < kEntries; ++i) {
    if ((passes >> i & 1) == 0) entry(sums, i) = 0;
  }
}

CURVOX_FN void store_part(const Part& sums, Half* layer) {
  const Place place;
#pragma unroll
  for (int i = 0; i < kEntries; i += 2) {
    const int m = i / 16, n = i / 4 % 4;
    *reinterpret_cast<uint32_t*>(layer + place.row(m, i % 4) * kStride + place.column(n, 0)) =
        round_pair(sums[m][n][i % 4], sums[m][n][i % 4 + 1]);
  }
}

}  // namespace curvox
