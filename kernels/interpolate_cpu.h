// Trilinear interpolation on CPU cores, and its backward pass.
//
// Forward, cells are found a few points ahead, and their corners asked for before they are needed:
// a grid of 160^3 points and 12 channels is larger than any cache.
//
// Backward, a thread owns planes of constant x, so that no two threads add to one row. The samples
// are sorted by their cell's x (counting sort, stable: any split among threads gives one order);
// plane x takes the upper corners of the cells x - 1 and the lower ones of the cells x. A bitmap of
// the plane says which rows are touched: the place of a row in the compact list is the number of
// bits before its own.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "grid.h"

namespace curvox {

constexpr int kAhead = 8;  // points whose corners are on their way from memory

// CHANNELS: number of channels where it is known when compiling, otherwise 0.
template <int CHANNELS>
inline void interpolate_points(const Grid& grid, const float* values, int64_t num_channels,
                               const float* points, int64_t first, int64_t last, float* out) {
  const int64_t channels = CHANNELS ? CHANNELS : num_channels;
  int64_t offsets[8];
  for (int corner = 0; corner < 8; ++corner) offsets[corner] = corner_offset(grid, corner) * channels;
  Cell cells[kAhead];
  const auto fetch = [&](int64_t i) {
    Cell& cell = cells[i % kAhead];
    cell = find_cell(grid, points + 3 * i);
    const float* row = values + row_of(grid, cell) * channels;
    for (int corner = 0; corner < 8; corner += 2) {
      __builtin_prefetch(row + offsets[corner]);
      __builtin_prefetch(row + offsets[corner] + 2 * channels - 1);
    }
  };
  for (int64_t i = first; i < smaller(first + kAhead, last); ++i) fetch(i);
  for (int64_t i = first; i < last; ++i) {
    const Cell cell = cells[i % kAhead];
    if (i + kAhead < last) fetch(i + kAhead);
    const float* row = values + row_of(grid, cell) * channels;
    float weights[8];
    for (int corner = 0; corner < 8; ++corner) weights[corner] = corner_weight(cell, corner);
    float* value = out + i * channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      float sum = 0;
      for (int corner = 0; corner < 8; ++corner) sum += weights[corner] * row[offsets[corner] + c];
      value[c] = sum;
    }
  }
}

// What the backward pass needs of the points, sorted, and the rows of the grid that they touch.
class Scatter {
 public:
  // Sorts the points; with `compact` also counts the rows that they touch.
  Scatter(const Grid& grid, const float* points, int64_t count, bool compact, int threads)
      : grid_(grid), threads_(threads) {
    sort(points, count);
    if (compact) mark();
  }

  int64_t num_rows() const { return first_rows_.back(); }

  // Writes the touched rows in ascending order, and their sums: rows [num_rows], values
  // [num_rows, channels].
  void compact(const float* gradients, int64_t channels, int64_t* rows, float* values) const {
    const auto add = plane_adder(channels);
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1) if (threads_ > 1)
    for (int x = 0; x < grid_.shape[0]; ++x) {
      const uint32_t* bits = plane_bits(x);
      int64_t row = first_rows_[x];
      std::vector<int32_t> before(num_words());  // touched rows before each word's own
      for (int word = 0; word < num_words(); ++word) {
        before[word] = static_cast<int32_t>(row - first_rows_[x]);
        for (uint32_t rest = bits[word]; rest != 0; rest &= rest - 1) {
          rows[row++] = x * plane_size() + 32 * word + __builtin_ctz(rest);
        }
      }
      float* plane = values + first_rows_[x] * channels;
      std::fill(plane, values + row * channels, 0.0f);
      (this->*add.compact)(x, gradients, channels, plane, {bits, before.data()});
    }
  }

  // Adds to a gradient that has a row for every point of the grid: values [V, channels].
  void dense(const float* gradients, int64_t channels, float* values) const {
    const auto add = plane_adder(channels);
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1) if (threads_ > 1)
    for (int x = 0; x < grid_.shape[0]; ++x) {
      (this->*add.dense)(x, gradients, channels, values + x * plane_size() * channels, {});
    }
  }

 private:
  struct Sample {
    int32_t index;
    int32_t place;      // of its cell's lowest corner in the plane: y * Z + z
    float fraction[3];
  };

  // The place of a row in its plane, or in the compact list of the touched ones.
  struct Everywhere {
    int64_t operator()(int32_t place) const { return place; }
  };
  struct Ranked {
    const uint32_t* bits;
    const int32_t* before;
    int64_t operator()(int32_t place) const {
      const uint32_t lower = bits[place / 32] & ((1u << place % 32) - 1);
      return before[place / 32] + count_bits(lower);
    }
  };

  template <class Slot>
  using AddPlane = void (Scatter::*)(int, const float*, int64_t, float*, Slot) const;
  struct PlaneAdder {
    AddPlane<Ranked> compact;
    AddPlane<Everywhere> dense;
  };

  template <int CHANNELS>
  static PlaneAdder plane_adder_for() {
    return {&Scatter::add_plane<CHANNELS, Ranked>, &Scatter::add_plane<CHANNELS, Everywhere>};
  }

  static PlaneAdder plane_adder(int64_t channels) {
    if (channels == 1) return plane_adder_for<1>();
    if (channels == 3) return plane_adder_for<3>();
    if (channels == 12) return plane_adder_for<12>();
    return plane_adder_for<0>();
  }

  int64_t plane_size() const { return static_cast<int64_t>(grid_.shape[1]) * grid_.shape[2]; }
  int num_words() const { return static_cast<int>((plane_size() + 31) / 32); }
  const uint32_t* plane_bits(int x) const { return bits_.data() + int64_t{x} * num_words(); }

  void sort(const float* points, int64_t count) {
    const int slabs = grid_.shape[0] - 1;
    const int parts = threads_;
    // Samples of each slab in each part; then where the part's samples of the slab begin.
    std::vector<int64_t> starts(static_cast<size_t>(parts) * slabs);
    samples_.reset(new Sample[count]);
    slab_starts_.assign(slabs + 1, 0);
    const auto part_start = [&](int part) { return count * part / parts; };
#pragma omp parallel for num_threads(threads_) schedule(static, 1) if (threads_ > 1)
    for (int part = 0; part < parts; ++part) {
      for (int64_t i = part_start(part); i < part_start(part + 1); ++i) {
        ++starts[int64_t{part} * slabs + find_cell(grid_, points + 3 * i).index[0]];
      }
    }
    int64_t total = 0;
    for (int slab = 0; slab < slabs; ++slab) {
      slab_starts_[slab] = total;
      for (int part = 0; part < parts; ++part) {
        const int64_t own = starts[int64_t{part} * slabs + slab];
        starts[int64_t{part} * slabs + slab] = total;
        total += own;
      }
    }
    slab_starts_[slabs] = total;
#pragma omp parallel for num_threads(threads_) schedule(static, 1) if (threads_ > 1)
    for (int part = 0; part < parts; ++part) {
      for (int64_t i = part_start(part); i < part_start(part + 1); ++i) {
        const Cell cell = find_cell(grid_, points + 3 * i);
        samples_[starts[int64_t{part} * slabs + cell.index[0]]++] = {
            static_cast<int32_t>(i), cell.index[1] * grid_.shape[2] + cell.index[2],
            {cell.fraction[0], cell.fraction[1], cell.fraction[2]}};
      }
    }
  }

  // Samples of the slabs on both sides of plane x, [first, last): neighbours in the sorted list.
  int64_t first_below(int x) const { return slab_starts_[x > 0 ? x - 1 : 0]; }
  int64_t first_above(int x) const { return slab_starts_[x]; }
  int64_t last_above(int x) const { return slab_starts_[smaller(x + 1, grid_.shape[0] - 1)]; }

  void mark() {
    const int planes = grid_.shape[0];
    bits_.assign(static_cast<size_t>(planes) * num_words(), 0);
    first_rows_.assign(planes + 1, 0);
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1) if (threads_ > 1)
    for (int x = 0; x < planes; ++x) {
      uint32_t* bits = bits_.data() + int64_t{x} * num_words();
      for (int64_t i = first_below(x); i < last_above(x); ++i) {
        for (const int32_t step : {0, 1, grid_.shape[2], grid_.shape[2] + 1}) {
          const int32_t place = samples_[i].place + step;
          bits[place / 32] |= 1u << place % 32;
        }
      }
      int64_t touched = 0;
      for (int word = 0; word < num_words(); ++word) touched += count_bits(bits[word]);
      first_rows_[x + 1] = touched;
    }
    for (int x = 0; x < planes; ++x) first_rows_[x + 1] += first_rows_[x];
  }

  // Adds the plane's share of all samples to its rows, which begin at `plane`.
  template <int CHANNELS, class Slot>
  void add_plane(int x, const float* gradients, int64_t num_channels, float* plane,
                 Slot slot) const {
    const int64_t channels = CHANNELS ? CHANNELS : num_channels;
    for (int64_t i = first_below(x); i < last_above(x); ++i) {
      if (i + kAhead < last_above(x)) {
        __builtin_prefetch(gradients + samples_[i + kAhead].index * channels);
      }
      const Sample& sample = samples_[i];
      const float* fraction = sample.fraction;
      const float weight = i < first_above(x) ? fraction[0] : 1 - fraction[0];
      for (int upper = 0; upper < 2; ++upper) {
        const float both = weight * (upper ? fraction[1] : 1 - fraction[1]);
        const float lower_weight = both * (1 - fraction[2]), upper_weight = both * fraction[2];
        // Both neighbours in z are touched, so that they stand side by side in either list.
        float* to = plane + slot(sample.place + upper * grid_.shape[2]) * channels;
        const float* from = gradients + sample.index * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c) to[c] += lower_weight * from[c];
        to += channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c) to[c] += upper_weight * from[c];
      }
    }
  }

  Grid grid_;
  int threads_;
  std::unique_ptr<Sample[]> samples_;  // by the x of their cells
  std::vector<int64_t> slab_starts_;   // [X]: where the samples of each slab of cells begin
  std::vector<uint32_t> bits_;         // [X, words]: touched rows of each plane
  std::vector<int64_t> first_rows_;    // [X + 1]: touched rows before each plane
};

}  // namespace curvox
