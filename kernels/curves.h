// Bézier curves drawn as soft ink: what both forms of the splat (splat_cpu.h, splat_blocks.h) share.
//
// A curve of degree 1 to 3 is sampled at `steps` parameters, evenly spaced in [0, 1]. On every
// sample stands exp(-(dx² + dy²) / 2 sigma²), times the curve's weight; the image is their sum.
//
// Positions are evaluated in double precision, in pixels, with pixel j's centre at coordinate j:
// in float a sample on a 4,000 pixel wide canvas would be off by 1e-4 pixel, which a Gaussian of
// 0.2 pixel turns into an error above the tolerance. It is a few operations a sample, where a
// sample costs thousands.
#pragma once

#include "portable.h"

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
  int height, width;
  float cutoff;     // window half-width in sigmas, or 0: follow from the tolerance
  float tolerance;  // what one sample may lose to the cut (the image's tolerance / samples)
};

// One curve, ready to be sampled, in pixels.
struct Curve {
  double x[kMaxPoints], y[kMaxPoints];  // coefficients of 1, t, t², t³
  double low_x, high_x, low_y, high_y;  // of the control points, whose hull holds the curve
  float weight;
  float scale;    // sqrt(log2(e) / 2) / sigma: exp(-d² / 2 sigma²) = 2^-(d scale)²
  double radius;  // half-width of a sample's window

  CURVOX_FN double x_at(double t) const { return ((x[3] * t + x[2]) * t + x[1]) * t + x[0]; }
  CURVOX_FN double y_at(double t) const { return ((y[3] * t + y[2]) * t + y[1]) * t + y[0]; }
};

// Where the Gaussian of a sample is cut. A term left out is at most |w| exp(-r²/2) for a cut at r
// sigmas, so r = sqrt(2 ln(|w| / tolerance)) loses at most `tolerance` a sample. Light curves
// (|w| < 1) keep the window of w = 1, so that the gradient of the weight sees as far.
CURVOX_FN double window_sigmas(float weight, float cutoff, float tolerance) {
  if (cutoff > 0) return cutoff;
  const double amplitude = larger(fabs(static_cast<double>(weight)), 1.0);
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
  const double pixels = larger(task.height, task.width);
  const float* points = task.control_points + static_cast<int64_t>(index) * task.num_points * 2;
  double x[kMaxPoints], y[kMaxPoints];
  for (int k = 0; k < task.num_points; ++k) {
    x[k] = points[2 * k] * pixels - 0.5;
    y[k] = points[2 * k + 1] * pixels - 0.5;
    curve.low_x = k ? smaller(curve.low_x, x[k]) : x[k];
    curve.high_x = k ? larger(curve.high_x, x[k]) : x[k];
    curve.low_y = k ? smaller(curve.low_y, y[k]) : y[k];
    curve.high_y = k ? larger(curve.high_y, y[k]) : y[k];
  }
  power_basis(x, task.num_points, curve.x);
  power_basis(y, task.num_points, curve.y);
  const double sigma = task.sigmas[index] * pixels;
  curve.weight = task.weights[index];
  curve.scale = static_cast<float>(kSqrtHalfLog2e / sigma);
  curve.radius = sigma * window_sigmas(curve.weight, task.cutoff, task.tolerance);
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

struct Range {
  int begin, end;
  CURVOX_FN bool empty() const { return begin >= end; }
  CURVOX_FN int size() const { return end - begin; }
};

CURVOX_FN Range intersection(Range a, Range b) {
  return {larger(a.begin, b.begin), smaller(a.end, b.end)};
}

CURVOX_FN Range hull(Range a, Range b) {
  return {smaller(a.begin, b.begin), larger(a.end, b.end)};
}

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
  const double pixels = larger(task.height, task.width);
  const double sigma = task.sigmas[index] * pixels;
  const double slope = task.weights[index] / (sigma * sigma) * pixels;
  float* points = points_gradient + static_cast<int64_t>(index) * task.num_points * 2;
  for (int p = 0; p < kMaxPoints; ++p) {
    if (p >= task.num_points) break;
    points[2 * p] = static_cast<float>(x[p] * slope);
    points[2 * p + 1] = static_cast<float>(y[p] * slope);
  }
  weights_gradient[index] = static_cast<float>(weight);
  if (sigmas_gradient) sigmas_gradient[index] = static_cast<float>(sigma_sum * slope / sigma);
}

}  // namespace curvox
