// Total variation of a voxel grid, on the CPU.
#include "bind.h"
#include "shares.h"
#include "total_variation.h"

namespace curvox {
namespace {

constexpr int64_t kRows = 4;  // of a share

VariationTask variation_task(uintptr_t values, uintptr_t touched, uintptr_t scales, int64_t x,
                             int64_t y, int64_t z, int64_t channels) {
  return {at<const float>(values), at<const unsigned char>(touched), at<const double>(scales),
          {x, y, z}, channels};
}

template <class Body>
void over_rows(const VariationTask& task, int threads, Body body) {
  const int64_t rows = row_count(task), entries = rows * task.shape[2] * task.channels;
  in_shares(rows, kRows, entries, threads, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

float variation(const VariationTask& task, int threads) {
  std::vector<double> losses(static_cast<size_t>(row_count(task)));
  over_rows(task, threads, [&](int64_t row) { losses[row] = row_variation(task, row); });
  double sum = 0;
  for (const double loss : losses) sum += loss;
  return static_cast<float>(sum);
}

}  // namespace

void bind_total_variation(nb::module_& module) {
  module.def("total_variation",
             [](uintptr_t values, uintptr_t touched, uintptr_t scales, int64_t x, int64_t y,
                int64_t z, int64_t channels, uintptr_t loss, int threads) {
               nb::gil_scoped_release release;
               *at<float>(loss) =
                   variation(variation_task(values, touched, scales, x, y, z, channels), threads);
             });
  module.def("total_variation_backward",
             [](uintptr_t values, uintptr_t touched, uintptr_t scales, int64_t x, int64_t y,
                int64_t z, int64_t channels, uintptr_t loss_gradient, uintptr_t gradient,
                int threads) {
               nb::gil_scoped_release release;
               const VariationTask task =
                   variation_task(values, touched, scales, x, y, z, channels);
               over_rows(task, threads, [&](int64_t row) {
                 row_variation_gradient(task, row, *at<const float>(loss_gradient),
                                        at<float>(gradient));
               });
             });
}

}  // namespace curvox
