// Small products of matrices whose operands stay in the cache, for the CPU.
#pragma once

#include <new>
#include <vector>

#include "lanes.h"

namespace curvox {

// A vector that begins with a cache line, so that no register's load straddles two.
template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kLine));
  }
  void deallocate(T* at, size_t) { ::operator delete(at, kLine); }
  bool operator==(const LineAllocator&) const { return true; }
  bool operator!=(const LineAllocator&) const { return false; }
};

template <class T>
using Aligned = std::vector<T, LineAllocator<T>>;

// A block of a product is kept in registers: as many sums as hide the latency of two multiply-adds
// a cycle and leave room for the operands. With 32 registers 6 x 4 reaches three quarters of the
// peak, 4 x 4 and 8 x 3 less.
constexpr int kBlockRows = 6;
constexpr int kWideVectors = kLanes == 16 ? 4 : 2;

constexpr int64_t round_up(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

// A matrix that is read entry by entry: (row, k) stands at data[row * row_step + k * step].
struct Left {
  const float* data;
  int64_t row_step;
  int64_t step;
};

// A matrix of rows side by side, `stride` floats apart.
template <class T>
struct Rows {
  T* data;
  int64_t stride;
};

// The block of c = a b, or c += a b, at the beginning of c.
template <bool ADD, int VECTORS>
inline void multiply_block(Left a, Rows<const float> b, Rows<float> c, int depth) {
  Lanes sums[kBlockRows][VECTORS];
  for (int row = 0; row < kBlockRows; ++row) {
    for (int v = 0; v < VECTORS; ++v) {
      sums[row][v] = ADD ? load(c.data + row * c.stride + v * kLanes) : Lanes{};
    }
  }
  for (int k = 0; k < depth; ++k) {
    Lanes right[VECTORS];
    for (int v = 0; v < VECTORS; ++v) right[v] = load(b.data + k * b.stride + v * kLanes);
    for (int row = 0; row < kBlockRows; ++row) {
      const Lanes left = broadcast(a.data[row * a.row_step + k * a.step]);
      for (int v = 0; v < VECTORS; ++v) sums[row][v] += left * right[v];
    }
  }
  for (int row = 0; row < kBlockRows; ++row) {
    for (int v = 0; v < VECTORS; ++v) store(c.data + row * c.stride + v * kLanes, sums[row][v]);
  }
}

template <bool ADD, int VECTORS>
inline void multiply_panels(Left a, Rows<const float> b, Rows<float> c, int64_t rows,
                            int64_t columns, int depth) {
  for (int64_t column = 0; column < columns; column += VECTORS * kLanes) {
    for (int64_t row = 0; row < rows; row += kBlockRows) {
      multiply_block<ADD, VECTORS>({a.data + row * a.row_step, a.row_step, a.step},
                                   {b.data + column, b.stride},
                                   {c.data + row * c.stride + column, c.stride}, depth);
    }
  }
}

// c [rows, columns] = a [rows, depth] b [depth, columns], or c += a b. `rows` is a multiple of
// kBlockRows and `columns` of kLanes. Columns are the outer loop: a panel of b, which every row
// needs, then stays in the first cache.
template <bool ADD>
inline void multiply(Left a, Rows<const float> b, Rows<float> c, int64_t rows, int64_t columns,
                     int depth) {
  const int64_t wide = columns / (kWideVectors * kLanes) * (kWideVectors * kLanes);
  multiply_panels<ADD, kWideVectors>(a, b, c, rows, wide, depth);
  multiply_panels<ADD, 1>(a, {b.data + wide, b.stride}, {c.data + wide, c.stride}, rows,
                          columns - wide, depth);
}

}  // namespace curvox
