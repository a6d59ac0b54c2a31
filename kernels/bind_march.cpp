// Marching through an occupancy mask and a density grid, on the CPU.
#include "bind_rays.h"
#include "march_cpu.h"

namespace curvox {
namespace {

Occupancy occupancy(uintptr_t words, uintptr_t reach, uintptr_t box, int64_t x, int64_t y,
                    int64_t z) {
  return {at<const int64_t>(words), at<const unsigned char>(reach), at<const float>(box),
          {x, y, z}};
}

void march_backward(const WeightsTask& weights, const AlphaTask& alpha,
                    const float* weights_gradient, const float* last_gradient,
                    float* density_gradient, int threads) {
  over_rays(weights.rays, alpha.count, threads, [&](int64_t ray) {
    march_ray_gradient(weights, alpha, ray, weights_gradient, last_gradient, density_gradient);
  });
}

}  // namespace

void bind_march(nb::module_& module) {
  nb::class_<MarchedRays>(module, "MarchedRays")
      .def("__init__",
           [](MarchedRays* self, uintptr_t origins, uintptr_t directions, uintptr_t box,
              uintptr_t jitter, int64_t rays, float near, float far, float step, uintptr_t words,
              uintptr_t reach, uintptr_t mask_box, int64_t mask_x, int64_t mask_y, int64_t mask_z,
              uintptr_t density, int64_t x, int64_t y, int64_t z, float shift, float interval,
              float alpha_threshold, float stop, int threads) {
             nb::gil_scoped_release release;
             new (self) MarchedRays(
                 {ray_task(origins, directions, box, jitter, rays, near, far, step),
                  occupancy(words, reach, mask_box, mask_x, mask_y, mask_z),
                  make_grid(at<const float>(box), x, y, z), at<const float>(density), shift,
                  interval, alpha_threshold, stop},
                 threads);
           })
      .def_prop_ro("count", &MarchedRays::count)
      .def("copy", [](const MarchedRays& self, uintptr_t distances, uintptr_t points,
                      uintptr_t ray_ids, uintptr_t offsets, uintptr_t density, uintptr_t alpha,
                      uintptr_t weights, uintptr_t last_transmittance) {
        nb::gil_scoped_release release;
        self.copy({at<float>(distances), at<float>(points), at<int32_t>(ray_ids),
                   at<int64_t>(offsets), at<float>(density), at<float>(alpha), at<float>(weights),
                   at<float>(last_transmittance)});
      });
  module.def("march_backward",
             [](uintptr_t alpha, uintptr_t density, uintptr_t offsets, int64_t rays, int64_t count,
                float shift, float interval, uintptr_t weights_gradient, uintptr_t last_gradient,
                uintptr_t density_gradient, int threads) {
               nb::gil_scoped_release release;
               march_backward({at<const float>(alpha), at<const int64_t>(offsets), rays, 0},
                              {at<const float>(density), count, shift, interval},
                              at<const float>(weights_gradient), at<const float>(last_gradient),
                              at<float>(density_gradient), threads);
             });
  module.def("rays_hit", [](uintptr_t origins, uintptr_t directions, uintptr_t box,
                            uintptr_t jitter, int64_t rays, float near, float far, float step,
                            uintptr_t words, uintptr_t reach, uintptr_t mask_box, int64_t mask_x,
                            int64_t mask_y, int64_t mask_z, uintptr_t hits, int threads) {
    nb::gil_scoped_release release;
    const RayTask task = ray_task(origins, directions, box, jitter, rays, near, far, step);
    const Occupancy mask = occupancy(words, reach, mask_box, mask_x, mask_y, mask_z);
    over_rays(rays, 64 * rays, threads,
              [&](int64_t ray) { at<bool>(hits)[ray] = ray_hits(task, mask, ray); });
  });
}

}  // namespace curvox
