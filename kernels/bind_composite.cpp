// What happens along rays, on the CPU: alphas, weights, sums, the distortion loss.
#include "alpha.h"
#include "bind.h"
#include "composite.h"
#include "shares.h"

namespace curvox {
namespace {

constexpr int64_t kEntries = 4096;  // of a share where rays do not matter

// Every kernel over a ragged list asks this first: wrong offsets would reach outside the list.
void check_offsets(const int64_t* offsets, int64_t rays, int64_t samples) {
  for (int64_t ray = 0; ray < rays; ++ray) {
    if (offsets[ray + 1] < offsets[ray]) {
      throw std::invalid_argument("offsets must not fall, ray " + std::to_string(ray) +
                                  " goes from " + std::to_string(offsets[ray]) + " to " +
                                  std::to_string(offsets[ray + 1]));
    }
  }
  if (offsets[0] != 0 || offsets[rays] != samples) {
    throw std::invalid_argument("offsets must go from 0 to " + std::to_string(samples) +
                                ", got " + std::to_string(offsets[0]) + " to " +
                                std::to_string(offsets[rays]));
  }
}

void check_ends(const WeightsTask& task, const int64_t* ends) {
  for (int64_t ray = 0; ray < task.rays; ++ray) {
    if (ends[ray] < task.offsets[ray] || ends[ray] > task.offsets[ray + 1]) {
      throw std::invalid_argument("the end of ray " + std::to_string(ray) + " is outside of it");
    }
  }
}

void alpha_forward(const AlphaTask& task, float* alpha, int threads) {
  in_shares(task.count, kEntries, task.count, threads, [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) alpha[i] = alpha_of(task, i);
  });
}

void alpha_backward(const AlphaTask& task, const float* alpha_gradient, float* density_gradient,
                    int threads) {
  in_shares(task.count, kEntries, task.count, threads, [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      density_gradient[i] = alpha_gradient[i] * alpha_slope(task, i);
    }
  });
}

// Channels in groups whose sums stay in registers.
void composite_ray(const CompositeTask& task, int64_t ray, float* sums) {
  int64_t channel = 0;
  for (; channel + 12 <= task.channels; channel += 12) ray_composite<12>(task, ray, channel, sums);
  for (; channel + 3 <= task.channels; channel += 3) ray_composite<3>(task, ray, channel, sums);
  for (; channel < task.channels; ++channel) ray_composite<1>(task, ray, channel, sums);
}

// The number of channels of a colour or a density and of a feature grid; any other is a variable.
auto composite_gradient_for(int64_t channels) {
  return channels == 1    ? ray_composite_gradient<1>
         : channels == 3  ? ray_composite_gradient<3>
         : channels == 12 ? ray_composite_gradient<12>
                          : ray_composite_gradient<0>;
}

}  // namespace

void bind_composite(nb::module_& module) {
  module.def("density_to_alpha", [](uintptr_t density, int64_t count, float shift, float interval,
                                    uintptr_t alpha, int threads) {
    nb::gil_scoped_release release;
    alpha_forward({at<const float>(density), count, shift, interval}, at<float>(alpha), threads);
  });
  module.def("density_to_alpha_backward",
             [](uintptr_t density, int64_t count, float shift, float interval,
                uintptr_t alpha_gradient, uintptr_t density_gradient, int threads) {
               nb::gil_scoped_release release;
               alpha_backward({at<const float>(density), count, shift, interval},
                              at<const float>(alpha_gradient), at<float>(density_gradient),
                              threads);
             });
  module.def("alpha_to_weights", [](uintptr_t alpha, uintptr_t offsets, int64_t rays,
                                    int64_t samples, float stop, uintptr_t weights, uintptr_t last,
                                    uintptr_t ends, int threads) {
    nb::gil_scoped_release release;
    const WeightsTask task{at<const float>(alpha), at<const int64_t>(offsets), rays, stop};
    check_offsets(task.offsets, rays, samples);
    over_rays(rays, samples, threads, [&](int64_t ray) {
      ray_weights(task, ray, at<float>(weights), at<float>(last), at<int64_t>(ends));
    });
  });
  module.def("alpha_to_weights_backward",
             [](uintptr_t alpha, uintptr_t offsets, int64_t rays, int64_t samples, uintptr_t ends,
                uintptr_t weights_gradient, uintptr_t last_gradient, uintptr_t alpha_gradient,
                int threads) {
               nb::gil_scoped_release release;
               const WeightsTask task{at<const float>(alpha), at<const int64_t>(offsets), rays, 0};
               check_offsets(task.offsets, rays, samples);
               check_ends(task, at<const int64_t>(ends));
               over_rays(rays, samples, threads, [&](int64_t ray) {
                 ray_weights_gradient(task, ray, at<const int64_t>(ends),
                                      at<const float>(weights_gradient),
                                      at<const float>(last_gradient), at<float>(alpha_gradient));
               });
             });
  module.def("composite", [](uintptr_t weights, uintptr_t values, uintptr_t offsets, int64_t rays,
                             int64_t samples, int64_t channels, uintptr_t sums, int threads) {
    nb::gil_scoped_release release;
    const CompositeTask task{at<const float>(weights), at<const float>(values),
                             at<const int64_t>(offsets), rays, channels};
    check_offsets(task.offsets, rays, samples);
    over_rays(rays, samples * channels, threads,
              [&](int64_t ray) { composite_ray(task, ray, at<float>(sums)); });
  });
  module.def("composite_backward",
             [](uintptr_t weights, uintptr_t values, uintptr_t offsets, int64_t rays,
                int64_t samples, int64_t channels, uintptr_t sums_gradient,
                uintptr_t weights_gradient, uintptr_t values_gradient, int threads) {
               nb::gil_scoped_release release;
               const CompositeTask task{at<const float>(weights), at<const float>(values),
                                        at<const int64_t>(offsets), rays, channels};
               check_offsets(task.offsets, rays, samples);
               const auto gradient_of_ray = composite_gradient_for(channels);
               over_rays(rays, samples * channels, threads, [&](int64_t ray) {
                 gradient_of_ray(task, ray, 0, 1, at<const float>(sums_gradient),
                                 at<float>(weights_gradient), at<float>(values_gradient));
               });
             });
  module.def("distortion", [](uintptr_t weights, uintptr_t distances, uintptr_t widths,
                              uintptr_t offsets, int64_t rays, int64_t samples, float width,
                              uintptr_t losses, int threads) {
    nb::gil_scoped_release release;
    const DistortionTask task{at<const float>(weights), at<const float>(distances),
                              at<const float>(widths), at<const int64_t>(offsets), rays, width};
    check_offsets(task.offsets, rays, samples);
    over_rays(rays, samples, threads,
              [&](int64_t ray) { at<float>(losses)[ray] = ray_distortion(task, ray); });
  });
  module.def("distortion_backward",
             [](uintptr_t weights, uintptr_t distances, uintptr_t widths, uintptr_t offsets,
                int64_t rays, int64_t samples, float width, uintptr_t losses_gradient,
                uintptr_t weights_gradient, int threads) {
               nb::gil_scoped_release release;
               const DistortionTask task{at<const float>(weights), at<const float>(distances),
                                         at<const float>(widths), at<const int64_t>(offsets),
                                         rays, width};
               check_offsets(task.offsets, rays, samples);
               over_rays(rays, samples, threads, [&](int64_t ray) {
                 ray_distortion_gradient(task, ray, at<const float>(losses_gradient)[ray],
                                         at<float>(weights_gradient));
               });
             });
}

}  // namespace curvox
