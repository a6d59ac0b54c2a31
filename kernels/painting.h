// What the painting of layers is given: polygons, what lies inside, how it is coloured, in what order.
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

  Point vertex(int64_t index) const { return {vertices[2 * index], vertices[2 * index + 1]}; }
};

}  // namespace curvox
