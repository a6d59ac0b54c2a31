// The blur on CPU cores: a few rows of the result at a time, which may go to any thread.
#pragma once

#include <algorithm>

#include "blur.h"
#include "lanes.h"
#include "ranges.h"

namespace curvox {

constexpr int kBlurVectors = 8;  // sums kept in registers while the taps pass by
constexpr int kBlurRows = 16;    // rows of the result made together,
constexpr int kBlurStrip = 128;  // so many columns of them at a time

template <int VECTORS>
inline void weigh_vectors(float* out, const float* values, int64_t stride, const float* taps,
                          int count) {
  Lanes sums[VECTORS];
  for (int v = 0; v < VECTORS; ++v) sums[v] = taps[0] * load(values + v * kLanes);
  for (int k = 1; k < count; ++k) {
    values += stride;
    for (int v = 0; v < VECTORS; ++v) sums[v] += taps[k] * load(values + v * kLanes);
  }
  for (int v = 0; v < VECTORS; ++v) store(out + v * kLanes, sums[v]);
}

// out[i] = sum of taps[k] * values[k * stride + i] over `count` taps (at least one), i < size.
inline void weigh(float* out, int size, const float* values, int64_t stride, const float* taps,
                  int count) {
  int i = 0;
  for (; i + kBlurVectors * kLanes <= size; i += kBlurVectors * kLanes) {
    weigh_vectors<kBlurVectors>(out + i, values + i, stride, taps, count);
  }
  for (; i + kLanes <= size; i += kLanes) {
    weigh_vectors<1>(out + i, values + i, stride, taps, count);
  }
  for (; i < size; ++i) {
    out[i] = 0;
    for (int k = 0; k < count; ++k) out[i] += taps[k] * values[k * stride + i];
  }
}

// Floats of scratch that a row takes: the result's row and what the taps see beyond its ends.
inline int blur_scratch(const BlurTask& task) { return task.out_width() + 2 * task.reach; }

// Writes rows `rows` of the result, at most kBlurRows. Down the columns a strip at a time, whose
// pixels under all taps stay in the first cache.
inline void blur_rows(const BlurTask& task, Range rows, float* scratch, float* out) {
  const int length = blur_scratch(task);
  std::fill(scratch, scratch + rows.size() * length, 0.0f);
  // A row of scratch begins at the image's column `left`; of the image it sees:
  const int left = -task.margin - task.reach;
  const Range seen = intersection({left, left + length}, {0, task.width});
  for (int column = seen.begin; column < seen.end; column += kBlurStrip) {
    const int size = smaller(kBlurStrip, seen.end - column);
    for (int row = rows.begin; row < rows.end; ++row) {
      const int top = row - task.margin - task.reach;  // under the first tap
      const Range taps = intersection({0, 2 * task.reach + 1}, {-top, task.height - top});
      if (taps.empty()) continue;
      weigh(scratch + (row - rows.begin) * length + column - left, size,
            task.image + static_cast<int64_t>(top + taps.begin) * task.width + column, task.width,
            task.taps + taps.begin, taps.size());
    }
  }
  for (int row = rows.begin; row < rows.end; ++row) {
    weigh(out + static_cast<int64_t>(row) * task.out_width(), task.out_width(),
          scratch + (row - rows.begin) * length, 1, task.taps, 2 * task.reach + 1);
  }
}

}  // namespace curvox
