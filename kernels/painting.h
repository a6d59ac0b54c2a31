// What the painting of layers is given: polygons, what lies inside, how it is coloured, in what order.
// And what both devices make of winding numbers, whose types T are a float or a vector of them.
#pragma once

#include "edge_walk.h"
#include "gradient_paint.h"

namespace curvox {

enum Rule : uint8_t { kNonzero, kEvenOdd };
enum StepKind : int32_t { kDraw, kPush, kPop };

struct Painting {
  const float* vertices;         // [V, 2]
  const int64_t* loops;          // [L, 2] first vertex and end of every closed polygon
  const int64_t* layer_loops;    // [N + 1]
  const uint8_t* rules;          // [N]
  const float* colours;          // [N, 3]
  const float* opacities;        // [N]
  const int32_t* gradient_ids;   // [N], -1 for none
  GradientTable gradients;
  const int32_t* steps;          // [P, 3] StepKind, layer or group, clipping layer
  const int64_t* scene_steps;    // [B + 1]
  const float* group_opacities;  // [Q]
  const float* background;       // [4], multiplied by its alpha
  int64_t layers, scenes;
  int height, width;
  int channels;  // of the image, 3 or 4

  CURVOX_FN Point vertex(int64_t index) const { return {vertices[2 * index], vertices[2 * index + 1]}; }
};

// The pixels of the canvas that lie between two corners, empty where right <= left. An edge that
// stands between two pixels belongs to the right or lower one, see edge_walk.h.
CURVOX_FN Region canvas_box(const Painting& painting, Point low, Point high) {
  const float width = static_cast<float>(painting.width);
  const float height = static_cast<float>(painting.height);
  if (!(low.x < width && low.y < height && high.x > 0 && high.y > 0)) return {};
  return {static_cast<int>(larger(0.0f, floorf(low.x))),
          static_cast<int>(smaller(width, floorf(high.x) + 1)),
          static_cast<int>(larger(0.0f, floorf(low.y))),
          static_cast<int>(smaller(height, floorf(high.y) + 1))};
}

CURVOX_FN float whole_part(float value) { return floorf(value); }

template <class Vector>
CURVOX_FN Vector whole_part(Vector values) {
  constexpr int count = sizeof(Vector) / sizeof(float);
  for (int i = 0; i < count; ++i) values[i] = floorf(values[i]);
  return values;
}

template <class T>
CURVOX_FN T modulo_two(T magnitude) {
  return magnitude - 2 * whole_part(0.5f * magnitude);
}

// The share of a pixel that lies inside, of its mean winding number. Exact where the number is the
// same all over the inside; where parts of a path overlap within one pixel, it takes them for one
// after the other until the pixel is full (nonzero) or folds back (even-odd). What is not a number
// stays so.
template <class T>
CURVOX_FN T coverage(T winding, uint8_t rule) {
  const T magnitude = winding < 0 ? -winding : winding, one = T{} + 1;
  if (rule == kNonzero) return magnitude >= 1 ? one : magnitude;
  const T rest = modulo_two(magnitude);
  return rest < 1 ? rest : 2 - rest;
}

template <class T>
CURVOX_FN T coverage_slope(T winding, uint8_t rule) {
  const T one = T{} + 1, none{};
  const T sign = winding < 0 ? -one : one;
  const T magnitude = winding * sign;
  if (rule == kNonzero) return magnitude < 1 ? sign : none;
  return modulo_two(magnitude) < 1 ? sign : -sign;
}

}  // namespace curvox
