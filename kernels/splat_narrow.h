// The splat on CPU cores of curves so thin that a sample's window fits into kNarrow by kNarrow
// pixels: loops of fixed length over vectors that begin where the window does. Neighbouring samples
// then share few pixels, and there is nothing to win from taking them together (splat_cpu.h).
#pragma once

#include "curves.h"
#include "samples_cpu.h"

namespace curvox {

constexpr int kNarrow = 16;
constexpr int kNarrowVectors = kNarrow / kLanes;

inline bool is_narrow(const SplatTask& task, const Curve& curve) {
  return 2 * curve.radius + 1 <= kNarrow && task.width >= kNarrow;
}

// Where the vectors of a window begin: at its first column, or further left at the canvas's end.
inline int narrow_column(const SplatTask& task, const Window& window) {
  return smaller(window.columns.begin, task.width - kNarrow);
}

// Adds one sample to the rows of `window`.
inline void add_narrow(const SplatTask& task, const Curve& curve, const Position& x,
                       const Position& y, const Window& window, float* image) {
  if (window.empty()) return;
  const int left = narrow_column(task, window);
  Lanes across[kNarrowVectors];
  float down[kNarrow];
  for (int v = 0; v < kNarrowVectors; ++v) {
    const int lane = v * kLanes;
    across[v] = curve.weight * gaussian(distances(x, left + lane), curve.scale);
    store(down + lane, gaussian(distances(y, window.rows.begin + lane), curve.scale));
  }
  float* pixels = image + static_cast<int64_t>(window.rows.begin) * task.width + left;
  for (int row = 0; row < window.rows.size(); ++row, pixels += task.width) {
    for (int v = 0; v < kNarrowVectors; ++v) {
      float* const at = pixels + v * kLanes;
      store(at, load(at) + down[row] * across[v]);
    }
  }
}

// The sums over one sample's window.
template <bool SIGMA>
inline WindowSums sum_narrow(const SplatTask& task, const Curve& curve, const Position& x,
                             const Position& y, const Window& window, const float* gradient) {
  WindowSums sums = {};
  if (window.empty()) return sums;
  const int left = narrow_column(task, window);
  float e[kNarrow], ed[kNarrow], edd[kNarrow];
  for (int lane = 0; lane < kNarrow; lane += kLanes) {
    const Lanes d = distances(y, window.rows.begin + lane);
    const Lanes value = gaussian(d, curve.scale);
    store(e + lane, value);
    store(ed + lane, value * d);
    if (SIGMA) store(edd + lane, value * d * d);
  }
  Lanes plain[kNarrowVectors] = {}, once[kNarrowVectors] = {}, twice[kNarrowVectors] = {};
  const float* pixels = gradient + static_cast<int64_t>(window.rows.begin) * task.width + left;
  for (int row = 0; row < window.rows.size(); ++row, pixels += task.width) {
    for (int v = 0; v < kNarrowVectors; ++v) {
      const Lanes g = load(pixels + v * kLanes);
      plain[v] += e[row] * g;
      once[v] += ed[row] * g;
      if (SIGMA) twice[v] += edd[row] * g;
    }
  }
  for (int v = 0; v < kNarrowVectors; ++v) {
    const Lanes d = distances(x, left + v * kLanes);
    const Lanes value = gaussian(d, curve.scale);
    const Lanes weighted = plain[v] * value;
    sums.value += weighted;
    sums.x += weighted * d;
    sums.y += once[v] * value;
    if (SIGMA) sums.square += weighted * d * d + twice[v] * value;
  }
  return sums;
}

}  // namespace curvox
