// What the CPU forms of the splat have in common: samples prepared in bulk, and the Gaussian on a
// register of pixels.
#pragma once

#include "curves.h"
#include "lanes.h"

namespace curvox {

constexpr int kStepChunk = 128;  // samples prepared at once

// Samples of one curve and the windows they reach (arrays of numbers, which compilers vectorize).
struct Samples {
  int x_whole[kStepChunk], y_whole[kStepChunk];
  float x_rest[kStepChunk], y_rest[kStepChunk];
  int row_begin[kStepChunk], row_end[kStepChunk];
  int column_begin[kStepChunk], column_end[kStepChunk];

  Position x(int k) const { return {x_whole[k], x_rest[k]}; }
  Position y(int k) const { return {y_whole[k], y_rest[k]}; }
  Window window(int k) const {
    return {{row_begin[k], row_end[k]}, {column_begin[k], column_end[k]}};
  }
};

inline void prepare_samples(const SplatTask& task, const Curve& curve, int first, int count,
                            Samples& samples) {
  const double spacing = parameter_spacing(task.steps);
  for (int k = 0; k < count; ++k) {
    const double t = (first + k) * spacing;
    const double x = curve.x_at(t), y = curve.y_at(t);
    const Position column = split(x), row = split(y);
    samples.x_whole[k] = column.whole;
    samples.x_rest[k] = column.rest;
    samples.y_whole[k] = row.whole;
    samples.y_rest[k] = row.rest;
    const Range rows = reach(y, y, curve.radius, task.height);
    const Range columns = reach(x, x, curve.radius, task.width);
    samples.row_begin[k] = rows.begin;
    samples.row_end[k] = rows.end;
    samples.column_begin[k] = columns.begin;
    samples.column_end[k] = columns.end;
  }
}

// Distances from a sample to kLanes pixels from `first` on. Rounded once, after whole numbers were
// added exactly: a pixel's distance is the same wherever its vector begins.
inline Lanes distances(const Position& centre, int first) {
  return lane_numbers() + static_cast<float>(first - centre.whole) - centre.rest;
}

inline Lanes gaussian(Lanes distance, float scale) {
  const Lanes u = distance * scale;
  return exp2_negative(-(u * u));
}

// Sums over the window of one sample, spread over lanes: of g e, g e dx, g e dy and
// g e (dx² + dy²), g the image's gradient, e the Gaussian, (dx, dy) from the sample to the pixel.
struct WindowSums {
  Lanes value, x, y, square;
};

}  // namespace curvox
