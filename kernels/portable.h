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
#define CURVOX_SIMD_SUM(sum)
// An entry point of CUDA, launched with blocks of at most so many threads.
#define CURVOX_KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)

using uint8_t = unsigned char;
using uint32_t = unsigned int;
using int32_t = int;
using int64_t = long long;

namespace curvox {

CURVOX_FN float exp2_fast(float x) { return exp2f(x); }
CURVOX_FN int count_bits(uint32_t word) { return __popc(word); }
CURVOX_FN uint32_t bits_of_float(float x) { return __float_as_uint(x); }
CURVOX_FN float float_from_bits(uint32_t bits) { return __uint_as_float(bits); }

CURVOX_FN int64_t block_number() { return blockIdx.x; }
CURVOX_FN int64_t block_count() { return gridDim.x; }
CURVOX_FN int64_t global_thread() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

}  // namespace curvox

#else

#include <math.h>
#include <string.h>

#include <cstdint>

#define CURVOX_FN inline
#define CURVOX_SHARED
// The loop that follows adds to `sum` in the order that suits vector registers.
#define CURVOX_SIMD_SUM(sum) CURVOX_PRAGMA(omp simd reduction(+ : sum))
#define CURVOX_PRAGMA(text) _Pragma(#text)
#define CURVOX_KERNEL(threads) inline void

namespace curvox {

CURVOX_FN float exp2_fast(float x) { return exp2f(x); }
CURVOX_FN int count_bits(uint32_t word) { return __builtin_popcount(word); }
CURVOX_FN uint32_t bits_of_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
CURVOX_FN float float_from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// Which part of a launch runs, where the host runs a kernel of CUDA (in tests): a block, or one
// thread of all.
struct HostLaunch {
  int64_t block, blocks, thread;
};
inline thread_local HostLaunch host_launch;

CURVOX_FN int64_t block_number() { return host_launch.block; }
CURVOX_FN int64_t block_count() { return host_launch.blocks; }
CURVOX_FN int64_t global_thread() { return host_launch.thread; }

}  // namespace curvox

#endif

namespace curvox {

constexpr int kWarp = 32;  // threads that CUDA runs in step

// A block of THREADS threads, a multiple of kWarp, that pass through phases together. `each` runs
// one phase on every thread and ends with a barrier. `vote` is a phase that asks every thread a
// question; the answers, a bit for each thread, stand in THREADS / kWarp shared words. A value that
// a thread keeps from phase to phase is a PerThread.
template <int THREADS>
struct Block {
#if defined(__CUDACC__)
  template <class Phase>
  CURVOX_FN void each(Phase phase) const {
    phase(static_cast<int>(threadIdx.x));
    __syncthreads();
  }
  template <class Question>
  CURVOX_FN void vote(uint32_t* answers, Question question) const {
    const int thread = static_cast<int>(threadIdx.x);
    const uint32_t word = __ballot_sync(~0u, question(thread));
    if (thread % kWarp == 0) answers[thread / kWarp] = word;
    __syncthreads();
  }
#else
  template <class Phase>
  CURVOX_FN void each(Phase phase) const {
    for (int thread = 0; thread < THREADS; ++thread) phase(thread);
  }
  template <class Question>
  CURVOX_FN void vote(uint32_t* answers, Question question) const {
    for (int word = 0; word < THREADS / kWarp; ++word) answers[word] = 0;
    for (int thread = 0; thread < THREADS; ++thread) {
      if (question(thread)) answers[thread / kWarp] |= 1u << (thread % kWarp);
    }
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
