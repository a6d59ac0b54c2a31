// The shallow network of network_cpu.h on tensor cores: operands rounded to bfloat16, sums in
// float32. See tensor_tiles.h for how a warp holds its tiles.
//
// Layers narrower than kWidth, and features fewer than INPUTS, are filled up with zeros in shared
// memory: they add nothing.
#pragma once

#include "tensor_tiles.h"

namespace curvox {

constexpr int kColours = 3;
constexpr int kWidth = 128;
constexpr int kPad = 8;  // entries at the end of a row in shared memory, see tensor_tiles.h
constexpr int kStride = kWidth + kPad;
constexpr int kSquares = kWidth / 16;

struct NetworkTask {
  const float* features;     // [count, inputs]
  const float* ray_inputs;   // [rays, width], at least one; its address a multiple of 16
  const int32_t* ray_ids;    // [count], not falling
  const float* first;        // [width, inputs]
  const float* second;       // [width, width]; its address such, too, as that of last
  const float* second_bias;  // [width]
  const float* last;         // [3, width]
  const float* last_bias;    // [3]
  int64_t count;
  int rays, inputs, width;  // the width is a multiple of 16
};

template <int INPUTS>
struct alignas(16) NetworkWeights {
  Half first[kWidth * (INPUTS + kPad)];
  Half second[kWidth * kStride];
  Half last[8 * kStride];  // three rows count
  float second_bias[kWidth];
};

// All columns of four lie inside or outside.
template <int ROWS>
CURVOX_FN void load_layer(const float* from, int rows, int width, Half (&to)[ROWS * kStride],
                          int threads) {
#pragma unroll 16
  for (int i = threadIdx.x; i < ROWS * kWidth / 4; i += threads) {
    const int row = i / (kWidth / 4), column = i % (kWidth / 4) * 4;
    float4 four = {};
    if (row < rows && column < width) {
      four = *reinterpret_cast<const float4*>(from + row * width + column);
    }
    *reinterpret_cast<uint2*>(to + row * kStride + column) =
        make_uint2(round_pair(four.x, four.y), round_pair(four.z, four.w));
  }
}

// By all `threads` of the block.
template <int INPUTS>
CURVOX_FN void load_weights(const NetworkTask& task, NetworkWeights<INPUTS>& weights, int threads) {
  load_layer<kWidth>(task.second, task.width, task.width, weights.second, threads);
  load_layer<8>(task.last, kColours, task.width, weights.last, threads);
#pragma unroll 8
  for (int i = threadIdx.x; i < kWidth * INPUTS; i += threads) {
    const int row = i / INPUTS, column = i % INPUTS;
    const bool inside = row < task.width && column < task.inputs;
    weights.first[row * (INPUTS + kPad) + column] =
        inside ? round_half(task.first[row * task.inputs + column]) : Half{0};
  }
  for (int i = threadIdx.x; i < kWidth; i += threads) {
    weights.second_bias[i] = i < task.width ? task.second_bias[i] : 0;
  }
}

constexpr int kNoRay = -1;

// The number of a sample's ray, of the last sample's for those behind the end.
CURVOX_FN int ray_number(const NetworkTask& task, int64_t sample) {
  return task.ray_ids[smaller(sample, task.count - 1)];
}

// The same, or kNoRay for numbers that no ray has.
CURVOX_FN int ray_of(const NetworkTask& task, int number) {
  return number >= 0 && number < task.rays ? number : kNoRay;
}

// Two columns of what a ray gives to the first layer, and the next ones.
CURVOX_FN const float2* ray_columns(const NetworkTask& task, int ray, int column) {
  const float* const row = task.ray_inputs + int64_t{larger(ray, 0)} * task.width;
  return reinterpret_cast<const float2*>(row + column);
}

constexpr int kForwardThreads = 384;

// Colours, NaN where there is no ray. A warp takes 16 ROWS samples at a time, whose layers never
// leave its registers.
template <int INPUTS, int ROWS>
CURVOX_FN void network_colours(const NetworkTask& task, float* colours,
                               NetworkWeights<INPUTS>& weights) {
  constexpr int kInStride = INPUTS + kPad;
  load_weights(task, weights, kForwardThreads);
  __syncthreads();
  const int64_t warp = global_thread() / kWarp;
  const int64_t warps = block_count() * (kForwardThreads / kWarp);
  for (int64_t begin = warp * 16 * ROWS; begin < task.count; begin += warps * 16 * ROWS) {
    const int lane = fresh_thread() % kWarp, g = lane / 4, t = lane % 4;
    const Half* const first = row_across<kInStride>(weights.first, lane);
    const Half* const second = row_across<kStride>(weights.second, lane);
    const Half* const last = row_of_band<kStride>(weights.last, lane);
    uint32_t in[ROWS][INPUTS / 16][4];
    const float2* from_rays[ROWS][2];
    bool has_ray[ROWS][2];
#pragma unroll
    for (int m = 0; m < ROWS; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int64_t sample = begin + m * 16 + half * 8 + g;
        const int ray = ray_of(task, ray_number(task, sample));
        has_ray[m][half] = ray != kNoRay;
        from_rays[m][half] = ray_columns(task, ray, 2 * t);
        const float* const row = task.features + sample * task.inputs;
#pragma unroll
        for (int word = 0; word < INPUTS / 8; ++word) {
          const int column = word * 8 + 2 * t;
          const int left = sample < task.count ? task.inputs - column : 0;
          in[m][word / 2][word % 2 * 2 + half] =
              round_pair(left > 0 ? row[column] : 0, left > 1 ? row[column + 1] : 0);
        }
      }
    }
    uint32_t hidden[ROWS][kSquares][4];
    float2 ahead[ROWS][2][2] = {};  // of the square that is next
#pragma unroll
    for (int square = -1; square < kSquares; ++square) {
      float sums[ROWS][2][4];
#pragma unroll
      for (int i = 0; i < ROWS * 4; ++i) {
        float2& pair = ahead[i / 4][i / 2 % 2][i % 2];
        sums[i / 4][i / 2 % 2][i % 2 * 2] = pair.x;
        sums[i / 4][i / 2 % 2][i % 2 * 2 + 1] = pair.y;
        if ((square + 1) * 16 < smaller(task.width, kWidth)) {
          pair = from_rays[i / 4][i % 2][(square + 1) * 8 + i / 2 % 2 * 4];
        } else {
          pair = {};
        }
      }
      if (square < 0) continue;
#pragma unroll
      for (int k = 0; k < INPUTS / 16; ++k) {
        uint32_t b[4];
        load_blocks<false>(first + square * 16 * kInStride + k * 16, b);
#pragma unroll
        for (int m = 0; m < ROWS; ++m) {
          multiply_add(sums[m][0], in[m][k], b[0], b[1]);
          multiply_add(sums[m][1], in[m][k], b[2], b[3]);
        }
      }
#pragma unroll
      for (int m = 0; m < ROWS; ++m) rectify(sums[m], hidden[m][square]);
    }
    float out[ROWS][4] = {};
#pragma unroll 2
    for (int square = 0; square < kSquares; ++square) {
      const float* const bias = weights.second_bias + square * 16 + 2 * t;
      float sums[ROWS][2][4];
#pragma unroll
      for (int m = 0; m < ROWS; ++m) {
#pragma unroll
        for (int i = 0; i < 8; ++i) sums[m][i / 4][i % 4] = bias[i / 4 * 8 + i % 2];
      }
#pragma unroll
      for (int k = 0; k < kSquares; ++k) {
        uint32_t b[4];
        load_blocks<false>(second + square * 16 * kStride + k * 16, b);
#pragma unroll
        for (int m = 0; m < ROWS; ++m) {
          multiply_add(sums[m][0], hidden[m][k], b[0], b[1]);
          multiply_add(sums[m][1], hidden[m][k], b[2], b[3]);
        }
      }
      uint32_t b[4];  // of two squares
      load_blocks<false>(last + square / 2 * 32, b);
#pragma unroll
      for (int m = 0; m < ROWS; ++m) {
        uint32_t a[4];
        rectify(sums[m], a);
        multiply_add(out[m], a, square % 2 == 0 ? b[0] : b[2], square % 2 == 0 ? b[1] : b[3]);
      }
    }
#pragma unroll
    for (int m = 0; m < ROWS; ++m) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int64_t sample = begin + m * 16 + i / 2 * 8 + g;
        const int colour = 2 * t + i % 2;
        if (sample < task.count && colour < kColours) {
          const float x = out[m][i] + task.last_bias[colour];
          colours[sample * kColours + colour] =
              has_ray[m][i / 2] ? __fdividef(1, 1 + __expf(-x)) : float_from_bits(0x7fffffff);
        }
      }
    }
  }
}

}  // namespace curvox
