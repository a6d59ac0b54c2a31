// The painting of layers, on the CPU.
#include "bind_checks.h"
#include <nanobind/stl/array.h>

#include <array>

#include "paint_bands_cpu.h"

namespace curvox {
namespace {

// How much there is of what a painting points at.
struct Sizes {
  int64_t vertices, loops, layers, gradients, stops, steps, scenes, groups;
};

void check_steps(const Painting& painting, const Sizes& sizes) {
  const auto fail = [](int64_t step, const std::string& what) {
    throw std::invalid_argument("step " + std::to_string(step) + " " + what);
  };
  for (int64_t scene = 0; scene < sizes.scenes; ++scene) {
    int depth = 0;
    for (int64_t s = painting.scene_steps[scene]; s < painting.scene_steps[scene + 1]; ++s) {
      const int32_t* step = painting.steps + 3 * s;
      if (step[0] < kDraw || step[0] > kPop) fail(s, "is none of draw, push and pop");
      if (step[0] == kDraw && (step[1] < 0 || step[1] >= sizes.layers)) {
        fail(s, "draws a layer that is not there");
      }
      if (step[0] == kPush) ++depth;
      if (step[0] != kPop) continue;
      if (step[1] < 0 || step[1] >= sizes.groups || step[2] < -1 || step[2] >= sizes.layers) {
        fail(s, "ends a group or clips by a layer that is not there");
      }
      if (--depth < 0) fail(s, "ends a group that was not begun");
    }
    if (depth != 0) fail(painting.scene_steps[scene + 1], "ends a scene within a group");
  }
}

void check_painting(const Painting& painting, const Sizes& sizes) {
  constexpr float far = kFarthestVertex;
  check_values(painting.vertices, 2 * sizes.vertices, 2, -far, far, "coordinate", "vertex");
  for (int64_t loop = 0; loop < sizes.loops; ++loop) {
    const int64_t begin = painting.loops[2 * loop], end = painting.loops[2 * loop + 1];
    if (begin < 0 || end < begin || end > sizes.vertices) {
      throw std::invalid_argument("loop " + std::to_string(loop) + " leaves the list of vertices");
    }
  }
  check_ranges(painting.layer_loops, sizes.layers, sizes.loops, "layer_loops");
  check_codes(painting.rules, sizes.layers, kEvenOdd, "rule", "layer");
  check_values(painting.colours, 3 * sizes.layers, 3, -far, far, "colour", "layer");
  check_values(painting.opacities, sizes.layers, 1, 0, 1, "opacity", "layer");
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    if (painting.gradient_ids[layer] < -1 || painting.gradient_ids[layer] >= sizes.gradients) {
      throw std::invalid_argument("layer " + std::to_string(layer) +
                                  " has a gradient that is not there");
    }
  }
  const GradientTable& gradients = painting.gradients;
  check_values(gradients.geometry, kGeometry * sizes.gradients, kGeometry, -far, far, "geometry",
               "gradient");
  check_codes(gradients.spreads, sizes.gradients, kRepeat, "spread", "gradient");
  check_ranges(gradients.stops, sizes.gradients, sizes.stops, "stops", 1);
  check_values(gradients.positions, sizes.stops, 1, 0, 1, "position", "stop");
  check_values(gradients.colours, 4 * sizes.stops, 4, -far, far, "colour", "stop");
  check_ranges(painting.scene_steps, sizes.scenes, sizes.steps, "scene_steps");
  check_values(painting.group_opacities, sizes.groups, 1, 0, 1, "opacity", "group");
  check_values(painting.background, 4, 4, -far, far, "colour", "background");
  check_steps(painting, sizes);
}

}  // namespace

void bind_paint(nb::module_& module) {
  nb::class_<Painting>(module, "Painting")
      .def("__init__",
           [](Painting* painting, uintptr_t vertices, uintptr_t loops, uintptr_t layer_loops,
              uintptr_t rules, uintptr_t colours, uintptr_t opacities, uintptr_t gradient_ids,
              uintptr_t radial, uintptr_t geometry, uintptr_t spreads, uintptr_t stops,
              uintptr_t positions, uintptr_t stop_colours, uintptr_t steps, uintptr_t scene_steps,
              uintptr_t group_opacities, uintptr_t background,
              const std::array<int64_t, 8>& counts, int height, int width, int channels) {
             const Sizes sizes{counts[0], counts[1], counts[2], counts[3],
                               counts[4], counts[5], counts[6] - 1, counts[7]};
             new (painting) Painting{
                 at<const float>(vertices),        at<const int64_t>(loops),
                 at<const int64_t>(layer_loops),   at<const uint8_t>(rules),
                 at<const float>(colours),         at<const float>(opacities),
                 at<const int32_t>(gradient_ids),
                 {at<const uint8_t>(radial), at<const float>(geometry), at<const uint8_t>(spreads),
                  at<const int64_t>(stops), at<const float>(positions),
                  at<const float>(stop_colours)},
                 at<const int32_t>(steps),         at<const int64_t>(scene_steps),
                 at<const float>(group_opacities), at<const float>(background),
                 sizes.layers,                     sizes.scenes,
                 height,                           width,
                 channels};
             check_painting(*painting, sizes);
           })
      .def("paint",
           [](const Painting& painting, int64_t vertices, uintptr_t image, int threads) {
             nb::gil_scoped_release release;
             paint(painting, vertices, at<float>(image), threads);
           })
      .def("paint_backward", [](const Painting& painting, int64_t vertices, uintptr_t gradient,
                                uintptr_t by_vertices, uintptr_t by_colours,
                                uintptr_t by_opacities, uintptr_t by_geometry,
                                uintptr_t by_positions, uintptr_t by_stop_colours,
                                uintptr_t by_group_opacities, uintptr_t by_background,
                                bool to_vertices, bool to_opacities, bool to_background,
                                int threads) {
        nb::gil_scoped_release release;
        paint_backward(painting, vertices, at<const float>(gradient),
                       {at<float>(by_vertices), at<float>(by_colours), at<float>(by_opacities),
                        at<float>(by_geometry), at<float>(by_positions),
                        at<float>(by_stop_colours), at<float>(by_group_opacities),
                        at<float>(by_background), to_vertices, to_opacities, to_background},
                       threads);
      });
}

}  // namespace curvox
