// Adam's step, on the CPU.
#include "adam.h"
#include "bind.h"

namespace curvox {
namespace {

// Adam moves 28 bytes an entry; below this many entries one thread is faster.
constexpr int64_t kParallelEntries = 16384;
constexpr int64_t kEntriesTogether = 64;
constexpr int64_t kRowsTogether = 1024;
constexpr int64_t kRowsAhead = 16;  // rows whose memory is on its way
constexpr int64_t kLine = 16;       // floats of a cache line

// `count` entries from `to` on with the gradients given. Written without branches: what is to stay
// is stored again, so that the loop fills the processor's lanes.
template <bool HAS_RATES>
void adam_span(const AdamTask& task, int64_t to, const float* gradients, int64_t count) {
  const AdamTask settings = task;
  float* parameters = task.parameters + to;
  float* mean = task.mean + to;
  float* square = task.square + to;
  const float* rates = task.rates + (HAS_RATES ? to : 0);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    float parameter = parameters[i], first = mean[i], second = square[i];
    adam_update(settings, gradients[i], HAS_RATES ? rates[i] : 1, parameter, first, second);
    const bool stay = settings.skip_zero & (gradients[i] == 0);
    parameters[i] = stay ? parameters[i] : parameter;
    mean[i] = stay ? mean[i] : first;
    square[i] = stay ? square[i] : second;
  }
}

bool all_zero(const float* values, int64_t count) {
  int32_t others = 0;
  for (int64_t i = 0; i < count; ++i) others |= values[i] != 0;
  return others == 0;
}

void adam_step(const AdamTask& task, int threads) {
  const auto span = task.rates ? adam_span<true> : adam_span<false>;
  const bool parallel = threads > 1 && task.count >= kParallelEntries;
#pragma omp parallel for num_threads(threads) schedule(static) if (parallel)
  for (int64_t first = 0; first < task.count; first += kEntriesTogether) {
    const int64_t count = smaller(kEntriesTogether, task.count - first);
    // Of a large grid most entries have no gradient: their other memory is not touched.
    if (task.skip_zero && all_zero(task.gradients + first, count)) continue;
    span(task, first, task.gradients + first, count);
  }
}

// Rows must ascend, so that no row is updated twice or by two threads.
void check_rows(const int64_t* rows, int64_t num_rows, int64_t height) {
  for (int64_t i = 0; i < num_rows; ++i) {
    if (rows[i] < 0 || rows[i] >= height) {
      throw std::invalid_argument("rows must lie in 0 to " + std::to_string(height - 1) +
                                  ", got " + std::to_string(rows[i]));
    }
    if (i > 0 && rows[i] <= rows[i - 1]) {
      throw std::invalid_argument("rows must ascend, got " + std::to_string(rows[i]) + " after " +
                                  std::to_string(rows[i - 1]));
    }
  }
}

// The step at some rows of a matrix; gradients are [num_rows, channels]. Rows that follow each
// other in memory are one span: touched rows of a grid come in pairs at least.
void adam_rows(const AdamTask& task, const int64_t* rows, int64_t num_rows, int64_t channels,
               int threads) {
  check_rows(rows, num_rows, task.count / larger<int64_t>(channels, 1));
  const auto span = task.rates ? adam_span<true> : adam_span<false>;
  const bool parallel = threads > 1 && num_rows * channels >= kParallelEntries;
#pragma omp parallel for num_threads(threads) schedule(static) if (parallel)
  for (int64_t first = 0; first < num_rows; first += kRowsTogether) {
    const int64_t end = smaller(first + kRowsTogether, num_rows);
    for (int64_t row = first, next; row < end; row = next) {
      for (next = row + 1; next < end && rows[next] == rows[next - 1] + 1;) ++next;
      const int64_t ahead = rows[smaller(next + kRowsAhead, num_rows - 1)] * channels;
      for (int64_t c = 0; c < (next - row) * channels; c += kLine) {
        __builtin_prefetch(task.parameters + ahead + c, 1);
        __builtin_prefetch(task.mean + ahead + c, 1);
        __builtin_prefetch(task.square + ahead + c, 1);
      }
      const int64_t to = rows[row] * channels, from = row * channels;
      span(task, to, task.gradients + from, (next - row) * channels);
    }
  }
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
  module.def("adam_rows",
             [](uintptr_t parameters, uintptr_t rows, uintptr_t gradients, uintptr_t mean,
                uintptr_t square, uintptr_t rates, int64_t count, int64_t num_rows,
                int64_t channels, float learning_rate, float beta1, float beta2, float epsilon,
                float mean_correction, float square_correction, int threads) {
               nb::gil_scoped_release release;
               adam_rows({at<float>(parameters), at<const float>(gradients), at<float>(mean),
                          at<float>(square), at<const float>(rates), count, learning_rate, beta1,
                          beta2, epsilon, mean_correction, square_correction, true},
                         at<const int64_t>(rows), num_rows, channels, threads);
             });
}

}  // namespace curvox
