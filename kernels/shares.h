// Work divided among threads in shares that do not depend on their number, so that results have the
// same bits for any: a compiler may round differently in the vector body of a loop and in its tail.
#pragma once

#include <atomic>
#include <vector>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include "portable.h"

namespace curvox {

// Calls body(begin, end) for shares of 0..count-1, `share` of them each but for the last. `work` is
// what all of it costs, in samples or entries of a few nanoseconds.
template <class Body>
void in_shares(int64_t count, int64_t share, int64_t work, int threads, Body body) {
  constexpr int64_t kParallelWork = 16384;  // below it one thread is faster than waking a second
  const bool parallel = threads > 1 && work >= kParallelWork;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (parallel)
  for (int64_t begin = 0; begin < count; begin += share) {
    body(begin, smaller(begin + share, count));
  }
}

// Calls body(ray) for every ray of a list.
template <class Body>
void over_rays(int64_t rays, int64_t samples, int threads, Body body) {
  in_shares(rays, 64, samples + rays, threads, [&](int64_t begin, int64_t end) {
    for (int64_t ray = begin; ray < end; ++ray) body(ray);
  });
}

// Units of work 0..count-1, to each thread a stretch of them to begin with, the same in every call:
// so what it writes stays in its own cache until the next one, and for elementwise operations, which
// divide tensors alike. Threads that are done help the others.
class Stretches {
 public:
  Stretches(int64_t count, int threads) : count_(count), threads_(threads), next_(threads) {
    for (int stretch = 0; stretch < threads; ++stretch) next_[stretch] = begin(stretch);
  }

  // Calls body(unit), inside a parallel region, for all units that come to this thread.
  template <class Body>
  void each(Body body) {
    for (int step = 0; step < threads_; ++step) {
      const int stretch = (thread() + step) % threads_;
      for (int64_t unit; (unit = next_[stretch]++) < begin(stretch + 1);) body(unit);
    }
  }

 private:
  int64_t count_;
  int threads_;
  std::vector<std::atomic<int64_t>> next_;

  int64_t begin(int stretch) const { return count_ * stretch / threads_; }

  static int thread() {
#if defined(_OPENMP)
    return omp_get_thread_num();
#else
    return 0;
#endif
  }
};

}  // namespace curvox
