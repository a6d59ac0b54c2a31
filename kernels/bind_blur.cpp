// The blur of an image, on the CPU.
#include "bind.h"
#include "blur_cpu.h"

namespace curvox {
namespace {

// Below this many multiply-adds one thread is faster than waking a second one.
constexpr double kParallelBlur = 100e3;

void blur(const BlurTask& task, float* out, int threads) {
  const int rows = task.out_height();
  const double work = 4.0 * rows * task.out_width() * task.reach;
#pragma omp parallel num_threads(threads) if (threads > 1 && work >= kParallelBlur)
  {
    const size_t length = static_cast<size_t>(blur_scratch(task));
    std::vector<float> scratch(kBlurRows * length);
#pragma omp for schedule(dynamic, 1)
    for (int row = 0; row < rows; row += kBlurRows) {
      blur_rows(task, {row, smaller(row + kBlurRows, rows)}, scratch.data(), out);
    }
  }
}

}  // namespace

void bind_blur(nb::module_& module) {
  module.def("blur", [](uintptr_t image, int height, int width, uintptr_t taps, int reach,
                        int margin, uintptr_t out, int threads) {
    nb::gil_scoped_release release;
    blur({at<const float>(image), height, width, at<const float>(taps), reach, margin},
         at<float>(out), threads);
  });
}

}  // namespace curvox
