// One step of Adam (Kingma & Ba 2015, algorithm 1 in the form of its section 2, last paragraph)
// over a flat array: the moments, the bias correction and the update in one pass over memory.
#pragma once

#include "portable.h"

namespace curvox {

struct AdamTask {
  float* parameters;       // [count]
  const float* gradients;  // [count], or [rows, channels] where only some rows are touched
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

// Moves an entry that has this gradient and factor of the learning rate.
CURVOX_FN void adam_update(const AdamTask& task, float gradient, float rate, float& parameter,
                           float& mean, float& square) {
  mean += (1 - task.beta1) * (gradient - mean);
  square = task.beta2 * square + (1 - task.beta2) * (gradient * gradient);
  const float root = sqrtf(square) * (1 / task.square_correction);
  parameter -= task.learning_rate / task.mean_correction * rate * mean / (root + task.epsilon);
}

CURVOX_FN void adam_entry(const AdamTask& task, int64_t i, float gradient) {
  if (task.skip_zero && gradient == 0) return;
  adam_update(task, gradient, task.rates ? task.rates[i] : 1, task.parameters[i], task.mean[i],
              task.square[i]);
}

}  // namespace curvox
