// Sums of the weights' gradients over all blocks of network_gradient_tiles.h, in a fixed order.
#pragma once

#include "network_parts.h"

namespace curvox {

constexpr int kSumThreads = 128;
constexpr int kSumShares = kSumThreads / kWarp;  // of the blocks, that a sum is made of

struct WeightGradients {
  float *first, *second, *second_bias, *last, *last_bias;

  // Entry i in the order of NetworkGradients::sums.
  CURVOX_FN float* entry(const NetworkTask& task, int i) const {
    if (i < task.width * task.width) return second + i;
    i -= task.width * task.width;
    if (i < task.width * task.inputs) return first + i;
    i -= task.width * task.inputs;
    if (i < task.width) return second_bias + i;
    i -= task.width;
    if (i < task.width * kColours) return last + i;
    return last_bias + (i - task.width * kColours);
  }
};

// A thread takes an entry and every so many blocks; the first warp adds up what the others have.
CURVOX_FN void sum_weights(const NetworkTask& task, const float* sums, int blocks, int group,
                           const WeightGradients& gradients) {
  __shared__ float shares[kSumThreads];
  const int thread = threadIdx.x, count = weight_count(task);
  const int i = group * kWarp + thread % kWarp;
  float sum = 0;
  if (i < count) {
#pragma unroll 8
    for (int block = thread / kWarp; block < blocks; block += kSumShares) {
      sum += sums[int64_t{block} * sums_stride(task) + i];
    }
  }
  shares[thread] = sum;
  __syncthreads();
  if (thread < kWarp && i < count) {
    for (int other = 1; other < kSumShares; ++other) sum += shares[other * kWarp + thread];
    *gradients.entry(task, i) = sum;
  }
}

}  // namespace curvox
