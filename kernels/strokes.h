// Contours of curves: as polygons, and the samples along them from which the outlines of strokes
// are made (outline.h).
#pragma once

#include "cubic.h"
#include "ragged.h"

namespace curvox {

// Contour c has segments[contours[c]..contours[c + 1] - 1].
struct Contours {
  const Point* segments;    // [S, 4]
  const int64_t* contours;  // [C + 1]
  int64_t count;

  CURVOX_FN const Point* cubic(int64_t segment) const { return segments + 4 * segment; }
  CURVOX_FN int64_t segment_count() const { return contours[count]; }
  CURVOX_FN int64_t contour_of(int64_t segment) const {
    return list_of(contours, 0, count, segment);
  }
  CURVOX_FN bool ends_contour(int64_t segment) const {
    return segment + 1 == contours[contour_of(segment) + 1];
  }
};

// Calls visit(weights) for the corners of a segment's polygon. Its end is the start of the next
// segment, or with `last` a corner too.
template <class Visit>
CURVOX_FN void flatten_segment(int pieces, bool last, Visit visit) {
  for (int piece = 0; piece < pieces; ++piece) {
    visit(corner_weights(static_cast<float>(piece) / pieces, pieces));
  }
  if (last) visit(point_weights(1));
}

constexpr float kPi = 3.14159265f;

enum Cap : uint8_t { kButt, kRoundCap, kSquare };
enum Join : uint8_t { kMiter, kRoundJoin, kBevel };

struct StrokeStyle {
  float half_width, miter_limit, tolerance;
  float least_cosine;  // between the directions of neighbouring samples of a segment
  uint8_t cap, join;
};

struct StrokeSample {
  Point point, tangent;  // of unit length
  int segment, pieces;   // of the contour; of the segment
  float t;
};

// The turn between two samples, at which the chord of the outer side stays within the tolerance:
// twice the angle whose cosine is 1 - tolerance / half_width. That of a wide stroke is next to 1.
CURVOX_FN float turn_step(float half_width, float tolerance) {
  const float rise = smaller(tolerance / larger(half_width, 1e-6f), 0.5f);
  return 4 * asinf(sqrtf(0.5f * rise));
}

struct Strokes {
  Contours path;
  const uint8_t* closed;
  const float* widths;
  const uint8_t* caps;
  const uint8_t* joins;
  const float* miter_limits;
  const float* tolerances;

  CURVOX_FN StrokeStyle style(int64_t c) const {
    const float half_width = 0.5f * widths[c];
    const float turn = smaller(turn_step(half_width, tolerances[c]), 1.5f);
    return {half_width, miter_limits[c], tolerances[c], cosf(turn), caps[c], joins[c]};
  }
};

// Pieces of one segment of a stroke: chords of the curve, and of the turn of its outer side.
CURVOX_FN int stroke_pieces(const Point* cubic, const StrokeStyle& style) {
  float turn = 0;
  Point before{0, 0};
  for (int leg = 0; leg < 3; ++leg) {
    const Point along = cubic[leg + 1] - cubic[leg];
    if (dot(along, along) == 0) continue;
    if (dot(before, before) > 0) turn += fabsf(atan2f(cross(before, along), dot(before, along)));
    before = along;
  }
  const float step = turn_step(style.half_width, style.tolerance);
  return larger(chords(cubic, style.tolerance), whole_pieces(turn / step));
}

CURVOX_FN StrokeSample stroke_sample(const Point* cubic, int segment, int pieces, float t) {
  CubicWeights along{};
  tangent_weights(cubic, t, &along);
  const Point direction = weighted_direction(cubic, along);
  const float length = sqrtf(dot(direction, direction));
  const Point point = weighted(cubic, corner_weights(t, pieces));
  return {point, (1 / length) * direction, segment, pieces, t};
}

// Of a path that stays where it is: it has caps nevertheless, which point along x.
CURVOX_FN StrokeSample resting_sample(const Point* cubic) { return {*cubic, {1, 0}, 0, 1, 0}; }

constexpr int kHalvings = 6;  // of a piece, where the curve turns sharply; a cusp stays one

// Calls visit(sample) for the samples behind `from` up to the end of a piece, which is `end`. Where
// the directions of two are too far apart others come between: equal steps of the parameter would
// cut corners.
template <class Visit>
CURVOX_FN void sample_piece(const Point* cubic, StrokeSample from, const StrokeSample& end,
                            float least_cosine, Visit visit) {
  struct Part {  // up to its end; how often it may be halved
    StrokeSample end;
    int halvings;
  };
  Part parts[kHalvings + 1];  // those to come, the nearest last
  parts[0] = {end, kHalvings};
  for (int last = 0; last >= 0;) {
    Part& part = parts[last];
    if (part.halvings > 0 && dot(from.tangent, part.end.tangent) < least_cosine) {
      --part.halvings;
      const float t = 0.5f * (from.t + part.end.t);
      parts[++last] = {stroke_sample(cubic, end.segment, end.pieces, t), part.halvings};
    } else {
      visit(part.end);
      from = part.end;
      --last;
    }
  }
}

// Calls visit(sample) for the samples of one segment; there are none where it stays on a point.
template <class Visit>
CURVOX_FN void sample_segment(const Point* cubic, int segment, const StrokeStyle& style,
                              Visit visit) {
  CubicWeights along{};
  if (!tangent_weights(cubic, 0, &along)) return;
  const int pieces = stroke_pieces(cubic, style);
  StrokeSample before = stroke_sample(cubic, segment, pieces, 0);
  visit(before);
  for (int piece = 1; piece <= pieces; ++piece) {
    const StrokeSample end =
        stroke_sample(cubic, segment, pieces, static_cast<float>(piece) / pieces);
    sample_piece(cubic, before, end, style.least_cosine, visit);
    before = end;
  }
}

// What outlines give back to a sample.
struct SampleGradient {
  Point point;
  float angle;  // of the tangent
};

// Adds what the gradient of a sample makes of that of its segment's control points.
CURVOX_FN void add_sample_gradient(const Point* cubic, const StrokeSample& sample,
                                   const SampleGradient& gradient, Point* by_cubic) {
  const CubicWeights at = corner_weights(sample.t, sample.pieces);
  CubicWeights along{};
  Point by_direction{0, 0};
  if (tangent_weights(cubic, sample.t, &along)) {
    // The angle of a direction D turns by cross(D, dD) / |D|².
    const Point direction = weighted_direction(cubic, along);
    by_direction = (gradient.angle / dot(direction, direction)) * quarter_turn(direction);
  }
  for (int i = 0; i < 4; ++i) {
    by_cubic[i] = by_cubic[i] + at.of[i] * gradient.point + along.of[i] * by_direction;
  }
}

}  // namespace curvox
