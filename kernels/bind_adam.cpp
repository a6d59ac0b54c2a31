// Adam's step, on the CPU.
#include "adam.h"
#include "bind.h"

namespace curvox {
namespace {

// Adam moves 28 bytes an entry; below this many entries one thread is faster.
constexpr int64_t kParallelEntries = 16384;

void adam_step(const AdamTask& task, int threads) {
  const bool parallel = threads > 1 && task.count >= kParallelEntries;
#pragma omp parallel for num_threads(threads) schedule(static) if (parallel)
  for (int64_t i = 0; i < task.count; ++i) adam_entry(task, i);
}

}  // namespace

void bind_adam(nb::module_& module) {
  module.def("adam_step",
             [](uintptr_t parameters, uintptr_t gradients, uintptr_t mean, uintptr_t square,
                uintptr_t rates, int64_t count, float learning_rate, float beta1, float beta2,
                float epsilon, float mean_correction, float square_correction, bool skip_zero,
                int threads) {
               nb::gil_scoped_release release;
               adam_step({at<float>(parameters), at<const float>(gradients), at<float>(mean),
                          at<float>(square), at<const float>(rates), count, learning_rate, beta1,
                          beta2, epsilon, mean_correction, square_correction, skip_zero},
                         threads);
             });
}

}  // namespace curvox
