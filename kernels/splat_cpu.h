// The splat on CPU cores. The Gaussian separates, exp(-(dx² + dy²)) = exp(-dx²) exp(-dy²), so a
// sample costs two short rows of exp and one outer product of them, one register of columns at a time.
//
// Forward: every thread owns a band of rows. A pixel adds its samples in the order of curves and
// steps whichever band it falls into, so the image has the same bits for any number of bands.
// Backward: samples are independent (they only read the image's gradient); fixed runs of samples
// leave partial sums that are added in order.
#pragma once

#include <algorithm>
#include <vector>

#include "curves.h"
#include "samples_cpu.h"
#include "splat_narrow.h"

namespace curvox {

constexpr int kRowChunk = 256;   // rows of a window handled at once (on the stack)
// Neighbouring samples handled together, and vectors of columns kept for each in registers, of
// which AVX-512 has 32 and its elders 16: forward one value a sample and vector, backward three.
constexpr int kForwardGroup = 4;
constexpr int kForwardVectors = kLanes == 16 ? 4 : 2;
constexpr int kBackwardGroup = kLanes == 16 ? 4 : 2;
constexpr int kBackwardVectors = 2;

template <int N>
struct Count {
  static constexpr int value = N;
};

// Calls visit(Count<n>, first, window) for all samples in order: GROUP of them at once over their
// common window where their windows nearly coincide, so that every pixel is read once for all,
// else one by one.
template <int GROUP, class Visit>
inline void visit_groups(const Samples& samples, int count, Visit visit) {
  int first = 0;
  for (; first + GROUP <= count; first += GROUP) {
    Window common = samples.window(first);
    int64_t area = 0;
    for (int k = first; k < first + GROUP; ++k) {
      const Window one = samples.window(k);
      common.rows = hull(common.rows, one.rows);
      common.columns = hull(common.columns, one.columns);
      area += static_cast<int64_t>(one.rows.size() + kLanes) * (one.columns.size() + kLanes);
    }
    const int64_t common_area =
        static_cast<int64_t>(common.rows.size() + kLanes) * (common.columns.size() + kLanes);
    if (2 * area >= GROUP * common_area) {
      visit(Count<GROUP>(), first, common);
    } else {
      for (int k = first; k < first + GROUP; ++k) visit(Count<1>(), k, samples.window(k));
    }
  }
  for (; first < count; ++first) visit(Count<1>(), first, samples.window(first));
}

// Calls visit(Count<v>, column) for blocks of at most VECTORS vectors that cover `columns`, moved to
// the left where they would leave the canvas; v is 0 for what does not fill a vector on a canvas
// narrower than that.
template <int VECTORS, class Visit>
inline void visit_column_blocks(Range columns, int width, Visit visit) {
  int vectors = (columns.size() + kLanes - 1) / kLanes;
  int column = larger(smaller(columns.begin, width - vectors * kLanes), 0);
  vectors = smaller(vectors, (width - column) / kLanes);
  for (; vectors >= VECTORS; vectors -= VECTORS, column += VECTORS * kLanes) {
    visit(Count<VECTORS>(), column);
  }
  if (VECTORS > 3 && vectors == 3) visit(Count<smaller(3, VECTORS)>(), column);
  if (VECTORS > 2 && vectors == 2) visit(Count<smaller(2, VECTORS)>(), column);
  if (vectors == 1) visit(Count<1>(), column);
  column += vectors * kLanes;
  if (column < columns.end) visit(Count<0>(), column);
}

// image += outer products of SAMPLES pairs of rows.
template <int SAMPLES, int VECTORS>
inline void add_outer(float* image, int width, int rows, const float (*vertical)[kRowChunk],
                      const Lanes (*horizontal)[VECTORS]) {
  for (int row = 0; row < rows; ++row, image += width) {
    for (int v = 0; v < VECTORS; ++v) {
      Lanes pixels = load(image + v * kLanes);
      for (int s = 0; s < SAMPLES; ++s) pixels += vertical[s][row] * horizontal[s][v];
      store(image + v * kLanes, pixels);
    }
  }
}

// The same for fewer columns than a vector holds.
template <int SAMPLES>
inline void add_outer_rest(float* image, int width, int rows, const float (*vertical)[kRowChunk],
                           const Lanes (*horizontal)[1], int columns) {
  for (int row = 0; row < rows; ++row, image += width) {
    for (int column = 0; column < columns; ++column) {
      for (int s = 0; s < SAMPLES; ++s) {
        image[column] += vertical[s][row] * horizontal[s][0][column];
      }
    }
  }
}

// Adds samples `first` to `first + SAMPLES` over one window. Its columns begin at a multiple of a
// vector, so that stores stay inside cache lines and every band of rows works on the same vectors.
template <int SAMPLES>
inline void add_samples(const SplatTask& task, const Curve& curve, const Samples& samples,
                        int first, const Window& window, float* image) {
  float vertical[SAMPLES][kRowChunk];
  for (int row = window.rows.begin; row < window.rows.end; row += kRowChunk) {
    const int count = smaller(kRowChunk, window.rows.end - row);
    for (int s = 0; s < SAMPLES; ++s) {
      for (int k = 0; k < count; k += kLanes) {
        store(vertical[s] + k,
              curve.weight * gaussian(distances(samples.y(first + s), row + k), curve.scale));
      }
    }
    float* const top = image + static_cast<int64_t>(row) * task.width;
    const Range columns{window.columns.begin & -kLanes, window.columns.end};
    visit_column_blocks<kForwardVectors>(columns, task.width, [&](auto size, int column) {
      constexpr int vectors = larger(size.value, 1);
      Lanes horizontal[SAMPLES][vectors];
      for (int s = 0; s < SAMPLES; ++s) {
        for (int v = 0; v < vectors; ++v) {
          const Lanes d = distances(samples.x(first + s), column + v * kLanes);
          horizontal[s][v] = gaussian(d, curve.scale);
        }
      }
      if constexpr (size.value == 0) {
        add_outer_rest<SAMPLES>(top + column, task.width, count, vertical, horizontal,
                                task.width - column);
      } else {
        add_outer<SAMPLES, vectors>(top + column, task.width, count, vertical, horizontal);
      }
    });
  }
}

// Draws all curves into the rows of `band`.
inline void splat_band(const SplatTask& task, Range band, float* image) {
  std::fill(image + static_cast<int64_t>(band.begin) * task.width,
            image + static_cast<int64_t>(band.end) * task.width, 0.0f);
  Samples samples;
  for (int index = 0; index < task.num_curves; ++index) {
    const Curve curve = load_curve(task, index);
    const Range hull = reach(curve.low_y, curve.high_y, curve.radius, task.height);
    if (intersection(hull, band).empty()) continue;
    for (int first = 0; first < task.steps; first += kStepChunk) {
      const int count = smaller(kStepChunk, task.steps - first);
      prepare_samples(task, curve, first, count, samples);
      if (is_narrow(task, curve)) {
        for (int k = 0; k < count; ++k) {
          Window window = samples.window(k);
          window.rows = intersection(window.rows, band);
          add_narrow(task, curve, samples.x(k), samples.y(k), window, image);
        }
        continue;
      }
      // Groups look at whole windows, so every band forms the same ones.
      visit_groups<kForwardGroup>(samples, count, [&](auto size, int k, Window window) {
        window.rows = intersection(window.rows, band);
        add_samples<size.value>(task, curve, samples, k, window, image);
      });
    }
  }
}

// Multiply-adds of one drawing, estimated without sampling: window area by samples.
inline double splat_work(const SplatTask& task) {
  double total = 0;
  for (int index = 0; index < task.num_curves; ++index) {
    const Curve curve = load_curve(task, index);
    const double side = 2 * curve.radius + kLanes;
    total += smaller(side, 1.0 * task.height) * smaller(side, 1.0 * task.width);
  }
  return total * task.steps;
}

// Rows cut into bands of about equal work, for `parts` threads. A curve's work is spread evenly
// over the rows that its hull reaches.
inline std::vector<Range> balanced_bands(const SplatTask& task, int parts) {
  std::vector<double> work(static_cast<size_t>(task.height) + 1, 0.0);
  for (int index = 0; index < task.num_curves; ++index) {
    const Curve curve = load_curve(task, index);
    const Range rows = reach(curve.low_y, curve.high_y, curve.radius, task.height);
    if (rows.empty()) continue;
    const double share = 2 * curve.radius / rows.size();
    work[rows.begin] += share;
    work[rows.end] -= share;
  }
  double level = 0, total = 0;
  for (int row = 0; row < task.height; ++row) {
    level += work[row];
    work[row] = level + 1;  // an empty row still has to be cleared
    total += work[row];
  }
  std::vector<Range> bands;
  double passed = 0;
  int begin = 0;
  for (int row = 0; row < task.height; ++row) {
    passed += work[row];
    const bool last = row + 1 == task.height;
    if (last || passed * parts >= total * static_cast<double>(bands.size() + 1)) {
      bands.push_back({begin, row + 1});
      begin = row + 1;
    }
  }
  return bands;
}

// What the rows of a window contribute: the vertical Gaussian e, e d and e d², d the distance.
struct VerticalTerms {
  float e[kRowChunk], ed[kRowChunk], edd[kRowChunk];
};

// Sums over rows of the image's gradient times e, e d and e d².
struct ColumnSums {
  Lanes plain, once, twice;
};

template <bool SIGMA, int SAMPLES, int VECTORS>
inline void sum_columns(const float* gradient, int width, int rows, const VerticalTerms* terms,
                        ColumnSums (*sums)[VECTORS]) {
  ColumnSums kept[SAMPLES][VECTORS] = {};
  for (int row = 0; row < rows; ++row, gradient += width) {
    Lanes g[VECTORS];
    for (int v = 0; v < VECTORS; ++v) g[v] = load(gradient + v * kLanes);
    for (int s = 0; s < SAMPLES; ++s) {
      for (int v = 0; v < VECTORS; ++v) {
        kept[s][v].plain += terms[s].e[row] * g[v];
        kept[s][v].once += terms[s].ed[row] * g[v];
        if (SIGMA) kept[s][v].twice += terms[s].edd[row] * g[v];
      }
    }
  }
  for (int s = 0; s < SAMPLES; ++s) {
    for (int v = 0; v < VECTORS; ++v) sums[s][v] = kept[s][v];
  }
}

// The same for fewer columns than a vector holds.
template <bool SIGMA, int SAMPLES>
inline void sum_columns_rest(const float* gradient, int width, int rows,
                             const VerticalTerms* terms, int columns, ColumnSums (*sums)[1]) {
  for (int s = 0; s < SAMPLES; ++s) sums[s][0] = ColumnSums();
  for (int row = 0; row < rows; ++row, gradient += width) {
    for (int s = 0; s < SAMPLES; ++s) {
      for (int column = 0; column < columns; ++column) {
        sums[s][0].plain[column] += terms[s].e[row] * gradient[column];
        sums[s][0].once[column] += terms[s].ed[row] * gradient[column];
        if (SIGMA) sums[s][0].twice[column] += terms[s].edd[row] * gradient[column];
      }
    }
  }
}

template <bool SIGMA, int SAMPLES>
inline void sum_window(const SplatTask& task, const Curve& curve, const Samples& samples, int first,
                       const Window& window, const float* gradient, WindowSums* totals) {
  VerticalTerms terms[SAMPLES];
  for (int row = window.rows.begin; row < window.rows.end; row += kRowChunk) {
    const int count = smaller(kRowChunk, window.rows.end - row);
    for (int s = 0; s < SAMPLES; ++s) {
      for (int k = 0; k < count; k += kLanes) {
        const Lanes d = distances(samples.y(first + s), row + k);
        const Lanes e = gaussian(d, curve.scale);
        store(terms[s].e + k, e);
        store(terms[s].ed + k, e * d);
        if (SIGMA) store(terms[s].edd + k, e * d * d);
      }
    }
    const float* const top = gradient + static_cast<int64_t>(row) * task.width;
    visit_column_blocks<kBackwardVectors>(window.columns, task.width, [&](auto size, int column) {
      constexpr int vectors = larger(size.value, 1);
      ColumnSums sums[SAMPLES][vectors];
      if constexpr (size.value == 0) {
        sum_columns_rest<SIGMA, SAMPLES>(top + column, task.width, count, terms,
                                         task.width - column, sums);
      } else {
        sum_columns<SIGMA, SAMPLES, vectors>(top + column, task.width, count, terms, sums);
      }
      for (int s = 0; s < SAMPLES; ++s) {
        const Position x = samples.x(first + s);
        for (int v = 0; v < vectors; ++v) {
          const Lanes d = distances(x, column + v * kLanes);
          const Lanes e = gaussian(d, curve.scale);
          const Lanes weighted = sums[s][v].plain * e;
          totals[s].value += weighted;
          totals[s].x += weighted * d;
          totals[s].y += sums[s][v].once * e;
          if (SIGMA) totals[s].square += weighted * d * d + sums[s][v].twice * e;
        }
      }
    });
  }
}

// The gradient of one run of samples of a curve; that of sigma costs half as much again as the rest
// and stays zero without SIGMA.
template <bool SIGMA>
inline CurveGradient run_gradient(const SplatTask& task, int index, int first,
                                  const float* gradient) {
  const Curve curve = load_curve(task, index);
  const int count = smaller(kRunLength, task.steps - first);
  Samples samples;
  prepare_samples(task, curve, first, count, samples);
  Lanes x[kMaxPoints] = {}, y[kMaxPoints] = {}, weight{}, sigma{};
  const auto add = [&](int k, const WindowSums& sums) {
    double basis[kMaxPoints] = {};
    bernstein(task.num_points, (first + k) * parameter_spacing(task.steps), basis);
    for (int p = 0; p < kMaxPoints; ++p) {
      x[p] += static_cast<float>(basis[p]) * sums.x;
      y[p] += static_cast<float>(basis[p]) * sums.y;
    }
    weight += sums.value;
    sigma += sums.square;
  };
  if (is_narrow(task, curve)) {
    for (int k = 0; k < count; ++k) {
      add(k, sum_narrow<SIGMA>(task, curve, samples.x(k), samples.y(k), samples.window(k),
                               gradient));
    }
  } else {
    visit_groups<kBackwardGroup>(samples, count, [&](auto size, int k, const Window& window) {
      WindowSums sums[size.value] = {};
      sum_window<SIGMA, size.value>(task, curve, samples, k, window, gradient, sums);
      for (int s = 0; s < size.value; ++s) add(k + s, sums[s]);
    });
  }
  CurveGradient total;
  for (int p = 0; p < kMaxPoints; ++p) {
    total.x[p] = sum(x[p]);
    total.y[p] = sum(y[p]);
  }
  total.weight = sum(weight);
  total.sigma = sum(sigma);
  return total;
}

}  // namespace curvox
