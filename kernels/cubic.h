// Cubic Bézier segments: points and tangents along them as weighted sums of their control points, so
// that gradients flow back by the same weights, and the straight pieces that stand for one.
//
// A chord over a step h of the parameter cuts off |C''| h³ |C'| / 12 of a curve C, and is off by
// |C''| h² / 8 in its middle. A polygon whose corners all stand h² / 12 |C''| outside keeps the
// area: -C'' points there, and is a weighted sum of control points too. The ends of a curve belong
// to its neighbours and stay; so that n pieces keep the area, their n - 1 corners in between move by
// n / (n - 1) as much, that is to C - C'' / (12 n (n - 1)).
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

// What the four control points count for in a point, or in a direction along the curve.
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
    if (!(dot(direction, direction) <= 1e-10f * extent)) {  // and what is not a number
      *weights = candidate;
      return true;
    }
  }
  return false;
}

// A corner, at t, of a polygon of so many pieces.
CURVOX_FN CubicWeights corner_weights(float t, int pieces) {
  CubicWeights weights = point_weights(t);
  if (pieces == 1 || t == 0 || t == 1) return weights;
  const float s = 1 - t, out = 0.5f / (pieces * (pieces - 1.0f));  // C'' is 6 times these:
  const float bends[4] = {s, t - 2 * s, s - 2 * t, t};
  for (int i = 0; i < 4; ++i) weights.of[i] -= out * bends[i];
  return weights;
}

// A number of pieces, made whole. More than the CPU would ask for (172,000, for what is bent most
// within ±2^20 at a tolerance of 1e-4), and what is not a number, is one: on CUDA no values are
// looked at.
CURVOX_FN int whole_pieces(float pieces) {
  constexpr float most = 1 << 18;
  return pieces >= 1 && pieces <= most ? static_cast<int>(ceilf(pieces)) : 1;
}

// The least number of pieces whose corners stay within `tolerance` of a curve with |C''| <= bend.
CURVOX_FN int pieces_within(float bend, float tolerance) {
  if (bend <= 8 * tolerance) return 1;
  return whole_pieces(0.5f + sqrtf(0.25f + bend / (12 * tolerance)));
}

// Of a cubic: |C''| is at most 6 times the greater second difference of control points.
CURVOX_FN int chords(const Point* cubic, float tolerance) {
  const Point first = cubic[0] - 2 * cubic[1] + cubic[2];
  const Point second = cubic[1] - 2 * cubic[2] + cubic[3];
  return pieces_within(6 * sqrtf(larger(dot(first, first), dot(second, second))), tolerance);
}

}  // namespace curvox
