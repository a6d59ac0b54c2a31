// Curves drawn as soft ink, on the CPU.
#include "bind.h"
#include "splat_cpu.h"

namespace curvox {
namespace {

// Below this many multiply-adds one thread is faster than waking a second one.
constexpr double kParallelWork = 40e3;

void check_finite(const float* values, int64_t count, int64_t per_curve, const char* name) {
  for (int64_t i = 0; i < count; ++i) {
    if (!is_finite(values[i])) {
      throw std::invalid_argument(std::string(name) + " of curve " + std::to_string(i / per_curve) +
                                  " is not finite");
    }
  }
}

void check_values(const SplatTask& task) {
  const int64_t per_curve = 2 * task.num_points;
  check_finite(task.control_points, task.num_curves * per_curve, per_curve, "control_points");
  check_finite(task.weights, task.num_curves, 1, "weight");
  check_finite(task.sigmas, task.num_curves, 1, "sigma");
  for (int i = 0; i < task.num_curves; ++i) {
    if (task.sigmas[i] <= 0) {
      throw std::invalid_argument("sigma of curve " + std::to_string(i) +
                                  " must be positive, got " + std::to_string(task.sigmas[i]));
    }
  }
}

SplatTask splat_task(uintptr_t control_points, uintptr_t weights, uintptr_t sigmas, int num_curves,
                     int num_points, int steps, int height, int width, float cutoff,
                     float tolerance, int margin, double blurred) {
  return {at<const float>(control_points), at<const float>(weights), at<const float>(sigmas),
          num_curves, num_points, steps, height, width, cutoff, tolerance, margin, blurred};
}

void splat_forward(const SplatTask& task, float* image, int threads) {
  check_values(task);
  if (threads <= 1 || splat_work(task) < kParallelWork) {
    splat_band(task, {0, task.height}, image);
    return;
  }
  const std::vector<Range> bands = balanced_bands(task, threads);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (size_t band = 0; band < bands.size(); ++band) splat_band(task, bands[band], image);
}

void splat_backward(const SplatTask& task, const float* image_gradient, float* points_gradient,
                    float* weights_gradient, float* sigmas_gradient, int threads) {
  const auto gradient_of_run = sigmas_gradient ? run_gradient<true> : run_gradient<false>;
  check_values(task);
  const int per_curve = runs_per_curve(task.steps);
  const int64_t count = static_cast<int64_t>(task.num_curves) * per_curve;
  std::vector<CurveGradient> runs(static_cast<size_t>(count));
  const bool parallel = threads > 1 && splat_work(task) >= kParallelWork;
  // Neighbouring runs read the same pixels: hand them out together where there are enough.
  const int64_t share = larger<int64_t>(smaller<int64_t>(count / (8 * threads), per_curve), 1);
#pragma omp parallel for num_threads(threads) schedule(dynamic, share) if (parallel)
  for (int64_t unit = 0; unit < count; ++unit) {
    const int index = static_cast<int>(unit / per_curve);
    const int first = static_cast<int>(unit % per_curve) * kRunLength;
    runs[unit] = gradient_of_run(task, index, first, image_gradient);
  }
  for (int index = 0; index < task.num_curves; ++index) {
    reduce_runs(task, runs.data(), index, points_gradient, weights_gradient, sigmas_gradient);
  }
}

}  // namespace

void bind_splat(nb::module_& module) {
  module.def("splat_forward",
             [](uintptr_t control_points, uintptr_t weights, uintptr_t sigmas, int num_curves,
                int num_points, int steps, int height, int width, float cutoff, float tolerance,
                int margin, double blurred, uintptr_t image, int threads) {
               nb::gil_scoped_release release;
               splat_forward(splat_task(control_points, weights, sigmas, num_curves, num_points,
                                        steps, height, width, cutoff, tolerance, margin, blurred),
                             at<float>(image), threads);
             });
  module.def("splat_backward",
             [](uintptr_t control_points, uintptr_t weights, uintptr_t sigmas, int num_curves,
                int num_points, int steps, int height, int width, float cutoff, float tolerance,
                int margin, double blurred, uintptr_t image_gradient, uintptr_t points_gradient,
                uintptr_t weights_gradient, uintptr_t sigmas_gradient, int threads) {
               nb::gil_scoped_release release;
               splat_backward(splat_task(control_points, weights, sigmas, num_curves, num_points,
                                         steps, height, width, cutoff, tolerance, margin, blurred),
                              at<const float>(image_gradient), at<float>(points_gradient),
                              at<float>(weights_gradient), at<float>(sigmas_gradient), threads);
             });
}

}  // namespace curvox
