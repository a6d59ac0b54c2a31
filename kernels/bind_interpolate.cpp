// Values of a voxel grid between its points, on the CPU.
#include "bind.h"
#include "interpolate_cpu.h"

namespace curvox {
namespace {

constexpr int64_t kParallelPoints = 2048;  // below, one thread is faster than waking a second one
constexpr int64_t kPointsTogether = 1024;

void interpolate(const Grid& grid, const float* values, int64_t channels, const float* points,
                 int64_t count, float* out, int threads) {
  const auto run = channels == 1    ? interpolate_points<1>
                   : channels == 3  ? interpolate_points<3>
                   : channels == 12 ? interpolate_points<12>
                                    : interpolate_points<0>;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (count >= kParallelPoints)
  for (int64_t first = 0; first < count; first += kPointsTogether) {
    run(grid, values, channels, points, first, smaller(first + kPointsTogether, count), out);
  }
}

}  // namespace

void bind_interpolate(nb::module_& module) {
  module.def("interpolate", [](uintptr_t values, int64_t x, int64_t y, int64_t z, int64_t channels,
                               uintptr_t box, uintptr_t points, int64_t count, uintptr_t out,
                               int threads) {
    nb::gil_scoped_release release;
    interpolate(make_grid(at<const float>(box), x, y, z), at<const float>(values), channels,
                at<const float>(points), count, at<float>(out), threads);
  });
  nb::class_<Scatter>(module, "Scatter")
      .def("__init__",
           [](Scatter* self, int64_t x, int64_t y, int64_t z, uintptr_t box, uintptr_t points,
              int64_t count, bool compact, int threads) {
             nb::gil_scoped_release release;
             new (self) Scatter(make_grid(at<const float>(box), x, y, z), at<const float>(points),
                                count, compact, count < kParallelPoints ? 1 : threads);
           })
      .def_prop_ro("num_rows", &Scatter::num_rows)
      .def("compact",
           [](const Scatter& self, uintptr_t gradients, int64_t channels, uintptr_t rows,
              uintptr_t values) {
             nb::gil_scoped_release release;
             self.compact(at<const float>(gradients), channels, at<int64_t>(rows),
                          at<float>(values));
           })
      .def("dense", [](const Scatter& self, uintptr_t gradients, int64_t channels,
                       uintptr_t values) {
        nb::gil_scoped_release release;
        self.dense(at<const float>(gradients), channels, at<float>(values));
      });
}

}  // namespace curvox
