// The outline of a stroke: a polygon whose nonzero inside is what a pen of some width paints.
//
// A stroke is traced in two journeys, along the curve and back, each on its own left side at half
// the width. Samples are corners of the curve's polygon (see cubic.h) with the curve's direction.
// The outline may wind twice around what it covers twice, never backwards, so that nothing is cut
// out.
//
// Every vertex is  point(a) + half_width * d,  d made from the directions of samples a and b. A
// sink receives d and its derivatives by the two angles: one writes vertices, one counts them, one
// carries gradients back. So all three walk the same path.
#pragma once

#include "strokes.h"

namespace curvox {

// An arc of some angle as a polygon that keeps its area: corners but the two at the ends stand
// outside, at `rim` times the radius, where the m triangles of the pieces around the centre,
// sin(angle / m) / 2 (2 rim + (m - 2) rim²), have the area angle / 2 of the sector.
struct Arc {
  int pieces;
  float rim, slope;  // d rim / d angle

  CURVOX_FN Arc(float angle, float radius, float tolerance)
      : pieces(larger(pieces_within(angle * angle * radius, tolerance),
                      whole_pieces(angle / (0.51f * kPi)))),
        rim(1),
        slope(0) {
    if (pieces == 1) return;
    const float step = angle / pieces, sine = sinf(step);
    const float ratio = angle / sine;  // of all the sector to one triangle
    const float root = sqrtf(1 + (pieces - 2) * ratio);
    rim = ratio / (1 + root);
    slope = (1 - step * cosf(step) / sine) / (2 * root * sine);
  }
};

template <class Sink>
struct Outline {
  const StrokeSample* samples;
  int count;
  bool closed;
  StrokeStyle style;
  Sink& sink;

  // A journey: there, or back, when every direction is turned round.
  struct Stop {
    int sample, segment;
    Point point, tangent, normal;
  };
  CURVOX_FN Stop stop(int k, bool back) const {
    const int index = back ? count - 1 - k : k;
    const StrokeSample& sample = samples[index];
    const Point tangent = back ? -1.0f * sample.tangent : sample.tangent;
    return {index, sample.segment, sample.point, tangent, quarter_turn(tangent)};
  }

  CURVOX_FN void vertex(const Stop& a, const Stop& b, Point d, Point by_a, Point by_b) {
    sink.vertex(a.sample, b.sample, a.point, d, by_a, by_b);
  }
  CURVOX_FN void offset(const Stop& a) {
    vertex(a, a, a.normal, -1.0f * a.tangent, {0, 0});
  }
  CURVOX_FN void centre(const Stop& a) { vertex(a, a, {0, 0}, {0, 0}, {0, 0}); }

  // Where the two offset lines meet: 2 q / |q|² with q the sum of the normals.
  CURVOX_FN void meeting(const Stop& a, const Stop& b) {
    const Point q = a.normal + b.normal;
    const float scale = 2 / dot(q, q);
    const auto derivative = [&](Point tangent) {
      return -scale * tangent + scale * scale * dot(q, tangent) * q;
    };
    vertex(a, b, scale * q, derivative(a.tangent), derivative(b.tangent));
  }

  // Around the outer side, where the turn is to the right: what is straight back but for rounding
  // goes the long way, and ends at the normal of b too.
  CURVOX_FN void arc(const Stop& a, const Stop& b) {
    float angle = atan2f(cross(a.tangent, b.tangent), dot(a.tangent, b.tangent));
    if (angle > 0) angle -= 2 * kPi;
    const Arc arc(-angle, style.half_width, style.tolerance);
    vertex(a, b, a.normal, -1.0f * a.tangent, {0, 0});
    for (int piece = 1; piece < arc.pieces; ++piece) {
      const float share = static_cast<float>(piece) / arc.pieces;
      const float c = cosf(share * angle), s = sinf(share * angle);
      const Point normal = c * a.normal - s * a.tangent;
      const Point turned = arc.rim * quarter_turn(normal), out = arc.slope * normal;
      vertex(a, b, arc.rim * normal, (1 - share) * turned + out, share * turned - out);
    }
    vertex(a, b, b.normal, {0, 0}, -1.0f * b.tangent);
  }

  CURVOX_FN void cap(const Stop& end) {
    if (style.cap == kRoundCap) {
      const Arc arc(kPi, style.half_width, style.tolerance);
      for (int piece = 1; piece < arc.pieces; ++piece) {
        const float angle = kPi * piece / arc.pieces;
        const float c = arc.rim * cosf(angle), s = arc.rim * sinf(angle);
        vertex(end, end, c * end.normal + s * end.tangent, s * end.normal - c * end.tangent,
               {0, 0});
      }
    } else if (style.cap == kSquare) {
      for (const float side : {1.0f, -1.0f}) {
        vertex(end, end, side * end.normal + end.tangent, end.normal - side * end.tangent, {0, 0});
      }
    }
  }

  // From the end of one segment to the start of the next. `room` is how far back along both the
  // inner offset lines may be cut.
  CURVOX_FN void join(const Stop& a, const Stop& b, float room) {
    const float turn = cross(a.tangent, b.tangent), cosine = dot(a.tangent, b.tangent);
    const float h = style.half_width;
    // All but straight back: nothing meets within hundreds of widths, and which side is the outer
    // one is for rounding to say. Both are treated as it.
    const bool turns_round = 1 + cosine < 1e-5f;
    if (turn > 0 && !turns_round) {  // this side is the inner one
      if (h * turn <= room * (1 + cosine)) return meeting(a, b);
      offset(a);
      centre(a);
      return offset(b);
    }
    const float miter = sqrtf(2 / larger(1 + cosine, 1e-5f));  // length over half_width
    const bool flat = h * (miter - 1) <= 0.25f * style.tolerance;
    if (!turns_round && (flat || (style.join == kMiter && miter <= style.miter_limit))) {
      return meeting(a, b);
    }
    if (style.join == kRoundJoin) return arc(a, b);
    offset(a);
    offset(b);
  }

  // Between two samples of a segment. Where the curve turns tighter than half the width, the inner
  // offsets run backwards: then their quadrilateral is traced the other way round (its corners and
  // all of it lie within half a width of the chord), since what winds backwards would cut holes.
  // At a cusp, which no sampling makes smooth, the outer side goes round the point, as it does in
  // every curve that comes near.
  CURVOX_FN void piece(const Stop& a, const Stop& b) {
    const float turn = cross(a.tangent, b.tangent), cosine = dot(a.tangent, b.tangent);
    if (cosine < style.least_cosine && (turn <= 0 || 1 + cosine < 1e-5f)) {
      return arc(a, b);
    }
    const Point chord = b.point - a.point;
    const Point between = chord + style.half_width * (b.normal - a.normal);
    if (dot(between, chord) >= 0) return;
    offset(a);  // already there unless a join cut it
    centre(a);
    offset(b);
    offset(a);
    centre(b);
  }

  CURVOX_FN float chord_between(int k, bool back) const {
    const Point chord = stop(k + 1, back).point - stop(k, back).point;
    return sqrtf(dot(chord, chord));
  }

  // What a stop of a journey gives, up to the next one.
  CURVOX_FN void pass(int k, bool back) {
    const Stop here = stop(k, back);
    const bool last = k + 1 == count;
    const bool starts = k == 0 ? closed : stop(k - 1, back).segment != here.segment;
    if (last ? closed : stop(k + 1, back).segment != here.segment) {
      const int next = last ? 0 : k + 1;  // every segment has two samples or more
      join(here, stop(next, back), smaller(chord_between(k - 1, back), chord_between(next, back)));
    } else if (!starts) {
      offset(here);
    }
    if (!last && stop(k + 1, back).segment == here.segment) piece(here, stop(k + 1, back));
    if (last && !closed) cap(here);
  }

  CURVOX_FN void trace() {
    for (const bool back : {false, true}) {
      for (int k = 0; k < count; ++k) pass(k, back);
      if (back || closed) sink.end_loop();
    }
  }
};

}  // namespace curvox
