// Paths of one kind as pictures, on the CPU.
#include <utility>

#include "bind_checks.h"
#include "path_picture.h"

namespace curvox {

void bind_path_picture(nb::module_& module) {
  nb::class_<PathPicture>(module, "PathPicture")
      .def("__init__",
           [](PathPicture* picture, uintptr_t points, uintptr_t widths, uintptr_t colours,
              uintptr_t opacities, uintptr_t background, int64_t pictures, int64_t paths,
              int64_t segments, bool closed, bool stroked, uint8_t rule, uint8_t cap, uint8_t join,
              float miter_limit, float tolerance, int height, int width, int channels,
              int threads) {
             const PathKind kind{pictures,
                                 paths,
                                 segments,
                                 closed,
                                 stroked,
                                 rule,
                                 cap,
                                 join,
                                 miter_limit,
                                 tolerance,
                                 height,
                                 width,
                                 channels};
             nb::gil_scoped_release release;
             if (pictures < 1 || paths % pictures != 0) {
               throw std::invalid_argument(std::to_string(paths) + " paths are no " +
                                           std::to_string(pictures) + " pictures of as many");
             }
             check_codes(&kind.rule, 1, kEvenOdd, "rule", "path");
             check_codes(&kind.cap, 1, kSquare, "cap", "path");
             check_codes(&kind.join, 1, kBevel, "join", "path");
             check_values(&kind.miter_limit, 1, 1, 1, INFINITY, "miter limit", "path");
             check_values(at<const float>(points), 2 * paths * kind.points(), 2 * kind.points(),
                          -kFarthest, kFarthest, "control points", "path");
             check_values(at<const float>(widths), stroked ? paths : 0, 1, 0, kFarthest, "width",
                          "path");
             check_values(at<const float>(colours), 3 * paths, 3, -kFarthestVertex,
                          kFarthestVertex, "colour", "path");
             check_values(at<const float>(opacities), paths, 1, 0, 1, "opacity", "path");
             check_values(at<const float>(background), channels == 3 ? 3 : 0, 3, -kFarthestVertex,
                          kFarthestVertex, "colour", "background");
             PathPicture made(kind, at<const Point>(points), at<const float>(widths),
                              at<const float>(colours), at<const float>(opacities),
                              at<const float>(background), threads);
             // Miters may reach far.
             check_values(made.coordinates(), 2 * made.vertices(), 2, -kFarthestVertex,
                          kFarthestVertex, "coordinate", "vertex");
             new (picture) PathPicture(std::move(made));
           })
      .def("paint",
           [](const PathPicture& picture, uintptr_t image, int threads) {
             nb::gil_scoped_release release;
             picture.paint(at<float>(image), threads);
           })
      .def("paint_backward",
           [](const PathPicture& picture, uintptr_t gradient, uintptr_t by_points,
              uintptr_t by_widths, uintptr_t by_colours, uintptr_t by_opacities,
              uintptr_t by_background, bool to_shapes, bool to_opacities, bool to_background,
              int threads) {
             nb::gil_scoped_release release;
             picture.paint_backward(at<const float>(gradient), at<Point>(by_points),
                                    at<float>(by_widths), at<float>(by_colours),
                                    at<float>(by_opacities), at<float>(by_background), to_shapes,
                                    to_opacities, to_background, threads);
           });
}

}  // namespace curvox
