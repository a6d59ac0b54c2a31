// Samples along rays and the occupancy mask, on the CPU.
#include "bind_rays.h"
#include "shares.h"

namespace curvox {
namespace {

// offsets: [rays + 1], written.
void ray_offsets(const RayTask& task, int64_t* offsets, int threads) {
  over_rays(task.rays, 8 * task.rays, threads,
            [&](int64_t ray) { offsets[ray + 1] = sample_count(task, ray); });
  offsets[0] = 0;
  for (int64_t ray = 0; ray < task.rays; ++ray) offsets[ray + 1] += offsets[ray];
}

void emit_rays(const RayTask& task, const RayList& list, int threads) {
  over_rays(task.rays, list.offsets[task.rays], threads,
            [&](int64_t ray) { emit_samples(task, list, ray, 0, 1); });
}

void occupied(const OccupancyTask& task, bool* result, int threads) {
  in_shares(task.count, 4096, task.count, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) result[i] = occupied_at(task, i);
  });
}

}  // namespace

void bind_rays(nb::module_& module) {
  module.def("ray_offsets",
             [](uintptr_t origins, uintptr_t directions, uintptr_t box, uintptr_t jitter,
                int64_t rays, float near, float far, float step, uintptr_t offsets, int threads) {
               nb::gil_scoped_release release;
               ray_offsets(ray_task(origins, directions, box, jitter, rays, near, far, step),
                           at<int64_t>(offsets), threads);
             });
  module.def("emit_rays",
             [](uintptr_t origins, uintptr_t directions, uintptr_t box, uintptr_t jitter,
                int64_t rays, float near, float far, float step, uintptr_t offsets,
                uintptr_t points, uintptr_t distances, uintptr_t ray_ids, int threads) {
               nb::gil_scoped_release release;
               emit_rays(ray_task(origins, directions, box, jitter, rays, near, far, step),
                         {at<const int64_t>(offsets), at<float>(points), at<float>(distances),
                          at<int32_t>(ray_ids)},
                         threads);
             });
  module.def("occupied", [](uintptr_t points, uintptr_t mask, uintptr_t box, int64_t x, int64_t y,
                            int64_t z, int64_t count, uintptr_t result, int threads) {
    nb::gil_scoped_release release;
    occupied({at<const float>(points),
              at<const unsigned char>(mask),
              at<const float>(box),
              {x, y, z},
              count},
             at<bool>(result), threads);
  });
}

}  // namespace curvox
