// Curves turned into polygons: what is filled, and the outlines of what is stroked.
#include "bind_checks.h"
#include "outline_cpu.h"

namespace curvox {
namespace {

Contours contours_at(uintptr_t segments, int64_t segment_count, uintptr_t contours, int64_t count,
                     uintptr_t tolerances) {
  check_ranges(at<const int64_t>(contours), count, segment_count, "contours");
  check_values(at<const float>(segments), 8 * segment_count, 8, -kFarthest, kFarthest,
               "control points", "segment");
  check_values(at<const float>(tolerances), count, 1, 1e-4f, kFarthest, "tolerance", "contour");
  return {at<const Point>(segments), at<const int64_t>(contours), count};
}

}  // namespace

void bind_outline(nb::module_& module) {
  module.def("flatten_counts", [](uintptr_t segments, int64_t segment_count, uintptr_t contours, int64_t count,
                                  uintptr_t tolerances, uintptr_t offsets, int threads) {
    nb::gil_scoped_release release;
    flatten_counts(contours_at(segments, segment_count, contours, count, tolerances), at<const float>(tolerances),
                   at<int64_t>(offsets), threads);
  });
  module.def("flatten", [](uintptr_t segments, int64_t segment_count, uintptr_t contours, int64_t count,
                           uintptr_t tolerances, uintptr_t offsets, uintptr_t vertices,
                           int threads) {
    nb::gil_scoped_release release;
    flatten(contours_at(segments, segment_count, contours, count, tolerances), at<const float>(tolerances),
            at<const int64_t>(offsets), at<Point>(vertices), threads);
  });
  module.def("flatten_backward", [](uintptr_t segments, int64_t segment_count, uintptr_t contours, int64_t count,
                                    uintptr_t tolerances, uintptr_t offsets, uintptr_t gradient,
                                    uintptr_t by_segments, int threads) {
    nb::gil_scoped_release release;
    flatten_backward(contours_at(segments, segment_count, contours, count, tolerances), at<const float>(tolerances),
                     at<const int64_t>(offsets), at<const Point>(gradient), at<Point>(by_segments),
                     threads);
  });
  nb::class_<Outlines>(module, "Outlines")
      .def("__init__",
           [](Outlines* outlines, const Strokes& strokes, int threads) {
             nb::gil_scoped_release release;
             new (outlines) Outlines(strokes, threads);
           })
      .def_prop_ro("count", [](const Outlines& outlines) { return outlines.offsets.back(); })
      .def("copy", [](const Outlines& outlines, uintptr_t offsets, uintptr_t vertices) {
        nb::gil_scoped_release release;
        outlines.copy(at<int64_t>(offsets), at<Point>(vertices));
      });
  nb::class_<Strokes>(module, "Strokes")
      .def("__init__",
           [](Strokes* strokes, uintptr_t segments, int64_t segment_count, uintptr_t contours, int64_t count,
              uintptr_t closed, uintptr_t widths, uintptr_t caps, uintptr_t joins,
              uintptr_t miter_limits, uintptr_t tolerances) {
             check_values(at<const float>(widths), count, 1, 0, kFarthest, "width", "contour");
             check_values(at<const float>(miter_limits), count, 1, 1, INFINITY, "miter limit",
                          "contour");
             check_codes(at<const uint8_t>(caps), count, kSquare, "cap", "contour");
             check_codes(at<const uint8_t>(joins), count, kBevel, "join", "contour");
             new (strokes) Strokes{contours_at(segments, segment_count, contours, count, tolerances),
                                   at<const uint8_t>(closed),
                                   at<const float>(widths),
                                   at<const uint8_t>(caps),
                                   at<const uint8_t>(joins),
                                   at<const float>(miter_limits),
                                   at<const float>(tolerances)};
           })
      .def("backward", [](const Strokes& strokes, uintptr_t offsets, uintptr_t gradient,
                          uintptr_t by_segments, uintptr_t by_widths, int threads) {
        nb::gil_scoped_release release;
        stroke_backward(strokes, at<const int64_t>(offsets), at<const Point>(gradient),
                        at<Point>(by_segments), at<float>(by_widths), threads);
      });
}

}  // namespace curvox
