// The only header that knows which device it is compiled for.
//
// Everything above it is freestanding C++17 that g++, clang and NVRTC read unchanged. On CUDA a
// function runs in one thread of a block; on the CPU the same "block program" runs its threads one
// after the other (struct Block below), which is how the tests hold the CUDA kernels to the
// PyTorch reference on machines without a GPU.
#pragma once

#if defined(__CUDACC__)

#define CURVOX_FN __device__ __forceinline__
#define CURVOX_SHARED __shared__

using uint32_t = unsigned int;
using int32_t = int;
using int64_t = long long;

namespace curvox {

CURVOX_FN float exp2_fast(float x) { return exp2f(x); }
CURVOX_FN int lowest_bit(uint32_t word) { return __ffs(static_cast<int>(word)) - 1; }
CURVOX_FN void shared_or(uint32_t* word, uint32_t bits) { atomicOr(word, bits); }

}  // namespace curvox

#else

#include <math.h>

#include <cstdint>

#define CURVOX_FN inline
#define CURVOX_SHARED

namespace curvox {

CURVOX_FN float exp2_fast(float x) { return exp2f(x); }
CURVOX_FN int lowest_bit(uint32_t word) { return __builtin_ctz(word); }
CURVOX_FN void shared_or(uint32_t* word, uint32_t bits) { *word |= bits; }

}  // namespace curvox

#endif

namespace curvox {

// A block of THREADS threads that pass through phases together. `each` runs one phase on every
// thread and ends with a barrier. A value that a thread keeps from phase to phase is a PerThread.
template <int THREADS>
struct Block {
#if defined(__CUDACC__)
  template <class Phase>
  CURVOX_FN void each(Phase phase) const {
    phase(static_cast<int>(threadIdx.x));
    __syncthreads();
  }
#else
  template <class Phase>
  CURVOX_FN void each(Phase phase) const {
    for (int thread = 0; thread < THREADS; ++thread) phase(thread);
  }
#endif
};

template <class T, int THREADS>
struct PerThread {
#if defined(__CUDACC__)
  T value;
  CURVOX_FN T& operator[](int) { return value; }
#else
  T values[THREADS];
  CURVOX_FN T& operator[](int thread) { return values[thread]; }
#endif
};

template <class T>
CURVOX_FN constexpr T smaller(T a, T b) {
  return b < a ? b : a;
}

template <class T>
CURVOX_FN constexpr T larger(T a, T b) {
  return a < b ? b : a;
}

CURVOX_FN bool is_finite(double x) { return x - x == 0.0; }

}  // namespace curvox
