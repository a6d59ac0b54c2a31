// One step of Adam (Kingma & Ba 2015, algorithm 1 in the form of its section 2, last paragraph)
// over a flat array: the moments, the bias correction and the update in one pass over memory.
#pragma once

#include "portable.h"

namespace curvox {

struct AdamTask {
  float* parameters;       // [count]
  const float* gradients;  // [count]
  float* mean;             // [count] first moment
  float* square;           // [count] second moment
  const float* rates;      // [count] factors of the learning rate, or null
  int64_t count;
  float learning_rate;
  float beta1, beta2, epsilon;
  float mean_correction;    // 1 - beta1^step
  float square_correction;  // sqrt(1 - beta2^step)
  bool skip_zero;           // leave entries whose gradient is zero untouched, moments and all
};

CURVOX_FN void adam_entry(const AdamTask& task, int64_t i) {
  const float g = task.gradients[i];
  if (task.skip_zero && g == 0) return;
  const float mean = task.mean[i] + (1 - task.beta1) * (g - task.mean[i]);
  const float square = task.beta2 * task.square[i] + (1 - task.beta2) * (g * g);
  const float rate = task.rates ? task.learning_rate * task.rates[i] : task.learning_rate;
  task.mean[i] = mean;
  task.square[i] = square;
  task.parameters[i] -= rate / task.mean_correction * mean /
                        (sqrtf(square) / task.square_correction + task.epsilon);
}

}  // namespace curvox
