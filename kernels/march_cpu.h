// Marching many rays on CPU cores, once: how many samples survive is not known before, so threads
// leave them in lists, one for some neighbouring rays, from which they are copied when the tensors
// for all are there.
#pragma once

#include <algorithm>
#include <vector>

#include "march.h"
#include "shares.h"

namespace curvox {

struct MarchedList {
  float* distances;           // [samples]
  float* points;              // [samples, 3]
  int32_t* ray_ids;           // [samples]
  int64_t* offsets;           // [rays + 1]
  float* density;             // [samples]
  float* alpha;               // [samples]
  float* weights;             // [samples]
  float* last_transmittance;  // [rays]
};

class MarchedRays {
 public:
  // What `task` points to must stay until the samples are copied.
  MarchedRays(const MarchTask& task, int threads)
      : task_(task),
        threads_(threads),
        lists_((task.rays.rays + kRaysTogether - 1) / kRaysTogether),
        offsets_(task.rays.rays + 1),
        last_transmittance_(task.rays.rays) {
    over_lists([&](int64_t first, int64_t last) {
      std::vector<MarchedSample>& list = lists_[first / kRaysTogether];
      for (int64_t ray = first; ray < last; ++ray) {
        const size_t before = list.size();
        last_transmittance_[ray] = march_ray<kTogether>(
            task_, ray, [&](const MarchedSample& sample) { list.push_back(sample); });
        offsets_[ray + 1] = static_cast<int64_t>(list.size() - before);
      }
    });
    for (int64_t ray = 0; ray < task.rays.rays; ++ray) offsets_[ray + 1] += offsets_[ray];
  }

  int64_t count() const { return offsets_.back(); }

  void copy(const MarchedList& to) const {
    over_lists([&](int64_t first, int64_t last) {
      const MarchedSample* sample = lists_[first / kRaysTogether].data();
      for (int64_t ray = first; ray < last; ++ray) {
        const float* origin = task_.rays.origins + 3 * ray;
        const float* direction = task_.rays.directions + 3 * ray;
        for (int64_t i = offsets_[ray]; i < offsets_[ray + 1]; ++i, ++sample) {
          to.distances[i] = sample->distance;
          to.density[i] = sample->density;
          to.alpha[i] = sample->alpha;
          to.weights[i] = sample->weight;
          to.ray_ids[i] = static_cast<int32_t>(ray);
          for (int axis = 0; axis < 3; ++axis) {
            to.points[3 * i + axis] = origin[axis] + sample->distance * direction[axis];
          }
        }
      }
    });
    std::copy(offsets_.begin(), offsets_.end(), to.offsets);
    std::copy(last_transmittance_.begin(), last_transmittance_.end(), to.last_transmittance);
  }

 private:
  static constexpr int64_t kRaysTogether = 64;
  static constexpr int64_t kRayWork = 256;  // what a ray costs, in samples
  static constexpr int kTogether = 16;

  template <class Body>
  void over_lists(Body body) const {
    in_shares(task_.rays.rays, kRaysTogether, task_.rays.rays * kRayWork, threads_, body);
  }

  MarchTask task_;
  int threads_;
  std::vector<std::vector<MarchedSample>> lists_;
  std::vector<int64_t> offsets_;
  std::vector<float> last_transmittance_;
};

}  // namespace curvox
