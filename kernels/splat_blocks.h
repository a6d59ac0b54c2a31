// The splat for CUDA, as block programs (portable.h). As on the CPU the Gaussian is the product of
// a row and a column, so that a sample costs a tile 2 x 16 exponentials instead of 16 x 16.
//
// Forward: a block draws one tile. It picks the curves that reach the tile, then the samples that
// do, in the order of curves and steps; its warps take the samples in turn and their sums are added
// in order, so the image is deterministic. A sample is added to every pixel of a tile that its
// window meets: more than the window asks for, which only makes the image more exact.
// Backward: a block takes one run of a curve's samples, each of its warps a few neighbours among
// them; their sums meet in a tree of fixed shape. No kernel adds by float atomics.
#pragma once

#include "curves.h"
#include "tile_blocks.h"

namespace curvox {

constexpr int kThreadRows = kTilePixels / kWarp;  // pixels of one thread, in one column
constexpr int kTileBatch = 64;                    // samples tabulated at once

constexpr int kNeighbours = 4;  // samples of a run that one warp takes together
constexpr int kRunWarps = kRunLength / kNeighbours;
constexpr int kRunThreads = kRunWarps * kWarp;
constexpr int kRunSums = 2 * kMaxPoints + 2;  // numbers of a CurveGradient

// One curve as the block programs read it, prepared once for all blocks.
struct BlockCurve {
  double x[kMaxPoints], y[kMaxPoints];  // coefficients of 1, k, k², k³ for the k-th sample
  Window hull;                          // pixels that any sample can reach
  float weight, scale, radius;          // as in Curve

  CURVOX_FN Position x_at(int k) const { return split(((x[3] * k + x[2]) * k + x[1]) * k + x[0]); }
  CURVOX_FN Position y_at(int k) const { return split(((y[3] * k + y[2]) * k + y[1]) * k + y[0]); }
};

// What one compiler allocates the other one fills.
static_assert(sizeof(BlockCurve) == 96 && sizeof(CurveGradient) == 40, "sizes differ");

// A curve that the CPU form would refuse (a value that is not finite, a sigma that is not positive)
// shows up as not-a-number in every pixel and in each of its gradients.
CURVOX_FN BlockCurve block_curve(const SplatTask& task, int index) {
  const Curve curve = load_curve(task, index);
  const double spacing = parameter_spacing(task.steps);
  double sum = curve.weight + curve.radius;  // finite only if all of its terms are
  for (int p = 0; p < kMaxPoints; ++p) sum += curve.x[p] + curve.y[p];
  const bool valid = is_finite(sum) && task.sigmas[index] > 0;
  BlockCurve block;
  double power = valid ? 1 : 0;
  for (int p = 0; p < kMaxPoints; ++p, power *= spacing) {
    block.x[p] = valid ? curve.x[p] * power : 0;
    block.y[p] = valid ? curve.y[p] * power : 0;
  }
  block.hull = {{0, task.height}, {0, task.width}};
  if (valid) {
    block.hull = {reach(curve.low_y, curve.high_y, curve.radius, task.height),
                  reach(curve.low_x, curve.high_x, curve.radius, task.width)};
  }
  block.weight = valid ? curve.weight : nanf("");
  block.scale = valid ? curve.scale : nanf("");
  block.radius = valid ? static_cast<float>(curve.radius) : 1e9f;
  return block;
}

// e^(-d² / 2 sigma²) at distance d in pixels.
CURVOX_FN float gaussian_at(float distance, float scale) {
  const float u = distance * scale;
  return exp2_fast(-(u * u));
}

// Whether the window of one coordinate meets the kTile pixels from `first` on.
CURVOX_FN bool meets_tile(const Position& centre, float radius, int first) {
  return centre.distance_from(first) <= radius &&
         centre.distance_from(first + kTile - 1) >= -radius;
}

struct TileSample {
  Position x, y;
  float scale, weight;
};

struct alignas(16) FourFloats {  // one load from shared memory
  float values[4];
};

// The Gaussian of one sample along the tile's columns and, times the weight, along its rows.
struct TileFactors {
  float columns[kTile];
  FourFloats rows[kTile / 4];
};

struct PixelSums {
  float rows[kThreadRows];
};

// The sample that a thread looks at, as a place in the list of curves and a step.
struct Cursor {
  int place, step;
};

CURVOX_FN int tiles_across(const SplatTask& task) { return (task.width + kTile - 1) / kTile; }

CURVOX_FN int tile_count(const SplatTask& task) {
  return tiles_across(task) * ((task.height + kTile - 1) / kTile);
}

// Adds `count` samples to the pixel sums: a warp takes every kTileWarps-th of them to all pixels of
// the tile, each of its threads to half a column.
CURVOX_FN void add_samples_to_tile(const TileSample* samples, int count, int top, int left,
                                   TileFactors* factors,
                                   PerThread<PixelSums, kTileThreads>& sums) {
  const Block<kTileThreads> block;
  for (int first = 0; first < count; first += kTileBatch) {
    const int batch = smaller(kTileBatch, count - first);
    block.each([&](int thread) {
      const int lane = thread % kWarp;
      const int offset = lane % kTile;
      for (int s = thread / kWarp; s < batch; s += kTileWarps) {
        const TileSample& sample = samples[first + s];
        if (lane < kTile) {
          factors[s].columns[offset] =
              gaussian_at(sample.x.distance_from(left + offset), sample.scale);
        } else {
          factors[s].rows[offset / 4].values[offset % 4] =
              sample.weight * gaussian_at(sample.y.distance_from(top + offset), sample.scale);
        }
      }
    });
    block.each([&](int thread) {
      const int lane = thread % kWarp;
      const int column = lane % kTile, row = lane / kTile * kThreadRows;
      PixelSums kept = sums[thread];
      for (int s = thread / kWarp; s < batch; s += kTileWarps) {
        const float across = factors[s].columns[column];
        for (int r = 0; r < kThreadRows; r += 4) {
          const FourFloats down = factors[s].rows[(row + r) / 4];
          for (int i = 0; i < 4; ++i) kept.rows[r + i] += down.values[i] * across;
        }
      }
      sums[thread] = kept;
    });
  }
}

CURVOX_FN void splat_tile(const SplatTask& task, const BlockCurve* curves, int tile, float* image) {
  union Tables {
    TileFactors factors[kTileBatch];
    float partial[kTileWarps][kTilePixels];
  };
  CURVOX_SHARED Tables tables;
  CURVOX_SHARED TileSample samples[kTileThreads];
  CURVOX_SHARED int places[kTileThreads];
  CURVOX_SHARED uint32_t answers[kTileWarps];
  const Block<kTileThreads> block;
  const int top = tile / tiles_across(task) * kTile;
  const int left = tile % tiles_across(task) * kTile;
  const Window window{{top, top + kTile}, {left, left + kTile}};
  PerThread<PixelSums, kTileThreads> sums;
  block.each([&](int thread) { sums[thread] = {}; });

  for (int first = 0; first < task.num_curves; first += kTileThreads) {
    block.vote(answers, [&](int thread) {
      if (first + thread >= task.num_curves) return false;
      const Window hull = curves[first + thread].hull;
      return !intersection(hull.rows, window.rows).empty() &&
             !intersection(hull.columns, window.columns).empty();
    });
    const int num_places = count_votes(answers, kTileWarps);
    PerThread<Cursor, kTileThreads> cursors;
    block.each([&](int thread) {
      if (voted_yes(answers, thread)) places[votes_before(answers, thread)] = first + thread;
      cursors[thread] = {thread / task.steps, thread % task.steps};
    });
    const int64_t candidates = static_cast<int64_t>(num_places) * task.steps;
    for (int64_t start = 0; start < candidates; start += kTileThreads) {
      PerThread<TileSample, kTileThreads> candidate;
      block.vote(answers, [&](int thread) {
        const Cursor cursor = cursors[thread];
        if (cursor.place >= num_places) return false;
        const BlockCurve& curve = curves[places[cursor.place]];
        const TileSample sample{curve.x_at(cursor.step), curve.y_at(cursor.step), curve.scale,
                                curve.weight};
        candidate[thread] = sample;
        const int next = cursor.step + kTileThreads;
        cursors[thread] = {cursor.place + next / task.steps, next % task.steps};
        return meets_tile(sample.x, curve.radius, left) && meets_tile(sample.y, curve.radius, top);
      });
      const int count = count_votes(answers, kTileWarps);
      block.each([&](int thread) {
        if (voted_yes(answers, thread)) samples[votes_before(answers, thread)] = candidate[thread];
      });
      add_samples_to_tile(samples, count, top, left, tables.factors, sums);
    }
  }

  block.each([&](int thread) {
    const int lane = thread % kWarp;
    const int column = lane % kTile, row = lane / kTile * kThreadRows;
    for (int r = 0; r < kThreadRows; ++r) {
      tables.partial[thread / kWarp][(row + r) * kTile + column] = sums[thread].rows[r];
    }
  });
  block.each([&](int thread) {
    const int row = top + thread / kTile, column = left + thread % kTile;
    float value = 0;
    for (int warp = 0; warp < kTileWarps; ++warp) value += tables.partial[warp][thread];
    if (row < task.height && column < task.width) {
      image[static_cast<int64_t>(row) * task.width + column] = value;
    }
  });
}

// A sample of a run, as its warp reads it. Past the last step its window is empty.
struct RunSample {
  Position x, y;
  Window window;
  float basis[kMaxPoints];
};

CURVOX_FN RunSample run_sample(const SplatTask& task, const BlockCurve& curve, int step) {
  RunSample sample;
  sample.x = curve.x_at(step);
  sample.y = curve.y_at(step);
  double basis[kMaxPoints] = {};
  bernstein(task.num_points, step * parameter_spacing(task.steps), basis);
  for (int p = 0; p < kMaxPoints; ++p) sample.basis[p] = static_cast<float>(basis[p]);
  sample.window = {};
  if (step < task.steps) {
    const double x = sample.x.whole + static_cast<double>(sample.x.rest);
    const double y = sample.y.whole + static_cast<double>(sample.y.rest);
    sample.window = {reach(y, y, curve.radius, task.height), reach(x, x, curve.radius, task.width)};
  }
  return sample;
}

// The smallest window that holds those of one warp's samples.
CURVOX_FN Window common_window(const RunSample* samples) {
  Window common = {};
  for (int s = 0; s < kNeighbours; ++s) {
    const Window one = samples[s].window;
    if (one.empty()) continue;
    if (common.empty()) {
      common = one;
    } else {
      common = {hull(common.rows, one.rows), hull(common.columns, one.columns)};
    }
  }
  return common;
}

// The Gaussian of a sample in one row, e, and e d and e d², d the distance to the row.
struct alignas(16) VerticalTerm {
  float e, ed, edd, unused;
};

// Sums over the rows of one column of the image's gradient times e, e d and e d².
struct ColumnSum {
  float plain, once, twice;
};

// What one thread has seen: a column of the window at a time, then everything.
struct RunSums {
  ColumnSum columns[kNeighbours];
  CurveGradient total;
};

// Leaves the gradient of one run of samples in runs[unit], unit = curve * runs a curve + run. That
// of sigma stays zero without SIGMA.
template <bool SIGMA>
CURVOX_FN void splat_run_gradient(const SplatTask& task, const BlockCurve* curves, int unit,
                                  const float* gradient, CurveGradient* runs) {
  union Tables {
    VerticalTerm vertical[kRunWarps][kNeighbours][kWarp];
    float sums[kRunSums][kRunThreads];
  };
  CURVOX_SHARED Tables tables;
  CURVOX_SHARED RunSample samples[kRunLength];
  CURVOX_SHARED Window windows[kRunWarps];
  const Block<kRunThreads> block;
  const BlockCurve& curve = curves[unit / runs_per_curve(task.steps)];
  const int first = unit % runs_per_curve(task.steps) * kRunLength;
  PerThread<RunSums, kRunThreads> sums;
  block.each([&](int thread) {
    if (thread < kRunLength) samples[thread] = run_sample(task, curve, first + thread);
    sums[thread] = {};
  });
  block.each([&](int thread) {
    if (thread < kRunWarps) windows[thread] = common_window(samples + thread * kNeighbours);
  });
  // The block goes through the largest of its warps' windows; the others idle at its end.
  int height = 0, width = 0;
  for (int warp = 0; warp < kRunWarps; ++warp) {
    height = larger(height, windows[warp].rows.size());
    width = larger(width, windows[warp].columns.size());
  }

  for (int across = 0; across < width; across += kWarp) {
    for (int down = 0; down < height; down += kWarp) {
      block.each([&](int thread) {
        const int warp = thread / kWarp, lane = thread % kWarp;
        const int row = windows[warp].rows.begin + down + lane;
        if (row >= windows[warp].rows.end) return;
        for (int s = 0; s < kNeighbours; ++s) {
          const RunSample& sample = samples[warp * kNeighbours + s];
          const float d = sample.y.distance_from(row);
          const float e = sample.window.empty() ? 0 : gaussian_at(d, curve.scale);
          tables.vertical[warp][s][lane] = {e, e * d, e * d * d, 0};
        }
      });
      block.each([&](int thread) {
        const int warp = thread / kWarp;
        const Window window = windows[warp];
        const int column = window.columns.begin + across + thread % kWarp;
        if (column >= window.columns.end) return;
        const int row = window.rows.begin + down;
        const int rows = smaller(kWarp, window.rows.end - row);
        const float* pixel = gradient + static_cast<int64_t>(row) * task.width + column;
        for (int r = 0; r < rows; ++r, pixel += task.width) {
          const float g = *pixel;
          for (int s = 0; s < kNeighbours; ++s) {
            const VerticalTerm term = tables.vertical[warp][s][r];
            ColumnSum& sum = sums[thread].columns[s];
            sum.plain += g * term.e;
            sum.once += g * term.ed;
            if (SIGMA) sum.twice += g * term.edd;
          }
        }
      });
    }
    block.each([&](int thread) {
      const int warp = thread / kWarp;
      const int column = windows[warp].columns.begin + across + thread % kWarp;
      CurveGradient& total = sums[thread].total;
      for (int s = 0; s < kNeighbours; ++s) {
        const RunSample& sample = samples[warp * kNeighbours + s];
        const ColumnSum sum = sums[thread].columns[s];
        const float d = sample.x.distance_from(column);
        const float e = gaussian_at(d, curve.scale);
        const float value = sum.plain * e, x = value * d, y = sum.once * e;
        for (int p = 0; p < kMaxPoints; ++p) {
          total.x[p] += sample.basis[p] * x;
          total.y[p] += sample.basis[p] * y;
        }
        total.weight += value;
        if (SIGMA) total.sigma += x * d + sum.twice * e;
        sums[thread].columns[s] = {};
      }
    });
  }

  block.each([&](int thread) {
    const CurveGradient& total = sums[thread].total;
    for (int p = 0; p < kMaxPoints; ++p) {
      tables.sums[p][thread] = total.x[p];
      tables.sums[kMaxPoints + p][thread] = total.y[p];
    }
    tables.sums[2 * kMaxPoints][thread] = total.weight;
    tables.sums[2 * kMaxPoints + 1][thread] = total.sigma;
  });
  for (int half = kRunThreads / 2; half > 0; half /= 2) {
    block.each([&](int thread) {
      if (thread >= half) return;
      for (int k = 0; k < kRunSums; ++k) tables.sums[k][thread] += tables.sums[k][thread + half];
    });
  }
  block.each([&](int thread) {
    if (thread > 0) return;
    CurveGradient& run = runs[unit];
    for (int p = 0; p < kMaxPoints; ++p) {
      run.x[p] = tables.sums[p][0];
      run.y[p] = tables.sums[kMaxPoints + p][0];
    }
    run.weight = tables.sums[2 * kMaxPoints][0];
    run.sigma = tables.sums[2 * kMaxPoints + 1][0];
  });
}

}  // namespace curvox
