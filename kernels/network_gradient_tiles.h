// The way back through the network of network_tiles.h.
//
// A block of kBackwardThreads takes a tile of samples at a time, computes the layers anew, and adds
// to the sums of the weights' gradients that its warps keep in registers until the end: nothing is
// added atomically, so the result has the same bits every time.
#pragma once

#include "network_rays.h"

namespace curvox {

// What a warp keeps while the block goes through its tiles: sums of the weights' gradients.
template <int INPUTS>
struct WarpSums {
  float second[2][kPartTiles][4];  // rows part_row * 32, columns part_column * 32
  float first[INPUTS / 16][4];     // rows warp % 8 * 16, every other tile of columns
  float last[2][4];                // transposed, rows part_column * 32; of samples of part_row
  float second_bias;               // of the column bias_column(); of samples of part_row
  float last_bias;                 // of the entry that the thread loads
};

template <int INPUTS>
class NetworkBackward {
 public:
  CURVOX_FN NetworkBackward(const NetworkTask& task, const NetworkGradients& gradients,
                            BackwardMemory<INPUTS>& memory)
      : task_(task), gradients_(gradients), memory_(memory) {}

  CURVOX_FN void run() {
    load_weights(task_, memory_.weights, kBackwardThreads);
    for (int i = fresh_thread(); i < kTileSamples * 8; i += kBackwardThreads) memory_.out[i] = 0;
    const int tiles = static_cast<int>((task_.count + kTileSamples - 1) / kTileSamples);
    Fetched fetched = fetch(blockIdx.x);
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
      __syncthreads();
      const bool live = store(fetched, fresh(tile));
      if (live) to_first_delta();
      if (kFetchesEarly) fetched = fetch(fresh(tile) + gridDim.x);
      if (live) {
        features_gradient(fresh(tile));
        add_to_first();
        sum_stretches(task_, gradients_, memory_, fresh(tile));
      } else {
        clear_features_gradient(fresh(tile));
      }
      if (!kFetchesEarly) fetched = fetch(fresh(tile) + gridDim.x);
    }
    __syncthreads();
    write_sums();
  }

 private:
  static constexpr int kInStride = INPUTS + kPad;
  // A thread loads so many pairs of features, of samples so far apart.
  static constexpr int kPairs = kTileSamples * INPUTS / 2 / kBackwardThreads;
  static constexpr int kPairStep = kBackwardThreads / (INPUTS / 2);
  static constexpr bool kFetchesEarly = INPUTS == 16;  // more do not fit into the registers
  static constexpr int kFirstOfRays = kBackwardThreads - kTileSamples;  // a thread a sample

  CURVOX_FN int samples(int tile) const {
    return static_cast<int>(
        smaller<int64_t>(kTileSamples, task_.count - int64_t{tile} * kTileSamples));
  }

  // What a thread loads of a tile while the block is busy with the one before: pairs of features, a
  // colour, its gradient, and in the last warps the numbers of a sample's ray and of that before.
  struct Fetched {
    float2 features[kPairs];
    float colour, gradient;
    int ray, ray_before;
  };

  CURVOX_FN Fetched fetch(int tile) const {
    Fetched fetched = {};
    const int64_t begin = int64_t{tile} * kTileSamples;
    if (begin >= task_.count) return fetched;
    const int count = samples(tile), thread = fresh_thread();
    const int first = pair_row(thread), column = pair_column(thread);
    const float* const features = task_.features + (begin + first) * task_.inputs + column;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      const float* const from = features + i * kPairStep * task_.inputs;
      const int left = first + i * kPairStep < count ? task_.inputs - column : 0;
      if (left > 0) fetched.features[i].x = from[0];
      if (left > 1) fetched.features[i].y = from[1];
    }
    if (thread < count * kColours) {
      fetched.colour = gradients_.colours[begin * kColours + thread];
      fetched.gradient = gradients_.colours_gradient[begin * kColours + thread];
    }
    const int row = thread - kFirstOfRays;
    if (row >= 0) {
      fetched.ray = ray_number(task_, begin + row);
      fetched.ray_before = ray_number(task_, begin + larger(row, 1) - 1);
    }
    return fetched;
  }

  // Where the first pair of a thread is.
  CURVOX_FN static int pair_row(uint32_t thread) { return thread / (INPUTS / 2); }
  CURVOX_FN static int pair_column(uint32_t thread) { return thread % (INPUTS / 2) * 2; }

  CURVOX_FN static int fetched_entry(uint32_t thread) {
    return thread / kColours * 8 + thread % kColours;
  }

  // Whether any gradient is not zero.
  CURVOX_FN bool store(const Fetched& fetched, int tile) {
    const int count = samples(tile), thread = fresh_thread();
    Half* const in = memory_.in + pair_row(thread) * kInStride + pair_column(thread);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      *reinterpret_cast<uint32_t*>(in + i * kPairStep * kInStride) =
          round_pair(fetched.features[i].x, fetched.features[i].y);
    }
    // Zero behind the end of the list, as what was fetched is.
    const float delta = fetched.gradient * (fetched.colour * (1 - fetched.colour));
    if (thread < kTileSamples * kColours) {
      memory_.out[fetched_entry(thread)] = round_half(delta);
      sums_.last_bias += delta;
    }
    const int row = thread - kFirstOfRays;
    bool starts = false;
    if (row >= 0) {
      starts = row == 0 || (row < count && fetched.ray != fetched.ray_before);
      note_ray(row, ray_of(task_, fetched.ray), starts, memory_);
    }
    const bool live = __syncthreads_or(delta != 0);
    if (row >= 0) note_stretch(row, count, starts, memory_);
    if (thread == 0) gradients_.live[tile] = live;
    return live;
  }

  CURVOX_FN void clear_features_gradient(int tile) const {
    float* const to = gradients_.features + int64_t{tile} * kTileSamples * task_.inputs;
    const int count = samples(tile) * task_.inputs;
    for (int i = fresh_thread(); i < count; i += kBackwardThreads) to[i] = 0;
  }

  CURVOX_FN void to_first_delta() {
    Part sums;
    first_layer(sums);
    const int first_passes = rectify_part(sums);
    store_part(sums, memory_.hidden);
    __syncthreads();

    second_layer(sums);
    const int second_passes = rectify_part(sums);
    add_to_last(sums);
    second_delta(sums);
    mask_part(sums, second_passes);
    add_to_second_bias(sums);
    store_part(sums, memory_.delta);
    __syncthreads();

    add_to_second();
    first_delta(sums);
    mask_part(sums, first_passes);
    __syncthreads();  // all have read the first layer
    store_part(sums, memory_.hidden);
    __syncthreads();
  }

  CURVOX_FN void first_layer(Part& sums) const {
    const Place place;
    clear(sums);
#pragma unroll
    for (int i = 0; i < kRows * 4; i += 2) {
      const int ray = memory_.rays[place.row(i / 4, i % 4)];
      const float2* const columns = ray_columns(task_, ray, place.column(0, 0));
#pragma unroll
      for (int n = 0; n < kPartTiles; ++n) {
        if (place.part_column + n * 8 < task_.width) {
          const float2 pair = columns[n * 4];
          sums[i / 4][n][i % 4] = pair.x;
          sums[i / 4][n][i % 4 + 1] = pair.y;
        }
      }
    }
    multiply_weights<kInStride, INPUTS>(place, memory_.in, memory_.weights.first, sums);
  }

  CURVOX_FN void second_layer(Part& sums) const {
    const Place place;
#pragma unroll
    for (int n = 0; n < kPartTiles; ++n) {
#pragma unroll
      for (int i = 0; i < kRows * 4; ++i) {
        sums[i / 4][n][i % 4] = memory_.weights.second_bias[place.column(n, i)];
      }
    }
    multiply_weights<kStride, kWidth>(place, memory_.hidden, memory_.weights.second, sums);
  }

  // From the gradients before the sigmoid.
  CURVOX_FN void second_delta(Part& sums) const {
    const Place place;
    uint32_t a[4], b[4];  // blocks of 16 kRows samples, one below the other; of kPart columns
    load_blocks<false>(out_rows(place), a);
    load_blocks<true>(row_of_band<kStride>(memory_.weights.last + place.part_column, place.lane),
                      b);
    clear(sums);
#pragma unroll
    for (int m = 0; m < kRows; ++m) {
#pragma unroll
      for (int n = 0; n < kPartTiles; ++n) {
        multiply_add_short(sums[m][n], a[2 * m], a[2 * m + 1], b[n]);
      }
    }
  }

  CURVOX_FN const Half* out_rows(const Place& place) const {
    return memory_.out + (place.part_row + place.lane % (16 * kRows)) * 8;
  }

  CURVOX_FN void first_delta(Part& sums) const {
    const Place place;
    const Half* const left =
        row_down<kStride>(memory_.delta + place.part_row * kStride, place.lane);
    const Half* const right =
        row_down<kStride>(memory_.weights.second + place.part_column, place.lane);
    clear(sums);
#pragma unroll 2
    for (int k = 0; k < kWidth; k += 16) {
      uint32_t b[2][4];
      load_blocks<true>(right + k * kStride, b[0]);
      load_blocks<true>(right + k * kStride + 16, b[1]);
      multiply_part<kStride>(left + k, b, sums);
    }
  }

  // The second layer as sums, transposed in registers, times the gradients before the sigmoid.
  CURVOX_FN void add_to_last(const Part& layer) {
    uint32_t b[4];
    load_blocks<true>(out_rows(Place()), b);
#pragma unroll
    for (int m = 0; m < kRows; ++m) {
#pragma unroll
      for (int pair = 0; pair < kPartTiles / 2; ++pair) {
        uint32_t a[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const float(&c)[4] = layer[m][pair * 2 + i % 2];
          a[i] = transpose_block(round_pair(c[i / 2 * 2], c[i / 2 * 2 + 1]));
        }
        multiply_add(sums_.last[pair], a, b[2 * m], b[2 * m + 1]);
      }
    }
  }

  // Adds up the rows of a thread, then those of the eight lanes that have the same columns; each of
  // these ends with one of the columns.
  CURVOX_FN void add_to_second_bias(const Part& delta) {
    const int g = Place().g;
    float columns[2 * kPartTiles] = {};
#pragma unroll
    for (int i = 0; i < kEntries; ++i) {
      columns[i / 4 % 4 * 2 + i % 2] += delta[i / 16][i / 4 % 4][i % 4];
    }
#pragma unroll
    for (int half = kPartTiles; half > 0; half /= 2) {
      const bool upper = (g & half) != 0;
#pragma unroll
      for (int i = 0; i < half; ++i) {
        const float given = upper ? columns[i] : columns[i + half];
        columns[i] =
            (upper ? columns[i + half] : columns[i]) + __shfl_xor_sync(~0u, given, half * 4);
      }
    }
    sums_.second_bias += columns[0];
  }

  CURVOX_FN void add_to_second() {
    const Place place;
    const Half* const left = row_across<kStride>(memory_.delta + place.second_row(), place.lane);
    const Half* const right = row_down<kStride>(memory_.hidden + place.part_column, place.lane);
#pragma unroll 2
    for (int k = 0; k < kTileSamples; k += 16) {
      uint32_t b[2][4];
      load_blocks<true>(right + k * kStride, b[0]);
      load_blocks<true>(right + k * kStride + 16, b[1]);
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        uint32_t a[4];
        load_blocks<true>(left + k * kStride + m * 16, a);
#pragma unroll
        for (int n = 0; n < kPartTiles; ++n) {
          multiply_add(sums_.second[m][n], a, b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
        }
      }
    }
  }

  // What follows finds the gradient of the first layer before its ReLU in memory_.hidden.

  CURVOX_FN void add_to_first() {
    const Place place;
    const Half* const left = row_across<kStride>(memory_.hidden + place.first_row(), place.lane);
    const Half* const right =
        row_of_column<kInStride>(memory_.in + place.first_column(0), place.lane);
#pragma unroll
    for (int k = 0; k < kTileSamples; k += 32) {
      uint32_t a[2][4];
      load_blocks<true>(left + k * kStride, a[0]);
      load_blocks<true>(left + (k + 16) * kStride, a[1]);
#pragma unroll
      for (int n = 0; n < INPUTS / 16; ++n) {
        uint32_t b[4];
        load_blocks<true>(right + k * kInStride + n * 16, b);
        multiply_add(sums_.first[n], a[0], b[0], b[1]);
        multiply_add(sums_.first[n], a[1], b[2], b[3]);
      }
    }
  }

  // 16 samples a warp, and of the columns every so many tiles.
  CURVOX_FN void features_gradient(int tile) const {
    constexpr int kBands = kTileSamples / 16;
    constexpr int kStep = kBackwardThreads / kWarp / kBands;
    const Place place;
    const int band = place.warp % kBands * 16;
    const Half* const left = row_down<kStride>(memory_.hidden + band * kStride, place.lane);
    const Half* const right = row_of_column<kInStride>(memory_.weights.first, place.lane);
    float* const to = gradients_.features + int64_t{tile} * kTileSamples * task_.inputs;
    const int count = samples(tile);
    for (int n = place.warp / kBands; n < INPUTS / 8; n += kStep) {
      float sums[4] = {};
#pragma unroll
      for (int k = 0; k < kWidth; k += 32) {
        uint32_t a[2][4], b[4];
        load_blocks<false>(left + k, a[0]);
        load_blocks<false>(left + k + 16, a[1]);
        load_blocks<true>(right + k * kInStride + n * 8, b);
        multiply_add(sums, a[0], b[0], b[1]);
        multiply_add(sums, a[1], b[2], b[3]);
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int sample = band + i / 2 * 8 + place.g, input = n * 8 + 2 * place.t + i % 2;
        if (sample < count && input < task_.inputs) to[sample * task_.inputs + input] = sums[i];
      }
    }
  }

  // The block's sums: matrices from registers, what several warps share through shared memory.
  CURVOX_FN void write_sums() {
    const Place place;
    const int width = task_.width, inputs = task_.inputs;
    float* const second = gradients_.sums + block_number() * sums_stride(task_);
    float* const first = second + width * width;
    float* const second_bias = first + width * inputs;
    float* const last = second_bias + width;
    float* const last_bias = last + width * kColours;
#pragma unroll
    for (int i = 0; i < 2 * kPartTiles * 4; i += 2) {
      const int row = place.second_row() + i / 16 * 16 + i / 2 % 2 * 8 + place.g;
      const int column = place.column(i / 4 % 4, 0);
      const float(&sums)[4] = sums_.second[i / 16][i / 4 % 4];
      if (row < width && column < width) {
        *reinterpret_cast<float2*>(second + row * width + column) =
            make_float2(sums[i % 4], sums[i % 4 + 1]);
      }
    }
#pragma unroll
    for (int i = 0; i < INPUTS / 4; ++i) {
      const int row = place.first_row() + i / 2 % 2 * 8 + place.g;
      const int column = place.first_column(i / 4) + 2 * place.t + i % 2;
      if (row < width && column < inputs) first[row * inputs + column] = sums_.first[i / 4][i % 4];
    }

    float* const last_parts = reinterpret_cast<float*>(memory_.hidden);
    float* const bias_parts = last_parts + kParts * kColours * kWidth;
    float* const last_bias_parts = bias_parts + kParts * kWidth;
    const int part = place.warp / kParts;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int row = place.part_column + i / 4 * 16 + i / 2 % 2 * 8 + place.g;
      const int colour = 2 * place.t + i % 2;
      if (colour < kColours) {
        last_parts[(part * kColours + colour) * kWidth + row] = sums_.last[i / 4][i % 4];
      }
    }
    bias_parts[part * kWidth + place.bias_column()] = sums_.second_bias;
    if (place.thread < kTileSamples * kColours) last_bias_parts[place.thread] = sums_.last_bias;
    __syncthreads();
    const int colour = place.thread / kWidth, column = place.thread % kWidth;
    if (column < width) {
      if (colour < kColours) {
        last[colour * width + column] = sum_of_parts(last_parts + place.thread, kColours * kWidth);
      } else {
        second_bias[column] = sum_of_parts(bias_parts + column, kWidth);
      }
    }
    if (place.warp < kColours) {
      float sum = 0;
      for (int i = place.lane; i < kTileSamples; i += kWarp) {
        sum += last_bias_parts[i * kColours + place.warp];
      }
      for (int other = 1; other < kWarp; other *= 2) sum += __shfl_xor_sync(~0u, sum, other);
      if (place.lane == 0) last_bias[place.warp] = sum;
    }
  }

  CURVOX_FN static float sum_of_parts(const float* parts, int stride) {
    float sum = 0;
    for (int i = 0; i < kParts; ++i) sum += parts[i * stride];
    return sum;
  }

  const NetworkTask& task_;
  const NetworkGradients& gradients_;
  BackwardMemory<INPUTS>& memory_;
  WarpSums<INPUTS> sums_ = {};
};

}  // namespace curvox
