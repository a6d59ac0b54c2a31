// Colour gradients: what a linear or radial gradient shows at a point, and where the gradient of
// that goes.
#pragma once

#include "cubic.h"

namespace curvox {

enum SpreadMethod : uint8_t { kPad, kReflect, kRepeat };

constexpr int kGeometry = 9;  // floats: an affine map to unit space (6), focus (2), focal radius

struct GradientTable {
  const uint8_t* radial;
  const float* geometry;  // [G, kGeometry]
  const uint8_t* spreads;
  const int64_t* stops;  // [G + 1]
  const float* positions;
  const float* colours;  // [K, 4]
};

// One gradient of the table; `stop_count` is at least 1.
struct GradientPaint {
  bool radial;
  const float* geometry;
  uint8_t spread;
  int stop_count;
  const float* positions;
  const float* colours;

  CURVOX_FN GradientPaint(const GradientTable& table, int64_t index)
      : radial(table.radial[index]),
        geometry(table.geometry + kGeometry * index),
        spread(table.spreads[index]),
        stop_count(static_cast<int>(table.stops[index + 1] - table.stops[index])),
        positions(table.positions + table.stops[index]),
        colours(table.colours + 4 * table.stops[index]) {}
};

// Where a point lies along a gradient, and how that changes with u and v, its unit coordinates.
struct Along {
  float t, u, v, focus_u, focus_v, focal_radius;
};

// Radial: the circles run from centre f, radius r at t = 0 to centre 0, radius 1 at t = 1. A point p
// lies on that of  |p - (1 - t) f| = r + t (1 - r); with e = p - f this is
//   a t² + 2 b t - c = 0,  a = (1 - r)² - |f|²,  b = r (1 - r) - e.f,  c = |e|² - r²,
// whose larger root it is. Derivatives follow from the equation itself.
CURVOX_FN Along along_gradient(const GradientPaint& paint, float x, float y) {
  const float* m = paint.geometry;
  const float u = m[0] * x + m[1] * y + m[2];
  if (!paint.radial) return {u, 1, 0, 0, 0, 0};
  const float v = m[3] * x + m[4] * y + m[5];
  const Point f{m[6], m[7]}, e{u - f.x, v - f.y};
  const float r = m[8], k = 1 - r;
  const float a = k * k - dot(f, f), b = r * k - dot(e, f), c = dot(e, e) - r * r;
  const float root = sqrtf(larger(b * b + a * c, 1e-12f));
  const float t = (root - b) / a;
  const float scale = 1 / root;  // dt = (dc - 2 t db - t² da) / (2 root)
  const float by_u = scale * (e.x + t * f.x), by_v = scale * (e.y + t * f.y);
  return {t,
          by_u,
          by_v,
          -by_u + scale * (t * e.x + t * t * f.x),
          -by_v + scale * (t * e.y + t * t * f.y),
          scale * (-r - t * (1 - 2 * r) + t * t * k)};
}

// Which two stops a place lies between, and the share of the second; `slope` is the derivative of
// the folded place, 0 where nothing changes.
struct Between {
  int first, second;
  float share, slope;

  // What a stop counts for in the colour.
  CURVOX_FN float weight(int stop) const {
    return (stop == first ? 1 - share : 0) + (stop == second ? share : 0);
  }
};

CURVOX_FN Between between_stops(const GradientPaint& paint, float t) {
  float slope = 1;
  if (paint.spread == kRepeat) {
    t -= floorf(t);
  } else if (paint.spread == kReflect) {
    t -= 2 * floorf(0.5f * t);
    if (t > 1) {
      t = 2 - t;
      slope = -1;
    }
  }
  const int last = paint.stop_count - 1;
  if (!(t > paint.positions[0])) return {0, 0, 0, 0};
  if (t >= paint.positions[last]) return {last, last, 0, 0};
  int second = 1;
  while (paint.positions[second] <= t) ++second;
  const float from = paint.positions[second - 1], to = paint.positions[second];
  return {second - 1, second, (t - from) / (to - from), slope};
}

CURVOX_FN void gradient_colour(const GradientPaint& paint, float x, float y, float* rgba) {
  const Between at = between_stops(paint, along_gradient(paint, x, y).t);
  for (int channel = 0; channel < 4; ++channel) {
    const float first = paint.colours[4 * at.first + channel];
    const float second = paint.colours[4 * at.second + channel];
    rgba[channel] = first + at.share * (second - first);
  }
}

// What the gradient of a point's colour makes of those of the two stops around it and of the
// geometry.
struct ShadeGradient {
  Between at;
  float by_place;  // where the point stands between the stops
  float geometry[kGeometry];
};

CURVOX_FN ShadeGradient shade_gradient(const GradientPaint& paint, float x, float y,
                                       const float* by_rgba) {
  const Along along = along_gradient(paint, x, y);
  ShadeGradient shade{between_stops(paint, along.t), 0, {}};
  const Between& at = shade.at;
  if (at.first == at.second) return shade;
  float by_share = 0;
  for (int channel = 0; channel < 4; ++channel) {
    const int first = 4 * at.first + channel, second = 4 * at.second + channel;
    by_share += by_rgba[channel] * (paint.colours[second] - paint.colours[first]);
  }
  shade.by_place = by_share / (paint.positions[at.second] - paint.positions[at.first]);
  const float by_t = at.slope * shade.by_place, by_u = by_t * along.u, by_v = by_t * along.v;
  const float by_geometry[kGeometry] = {by_u * x,
                                        by_u * y,
                                        by_u,
                                        by_v * x,
                                        by_v * y,
                                        by_v,
                                        by_t * along.focus_u,
                                        by_t * along.focus_v,
                                        by_t * along.focal_radius};
  for (int i = 0; i < kGeometry; ++i) shade.geometry[i] = by_geometry[i];
  return shade;
}

// Adds to the gradients of geometry [kGeometry], positions and colours what `by_rgba`, the gradient
// of the colour at a point, makes of them.
CURVOX_FN void gradient_colour_backward(const GradientPaint& paint, float x, float y,
                                        const float* by_rgba, float* geometry, float* positions,
                                        float* colours) {
  const ShadeGradient shade = shade_gradient(paint, x, y, by_rgba);
  const Between& at = shade.at;
  for (int i = 0; i < kGeometry; ++i) geometry[i] += shade.geometry[i];
  for (const int stop : {at.first, at.second}) {
    const float weight = at.weight(stop);
    positions[stop] -= weight * shade.by_place;
    for (int channel = 0; channel < 4; ++channel) {
      colours[4 * stop + channel] += weight * by_rgba[channel];
    }
    if (at.first == at.second) break;
  }
}

}  // namespace curvox
