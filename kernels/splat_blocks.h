// The splat for CUDA, as block programs (portable.h). As on the CPU the Gaussian is the product of
// a row and a column, so that a sample costs a tile 2 x 16 exponentials instead of 16 x 16.
//
// Forward: a block draws one tile. It picks the curves that may reach the tile, of these the runs
// of samples, of these the samples, in the order of curves and steps, and collects enough of them
// to keep all of its threads busy. Half a warp adds one of them at a time to all pixels; the sums
// of all halves are added in order, so the image is deterministic. A sample is added to every pixel
// of a tile that its window meets: more than the window asks for, which only makes the image more
// exact.
// Backward: a block takes some runs of a curve's samples, each of its warps a few neighbours among
// them; what its threads have added up meets in a tree of fixed shape. No kernel adds by float
// atomics.
//
// Each block prepares the curves that it needs: a launch that did it once for all blocks would take
// longer than a drawing of few curves.
#pragma once

#include "curves.h"
#include "tile_blocks.h"

namespace curvox {

constexpr int kHalfWarp = kWarp / 2;
constexpr int kPatch = 4;          // pixels along a side of a thread's share of a tile
constexpr int kTileCurves = 128;   // prepared at once
constexpr int kTileSamples = 512;  // collected before they are added
constexpr int kTileBatch = 64;     // of those tabulated at once
constexpr float kTileMiddle = (kTile - 1) / 2.0f;  // from the first pixel's centre to the tile's

constexpr int kNeighbours = 2;  // samples of a run that one warp takes together
constexpr int kShareWarps = kRunLength / kNeighbours;
constexpr int kShareThreads = kShareWarps * kWarp;
constexpr int kVerticalRows = 2 * kWarp;      // tabulated at once
constexpr int kRunSums = 2 * kMaxPoints + 2;  // numbers of a CurveGradient

constexpr int kReduceThreads = 64;  // of a block in which each thread adds up one curve

// What one compiler allocates the other one fills.
static_assert(sizeof(CurveGradient) == kRunSums * sizeof(float), "sizes differ");

// The Gaussian that stands on each sample of a curve: `pen` and `window_sigmas` (curves.h) in float,
// since every tile asks for that of every curve.
struct BlockPen {
  float weight, scale, radius;  // as in Curve
};

CURVOX_FN const float* control_points(const SplatTask& task, int index) {
  return task.control_points + static_cast<int64_t>(index) * task.num_points * 2;
}

// Whether the CPU form would take the curve: its values are finite, its sigma is positive.
CURVOX_FN bool is_valid(const SplatTask& task, int index) {
  const float* points = control_points(task, index);
  float sum = task.weights[index] * 0 + task.sigmas[index] * 0;  // zero, or not a number
  for (int p = 0; p < kMaxPoints; ++p) {
    if (p < task.num_points) sum += points[2 * p] * 0 + points[2 * p + 1] * 0;
  }
  return sum == 0 && task.sigmas[index] > 0;
}

// A curve that is not valid shows up as not-a-number in every pixel and in each of its gradients.
CURVOX_FN BlockPen block_pen(const SplatTask& task, int index) {
  if (!is_valid(task, index)) return {nanf(""), nanf(""), 3e38f};
  const float weight = task.weights[index];
  const double wide = task.sigmas[index] * task.pixels();
  float sigma = static_cast<float>(wide), rise = 1;
  if (task.blurred > 0) {
    const float below = static_cast<float>(wide - task.blurred) / sigma;
    const float above = static_cast<float>(wide + task.blurred) / sigma;
    rise = 1 / (below * above);
    sigma *= sqrtf(below * above);
  }
  const float heights = larger(fabsf(weight), 1.0f) * rise / task.tolerance;
  const float squared = task.cutoff > 0 ? task.cutoff * task.cutoff + 2 * logf(rise)
                                        : 2 * logf(larger(heights, 1.0f));
  return {weight * rise, static_cast<float>(kSqrtHalfLog2e) / sigma, sigma * sqrtf(squared)};
}

// One coordinate of a curve.
struct BlockAxis {
  double c[kMaxPoints];  // coefficients of 1, k, k², k³ for the k-th sample

  CURVOX_FN double at(int k) const { return ((c[3] * k + c[2]) * k + c[1]) * k + c[0]; }

  // How far the samples up to `steps` before or after the k-th may lie from it.
  CURVOX_FN double spread(int k, int steps) const {
    const double bend = c[2] + 3 * c[3] * k, slope = c[1] + (c[2] + bend) * k;
    return ((fabs(c[3]) * steps + fabs(bend)) * steps + fabs(slope)) * steps;
  }
};

// Axis 0 is x, axis 1 is y.
CURVOX_FN BlockAxis block_axis(const SplatTask& task, int index, int axis) {
  if (!is_valid(task, index)) return {};
  const float* points = control_points(task, index) + axis;
  const double pixels = task.pixels(), spacing = parameter_spacing(task.steps);
  double placed[kMaxPoints] = {};
  for (int p = 0; p < kMaxPoints; ++p) {
    if (p < task.num_points) placed[p] = points[2 * p] * pixels - 0.5 + task.margin;
  }
  BlockAxis block;
  power_basis(placed, task.num_points, block.c);
  double power = 1;
  for (int p = 1; p < kMaxPoints; ++p) block.c[p] *= power *= spacing;
  return block;
}

// One curve as the block programs read it.
struct BlockCurve {
  BlockAxis axes[2];
  BlockPen pen;
};

// e^(-d² / 2 sigma²) at distance d in pixels.
CURVOX_FN float gaussian_at(float distance, float scale) {
  const float u = distance * scale;
  return exp2_fast(-(u * u));
}

// Whether anything up to `extent` from `centre` meets the tile, on an axis that begins in the
// middle of the tile. What is not a number may.
CURVOX_FN bool meets_tile(float centre, float extent) {
  return !(fabsf(centre) > extent + kTileMiddle);
}

// Whether samples of a curve may reach the tile with that middle, judged by its control points,
// whose hull holds it: in float and with a pixel to spare, since every tile asks it of every curve.
CURVOX_FN bool may_meet_curve(const SplatTask& task, const float middle[2], int index) {
  const float radius = block_pen(task, index).radius + 1;
  const float half = static_cast<float>(task.pixels()) / 2, origin = task.margin - 0.5f;
  bool meets = true;
  for (int axis = 0; axis < 2; ++axis) {
    const float* points = control_points(task, index) + axis;
    float low = points[0], high = low;
    for (int p = 1; p < kMaxPoints; ++p) {
      if (p >= task.num_points) continue;
      low = smaller(low, points[2 * p]);
      high = larger(high, points[2 * p]);
    }
    meets &= meets_tile((low + high) * half + origin - middle[axis], (high - low) * half + radius);
  }
  return meets;
}

// A sample, from the middle of the tile.
struct alignas(16) TileSample {
  float centre[2], scale, weight;
};

struct alignas(16) FourFloats {  // one load from shared memory
  float values[4];
};

// The Gaussian of a sample along the tile's columns and, times the weight, its rows; rows first if
// its number is odd, so that the two halves of a warp read other banks of shared memory.
struct TileFactors {
  FourFloats quads[2 * kTile / 4];
};

// Sums of pixels: each half of a warp has all of a tile, each of its threads a patch.
struct PatchSums {
  float values[kPatch][kPatch];
};
using TileSums = float[kPatch][kPatch][kTileThreads];

// A run of samples of a curve in the block's list.
struct CurveRun {
  int place, number;
};

CURVOX_FN int tiles_across(const SplatTask& task) { return (task.width + kTile - 1) / kTile; }

// Lists what threads find, in their order, and returns how many. `find` is given a thread and where
// to leave what it finds, and says whether it found anything.
template <class Item, class Find>
CURVOX_FN int pick(uint32_t* answers, Item* list, Find find) {
  const Block<kTileThreads> block;
  PerThread<Item, kTileThreads> items;
  block.vote(answers, [&](int thread) { return find(thread, items[thread]); });
  const int count = count_votes(answers, kTileWarps);
  block.each([&](int thread) {
    if (voted_yes(answers, thread)) list[votes_before(answers, thread)] = items[thread];
  });
  return count;
}

// Adds `count` samples to the sums of a tile, or to zero if it is blank.
CURVOX_FN void add_samples_to_tile(const TileSample* samples, int count, bool blank,
                                   TileFactors* factors, TileSums& tile) {
  const Block<kTileThreads> block;
  PerThread<PatchSums, kTileThreads> sums;
  block.each([&](int thread) {
    for (int r = 0; r < kPatch; ++r) {
      for (int c = 0; c < kPatch; ++c) sums[thread].values[r][c] = blank ? 0 : tile[r][c][thread];
    }
  });
  for (int first = 0; first < count; first += kTileBatch) {
    const int batch = smaller(kTileBatch, count - first);
    block.each([&](int thread) {
      const int warp = thread / kWarp, lane = thread % kWarp;
      const int axis = (lane / kTile + warp) % 2;
      const float offset = lane % kTile - kTileMiddle;
      for (int s = warp; s < batch; s += kTileWarps) {
        const TileSample& sample = samples[first + s];
        const float value = gaussian_at(offset - sample.centre[axis], sample.scale);
        factors[s].quads[lane / 4].values[lane % 4] = axis ? sample.weight * value : value;
      }
    });
    block.each([&](int thread) {
      const int half = thread / kHalfWarp, patch = thread % kHalfWarp;
      const int columns = half % 2 * kPatch + patch % kPatch;
      const int rows = (1 - half % 2) * kPatch + patch / kPatch;
      PatchSums kept = sums[thread];
      for (int s = half; s < batch; s += 2 * kTileWarps) {
        const FourFloats across = factors[s].quads[columns], down = factors[s].quads[rows];
        for (int r = 0; r < kPatch; ++r) {
          for (int c = 0; c < kPatch; ++c) kept.values[r][c] += down.values[r] * across.values[c];
        }
      }
      sums[thread] = kept;
    });
  }
  block.each([&](int thread) {
    for (int r = 0; r < kPatch; ++r) {
      for (int c = 0; c < kPatch; ++c) tile[r][c][thread] = sums[thread].values[r][c];
    }
  });
}

CURVOX_FN void splat_tile(const SplatTask& task, int number, float* image) {
  CURVOX_SHARED uint32_t answers[kTileWarps];
  CURVOX_SHARED int indices[kTileThreads];
  CURVOX_SHARED BlockCurve curves[kTileCurves];
  CURVOX_SHARED CurveRun runs[kTileThreads];
  CURVOX_SHARED TileSample samples[kTileSamples];
  CURVOX_SHARED TileFactors factors[kTileBatch];
  CURVOX_SHARED TileSums sums;
  const Block<kTileThreads> block;
  const int top = number / tiles_across(task) * kTile;
  const int left = number % tiles_across(task) * kTile;
  const float middle[2] = {left + kTileMiddle, top + kTileMiddle};
  const int per_curve = runs_per_curve(task.steps);
  int num_samples = 0;  // collected
  bool blank = true;

  for (int first = 0; first < task.num_curves; first += kTileThreads) {
    const int found = pick(answers, indices, [&](int thread, int& index) {
      index = first + thread;
      return index < task.num_curves && may_meet_curve(task, middle, index);
    });
    for (int base = 0; base < found; base += kTileCurves) {
      const int num_curves = smaller(kTileCurves, found - base);
      PerThread<CurveRun, kTileThreads> next;
      block.each([&](int thread) {
        if (thread < 2 * num_curves) {
          const int place = thread / 2, axis = thread % 2;
          curves[place].axes[axis] = block_axis(task, indices[base + place], axis);
        }
        if (thread < num_curves) curves[thread].pen = block_pen(task, indices[base + thread]);
        next[thread] = {thread / per_curve, thread % per_curve};
      });
      const int64_t candidates = static_cast<int64_t>(num_curves) * per_curve;
      for (int64_t start = 0; start < candidates; start += kTileThreads) {
        const int num_runs = pick(answers, runs, [&](int thread, CurveRun& run) {
          run = next[thread];
          CurveRun after{run.place + kTileThreads / per_curve,
                         run.number + kTileThreads % per_curve};
          if (after.number >= per_curve) after = {after.place + 1, after.number - per_curve};
          next[thread] = after;
          if (run.place >= num_curves) return false;
          const BlockCurve& curve = curves[run.place];
          const int step = run.number * kRunLength + kRunLength / 2;
          bool meets = true;
          for (int i = 0; i < 2; ++i) {
            const BlockAxis& axis = curve.axes[i];
            const float extent = static_cast<float>(axis.spread(step, kRunLength / 2));
            meets &= meets_tile(static_cast<float>(axis.at(step) - middle[i]),
                                curve.pen.radius + extent);
          }
          return meets;
        });
        for (int begin = 0; begin < num_runs * kRunLength; begin += kTileThreads) {
          num_samples += pick(answers, samples + num_samples, [&](int thread, TileSample& sample) {
            const int place = (begin + thread) / kRunLength;
            if (place >= num_runs) return false;
            const CurveRun run = runs[place];
            const int step = run.number * kRunLength + thread % kRunLength;
            if (step >= task.steps) return false;
            const BlockCurve& curve = curves[run.place];
            const float x = static_cast<float>(curve.axes[0].at(step) - middle[0]);
            const float y = static_cast<float>(curve.axes[1].at(step) - middle[1]);
            sample = {{x, y}, curve.pen.scale, curve.pen.weight};
            return meets_tile(x, curve.pen.radius) && meets_tile(y, curve.pen.radius);
          });
          if (num_samples + kTileThreads > kTileSamples) {
            add_samples_to_tile(samples, num_samples, blank, factors, sums);
            num_samples = 0;
            blank = false;
          }
        }
      }
    }
  }
  if (num_samples > 0) {
    add_samples_to_tile(samples, num_samples, blank, factors, sums);
    blank = false;
  }

  block.each([&](int thread) {
    const int row = thread / kTile, column = thread % kTile;
    const int patch = row / kPatch * kPatch + column / kPatch;
    float value = 0;
    for (int half = 0; half < kTileThreads && !blank; half += kHalfWarp) {
      value += sums[row % kPatch][column % kPatch][half + patch];
    }
    if (top + row < task.height && left + column < task.width) {
      image[static_cast<int64_t>(top + row) * task.width + left + column] = value;
    }
  });
}

// A sample on the way back, as its warp reads it. Past the last step its window is empty.
struct RunSample {
  Position x, y;
  Window window;
  float basis[kMaxPoints];
};

CURVOX_FN RunSample run_sample(const SplatTask& task, const BlockCurve& curve, int step) {
  RunSample sample = {};
  if (step >= task.steps) return sample;
  const double x = curve.axes[0].at(step), y = curve.axes[1].at(step), radius = curve.pen.radius;
  sample.x = split(x);
  sample.y = split(y);
  sample.window = {reach(y, y, radius, task.height), reach(x, x, radius, task.width)};
  double basis[kMaxPoints] = {};
  bernstein(task.num_points, step * parameter_spacing(task.steps), basis);
  for (int p = 0; p < kMaxPoints; ++p) sample.basis[p] = static_cast<float>(basis[p]);
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

// For each sample of a warp, the Gaussian in one row, e, and e d and e d², d the distance to the
// row.
struct alignas(sizeof(float) * kNeighbours) VerticalTerms {
  float e[kNeighbours], ed[kNeighbours], edd[kNeighbours];
};

// Sums over rows, in one column, of the image's gradient times e, e d and e d² of each sample.
struct ColumnSums {
  float plain[kNeighbours], once[kNeighbours], twice[kNeighbours];
};

// Sums over pixels of the image's gradient times e, e dx, e dy and e (dx² + dy²) of each sample.
struct Moments {
  float plain[kNeighbours], x[kNeighbours], y[kNeighbours], square[kNeighbours];
};

// Leaves in shares[unit] the gradient of the unit-th share of all curves' samples: `together` runs
// of one curve. That of sigma stays zero without SIGMA.
template <bool SIGMA>
CURVOX_FN void splat_share_gradient(const SplatTask& task, int together, int unit,
                                    const float* gradient, CurveGradient* shares) {
  union Tables {
    VerticalTerms vertical[kShareWarps][kVerticalRows];
    float sums[kRunSums][kShareThreads];
  };
  CURVOX_SHARED Tables tables;
  CURVOX_SHARED BlockCurve curve;
  CURVOX_SHARED RunSample samples[kRunLength];
  CURVOX_SHARED Window windows[kShareWarps];
  const Block<kShareThreads> block;
  const int length = kRunLength * together;
  const int per_curve = (task.steps + length - 1) / length;
  const int begin = unit % per_curve * length, end = smaller(begin + length, task.steps);
  PerThread<CurveGradient, kShareThreads> totals;
  block.each([&](int thread) {
    const int index = unit / per_curve;
    // Two warps, which do not wait for each other.
    if (thread == 0) curve.pen = block_pen(task, index);
    if (thread / 2 == kWarp / 2) curve.axes[thread % 2] = block_axis(task, index, thread % 2);
    totals[thread] = {};
  });

  for (int run = begin; run < end; run += kRunLength) {
    block.each([&](int thread) {
      if (thread < kRunLength) samples[thread] = run_sample(task, curve, run + thread);
    });
    block.each([&](int thread) {
      if (thread < kShareWarps) windows[thread] = common_window(samples + thread * kNeighbours);
    });
    // All warps go through as many rows as the highest window has; the others idle at its end.
    int height = 0;
    for (const Window& window : windows) height = larger(height, window.rows.size());
    for (int down = 0; down < height; down += kVerticalRows) {
      block.each([&](int thread) {
        const int warp = thread / kWarp;
        const Window window = windows[warp];
        const int rows = smaller(kVerticalRows, window.rows.size() - down);
        for (int row = thread % kWarp; row < rows; row += kWarp) {
          VerticalTerms terms;
          for (int s = 0; s < kNeighbours; ++s) {
            const RunSample& sample = samples[warp * kNeighbours + s];
            const float d = sample.y.distance_from(window.rows.begin + down + row);
            const float e = sample.window.empty() ? 0 : gaussian_at(d, curve.pen.scale);
            terms.e[s] = e;
            terms.ed[s] = e * d;
            terms.edd[s] = e * d * d;
          }
          tables.vertical[warp][row] = terms;
        }
      });
      // Half a warp has the rows of even numbers, the other half has the odd ones.
      block.each([&](int thread) {
        const int warp = thread / kWarp, lane = thread % kWarp;
        const Window window = windows[warp];
        const int rows = smaller(kVerticalRows, window.rows.size() - down);
        Moments moments = {};
        for (int column = window.columns.begin + lane % kHalfWarp; column < window.columns.end;
             column += kHalfWarp) {
          ColumnSums sums = {};
          const float* pixel =
              gradient + column +
              static_cast<int64_t>(window.rows.begin + down + lane / kHalfWarp) * task.width;
          for (int row = lane / kHalfWarp; row < rows; row += 2, pixel += 2 * task.width) {
            const VerticalTerms terms = tables.vertical[warp][row];
            for (int s = 0; s < kNeighbours; ++s) {
              sums.plain[s] += *pixel * terms.e[s];
              sums.once[s] += *pixel * terms.ed[s];
              if (SIGMA) sums.twice[s] += *pixel * terms.edd[s];
            }
          }
          for (int s = 0; s < kNeighbours; ++s) {
            const float d = samples[warp * kNeighbours + s].x.distance_from(column);
            const float e = gaussian_at(d, curve.pen.scale), ed = e * d;
            moments.plain[s] += sums.plain[s] * e;
            moments.x[s] += sums.plain[s] * ed;
            moments.y[s] += sums.once[s] * e;
            if (SIGMA) moments.square[s] += sums.plain[s] * (ed * d) + sums.twice[s] * e;
          }
        }
        CurveGradient& total = totals[thread];
        for (int s = 0; s < kNeighbours; ++s) {
          const RunSample& sample = samples[warp * kNeighbours + s];
          for (int p = 0; p < kMaxPoints; ++p) {
            total.x[p] += sample.basis[p] * moments.x[s];
            total.y[p] += sample.basis[p] * moments.y[s];
          }
          total.weight += moments.plain[s];
          if (SIGMA) total.sigma += moments.square[s];
        }
      });
    }
  }

  block.each([&](int thread) {
    const CurveGradient& total = totals[thread];
    for (int p = 0; p < kMaxPoints; ++p) {
      tables.sums[p][thread] = total.x[p];
      tables.sums[kMaxPoints + p][thread] = total.y[p];
    }
    tables.sums[2 * kMaxPoints][thread] = total.weight;
    tables.sums[2 * kMaxPoints + 1][thread] = total.sigma;
  });
  for (int half = kShareThreads / 2; half > 0; half /= 2) {
    block.each([&](int thread) {
      if (thread >= half) return;
      for (int k = 0; k < kRunSums; ++k) tables.sums[k][thread] += tables.sums[k][thread + half];
    });
  }
  block.each([&](int thread) {
    if (thread > 0) return;
    CurveGradient& share = shares[unit];
    for (int p = 0; p < kMaxPoints; ++p) {
      share.x[p] = tables.sums[p][0];
      share.y[p] = tables.sums[kMaxPoints + p][0];
    }
    share.weight = tables.sums[2 * kMaxPoints][0];
    share.sigma = tables.sums[2 * kMaxPoints + 1][0];
  });
}

}  // namespace curvox
