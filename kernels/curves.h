// Bézier curves drawn as soft ink: what both forms of the splat (splat_cpu.h, splat_blocks.h) share.
//
// A curve of degree 1 to 3 is sampled at `steps` parameters, evenly spaced in [0, 1]. On every
// sample stands exp(-(dx² + dy²) / 2 sigma²), times the curve's weight; the image is their sum.
//
// Positions are evaluated in double precision, in pixels, with pixel j's centre at coordinate j:
// in float a sample on a 4,000 pixel wide canvas would be off by 1e-4 pixel, which a Gaussian of
// 0.2 pixel turns into an error above the tolerance. It is a few operations a sample, where a
// sample costs thousands.
//
// A call may draw for a blur to come: the Gaussian of sigma is the one of sqrt(sigma² - blurred²)
// blurred by that of `blurred`. On the grid of pixels that is exact but for a factor that depends on
// the place. With s the narrow one's sigma and b = blurred, of a sample at x
//   exp(-(n - x)² / 2s²) exp(-(m - n)² / 2b²)
//     = exp(-(m - x)² / 2 sigma²) exp(-(n - mu)² / 2 tau²),  tau = s b / sigma,
// for some mu; and the sum over all n of the last factor is sqrt(2 pi) tau, the same for every mu,
// within a relative 2 exp(-2 pi² tau²) (Poisson): 4e-8 for tau² = 0.9.
#pragma once

#include "portable.h"
#include "ranges.h"

namespace curvox {

constexpr int kMaxPoints = 4;                          // control points of a cubic
constexpr double kSqrtHalfLog2e = 0.84932180028801904;  // sqrt(log2(e) / 2)
constexpr int kRunLength = 16;                         // samples of one unit of backward work

// What one call draws. Coordinates and sigmas are in units of the canvas's longer side.
struct SplatTask {
  const float* control_points;  // [num_curves, num_points, 2], x right, y down
  const float* weights;         // [num_curves]
  const float* sigmas;          // [num_curves]
  int num_curves;
  int num_points;  // degree + 1
  int steps;
  int height, width;  // of the image, the canvas and its margin
  float cutoff;       // window half-width in sigmas, or 0: follow from the tolerance
  float tolerance;    // what one sample may lose to the cut (the image's tolerance / samples)
  int margin;         // pixels that the image has on every side of the canvas
  double blurred;     // pixels, less than every sigma: the sigma of a blur to come, or 0

  CURVOX_FN double pixels() const { return larger(height, width) - 2 * margin; }
};

// The Gaussian that stands on a sample: its sigma in pixels, and how often its peak is as high as
// the weight, so that the blur to come leaves a peak of just that.
struct Pen {
  double sigma, rise;
};

CURVOX_FN Pen pen(const SplatTask& task, int index) {
  const double wide = task.sigmas[index] * task.pixels();
  const double squared = wide * wide - task.blurred * task.blurred;
  return {sqrt(squared), wide * wide / squared};
}

// One curve, ready to be sampled, in pixels.
struct Curve {
  double x[kMaxPoints], y[kMaxPoints];  // coefficients of 1, t, t², t³
  double low_x, high_x, low_y, high_y;  // of the control points, whose hull holds the curve
  float weight;   // times the pen's rise
  float scale;    // sqrt(log2(e) / 2) / sigma: exp(-d² / 2 sigma²) = 2^-(d scale)²
  double radius;  // half-width of a sample's window

  CURVOX_FN double x_at(double t) const { return ((x[3] * t + x[2]) * t + x[1]) * t + x[0]; }
  CURVOX_FN double y_at(double t) const { return ((y[3] * t + y[2]) * t + y[1]) * t + y[0]; }
};

// Where the Gaussian of a sample is cut. A term left out is at most |w| exp(-r²/2) for a cut at r
// sigmas, so r = sqrt(2 ln(|w| / tolerance)) loses at most `tolerance` a sample. Light curves
// (|w| < 1) keep the window of w = 1, so that the gradient of the weight sees as far. A pen that
// rises higher is cut at the same height: further out, in its sigmas.
CURVOX_FN double window_sigmas(float weight, double rise, float cutoff, float tolerance) {
  if (cutoff > 0) return sqrt(static_cast<double>(cutoff) * cutoff + 2 * log(rise));
  const double amplitude = larger(fabs(static_cast<double>(weight)), 1.0) * rise;
  return sqrt(2 * log(larger(amplitude / tolerance, 1.0)));
}

// From control points to the coefficients of 1, t, t², t³ (degree 1, 2 or 3).
CURVOX_FN void power_basis(const double points[kMaxPoints], int num_points,
                           double coefficients[kMaxPoints]) {
  const int degree = num_points - 1;
  coefficients[0] = points[0];
  coefficients[1] = degree * (points[1] - points[0]);
  coefficients[2] = 0;
  coefficients[3] = 0;
  if (degree == 2) coefficients[2] = points[0] - 2 * points[1] + points[2];
  if (degree == 3) {
    coefficients[2] = 3 * (points[0] - 2 * points[1] + points[2]);
    coefficients[3] = points[3] - points[0] + 3 * (points[1] - points[2]);
  }
}

CURVOX_FN Curve load_curve(const SplatTask& task, int index) {
  Curve curve;
  const double pixels = task.pixels();
  const float* points = task.control_points + static_cast<int64_t>(index) * task.num_points * 2;
  double x[kMaxPoints], y[kMaxPoints];
  for (int k = 0; k < task.num_points; ++k) {
    x[k] = points[2 * k] * pixels - 0.5 + task.margin;
    y[k] = points[2 * k + 1] * pixels - 0.5 + task.margin;
    curve.low_x = k ? smaller(curve.low_x, x[k]) : x[k];
    curve.high_x = k ? larger(curve.high_x, x[k]) : x[k];
    curve.low_y = k ? smaller(curve.low_y, y[k]) : y[k];
    curve.high_y = k ? larger(curve.high_y, y[k]) : y[k];
  }
  power_basis(x, task.num_points, curve.x);
  power_basis(y, task.num_points, curve.y);
  const float weight = task.weights[index];
  const Pen drawn = pen(task, index);
  curve.weight = static_cast<float>(weight * drawn.rise);
  curve.scale = static_cast<float>(kSqrtHalfLog2e / drawn.sigma);
  curve.radius = drawn.sigma * window_sigmas(weight, drawn.rise, task.cutoff, task.tolerance);
  return curve;
}

// Bernstein polynomials of degree num_points - 1 at t.
CURVOX_FN void bernstein(int num_points, double t, double basis[kMaxPoints]) {
  const double s = 1 - t;
  if (num_points == 2) {
    basis[0] = s;
    basis[1] = t;
  } else if (num_points == 3) {
    basis[0] = s * s;
    basis[1] = 2 * s * t;
    basis[2] = t * t;
  } else {
    basis[0] = s * s * s;
    basis[1] = 3 * s * s * t;
    basis[2] = 3 * s * t * t;
    basis[3] = t * t * t;
  }
}

// The k-th of `steps` evenly spaced parameters is k times this; a single one stands at 0.
CURVOX_FN double parameter_spacing(int steps) { return steps > 1 ? 1.0 / (steps - 1) : 0.0; }

struct Window {
  Range rows, columns;
  CURVOX_FN bool empty() const { return rows.empty() || columns.empty(); }
};

// Pixels of [0, size) whose centres lie within `radius` of [low, high]. Not-a-number reaches none.
CURVOX_FN Range reach(double low, double high, double radius, int size) {
  const double begin = larger(smaller(ceil(low - radius), static_cast<double>(size)), 0.0);
  const double end = larger(smaller(floor(high + radius) + 1, static_cast<double>(size)), begin);
  return {static_cast<int>(begin), static_cast<int>(end)};
}

// A coordinate as a whole pixel and a rest, so that distances to pixels are exact in float.
struct Position {
  int whole;
  float rest;
  CURVOX_FN float distance_from(int pixel) const {
    return static_cast<float>(pixel - whole) - rest;
  }
};

CURVOX_FN Position split(double coordinate) {
  const double bounded = larger(smaller(coordinate, 1e9), -1e9);
  const double whole = floor(bounded);
  return {static_cast<int>(whole), static_cast<float>(bounded - whole)};
}

CURVOX_FN int runs_per_curve(int steps) { return (steps + kRunLength - 1) / kRunLength; }

// Gradients of one run of a curve's samples, before the scale that is common to all runs.
struct CurveGradient {
  float x[kMaxPoints] = {}, y[kMaxPoints] = {};
  float weight = 0, sigma = 0;
};

// Adds the runs of one curve in order and scales the sums to the units of the inputs.
// sigmas_gradient may be null: not wanted.
// A sample draws w r e, with r = sigma² / s² and e = exp(-d² / 2s²), s² = sigma² - blurred²; so
// d(w r e) / d sigma = (w r e / s² sigma) (r d² - 2 blurred²).
CURVOX_FN void reduce_runs(const SplatTask& task, const CurveGradient* runs, int index,
                           float* points_gradient, float* weights_gradient,
                           float* sigmas_gradient) {
  const int count = runs_per_curve(task.steps);
  runs += static_cast<int64_t>(index) * count;
  double x[kMaxPoints] = {}, y[kMaxPoints] = {}, weight = 0, sigma_sum = 0;
  for (int run = 0; run < count; ++run) {
    for (int p = 0; p < kMaxPoints; ++p) {
      x[p] += runs[run].x[p];
      y[p] += runs[run].y[p];
    }
    weight += runs[run].weight;
    sigma_sum += runs[run].sigma;
  }
  const double pixels = task.pixels();
  const double sigma = task.sigmas[index] * pixels;
  const Pen drawn = pen(task, index);
  const double slope = task.weights[index] * drawn.rise / (drawn.sigma * drawn.sigma) * pixels;
  float* points = points_gradient + static_cast<int64_t>(index) * task.num_points * 2;
  for (int p = 0; p < kMaxPoints; ++p) {
    if (p >= task.num_points) break;
    points[2 * p] = static_cast<float>(x[p] * slope);
    points[2 * p + 1] = static_cast<float>(y[p] * slope);
  }
  weights_gradient[index] = static_cast<float>(weight * drawn.rise);
  if (sigmas_gradient) {
    const double moment = drawn.rise * sigma_sum - 2 * task.blurred * task.blurred * weight;
    sigmas_gradient[index] = static_cast<float>(moment * slope / sigma);
  }
}

}  // namespace curvox
