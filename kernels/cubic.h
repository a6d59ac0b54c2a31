// Cubic Bézier segments: points and tangents along them as weighted sums of their control points, so
// that gradients flow back by the same weights, and how many straight pieces stand for one.
#pragma once

#include "portable.h"

namespace curvox {

struct Point {
  float x, y;
};

CURVOX_FN Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
CURVOX_FN Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
CURVOX_FN Point operator*(float s, Point a) { return {s * a.x, s * a.y}; }
CURVOX_FN float dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }
CURVOX_FN float cross(Point a, Point b) { return a.x * b.y - a.y * b.x; }
CURVOX_FN Point quarter_turn(Point a) { return {-a.y, a.x}; }

// What the four control points count for in a point on the curve, or in a direction along it.
struct CubicWeights {
  float of[4];
};

CURVOX_FN Point weighted(const Point* cubic, const CubicWeights& weights) {
  Point sum = weights.of[0] * cubic[0];
  for (int i = 1; i < 4; ++i) sum = sum + weights.of[i] * cubic[i];
  return sum;
}

CURVOX_FN CubicWeights point_weights(float t) {
  const float s = 1 - t;
  return {{s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t}};
}

// The same for weights that sum to 0: a difference of differences, not of large coordinates.
CURVOX_FN Point weighted_direction(const Point* cubic, const CubicWeights& weights) {
  Point sum = weights.of[1] * (cubic[1] - cubic[0]);
  for (int i = 2; i < 4; ++i) sum = sum + weights.of[i] * (cubic[i] - cubic[0]);
  return sum;
}

// The direction of the curve at t. Where it stands still (control points that coincide, cusps) the
// direction between other control points; false where all are the same.
CURVOX_FN bool tangent_weights(const Point* cubic, float t, CubicWeights* weights) {
  const float s = 1 - t;
  const CubicWeights along{{-3 * s * s, 3 * s * s - 6 * s * t, 6 * s * t - 3 * t * t, 3 * t * t}};
  const CubicWeights to_end{{0, -1, 0, 1}}, to_third{{-1, 0, 1, 0}}, whole{{-1, 0, 0, 1}};
  const CubicWeights to_second{{-1, 1, 0, 0}};
  const CubicWeights tries[5] = {along, t < 0.5f ? to_third : to_end, whole, to_second, to_third};
  float extent = 0;
  for (int i = 1; i < 4; ++i) extent = larger(extent, dot(cubic[i] - cubic[0], cubic[i] - cubic[0]));
  for (const CubicWeights& candidate : tries) {
    const Point direction = weighted_direction(cubic, candidate);
    if (dot(direction, direction) > 1e-10f * extent) {
      *weights = candidate;
      return true;
    }
  }
  return false;
}

// The least number of pieces, equal in the parameter, whose chords stay within `tolerance` of the
// curve: a chord over a step h is off by at most h²/8 |C''|, and |C''| <= 6 max |second difference|.
CURVOX_FN int chords(const Point* cubic, float tolerance) {
  const Point first = cubic[0] - 2 * cubic[1] + cubic[2];
  const Point second = cubic[1] - 2 * cubic[2] + cubic[3];
  const float bend = sqrtf(larger(dot(first, first), dot(second, second)));
  return larger(1, static_cast<int>(ceilf(sqrtf(0.75f * bend / tolerance))));
}

}  // namespace curvox
