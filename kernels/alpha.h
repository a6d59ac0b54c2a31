// From raw density to alpha, accurate where alpha is tiny and where it is nearly one, and without
// branches, so that compilers make vector code of the loops over it.
#pragma once

#include "portable.h"

namespace curvox {

struct AlphaTask {
  const float* density;  // [count] raw
  int64_t count;
  float shift, interval;
};

// e^x = scale * (1 + rest) with scale a power of two: both e^x and e^x - 1 follow without
// cancellation.
struct Exponential {
  float scale, rest;
};

// For -80 <= x <= 0; beyond it stays at e^-80 = 2e-35, so that no product of it is a denormal
// number, on which processors are slow. NaN stays NaN.
// x = n ln 2 + r, |r| <= 0.3466, and e^r - 1 by its Taylor polynomial of degree 7: what is left out
// is at most r^8 / 8! = 5.2e-9, relative to r 1.5e-8.
CURVOX_FN Exponential exponential(float x) {
  x = larger(x, -80.0f);
  const float round_to_whole = 12582912.0f;  // 1.5 * 2^23: adding it rounds to whole numbers
  const float rounded = x * 1.44269504f + round_to_whole;
  const float n = rounded - round_to_whole;
  // ln 2 in two parts, of which n times the first is exact.
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  const float rest = r + r * r * p;
  // The low bits of `rounded` hold n; 127 is the exponent's bias.
  return {float_from_bits((bits_of_float(rounded) + 127u) << 23), rest};
}

// log(1 + u) for 0 <= u <= 1: 2 artanh(s), s = u / (2 + u) <= 1/3. The series is cut after s^13,
// which leaves a relative error of (1/9)^7 / 15 * 9/8 = 1.6e-8.
CURVOX_FN float log_one_plus(float u) {
  const float s = u / (2 + u);
  const float square = s * s;
  float p = 1.0f / 13;
  p = p * square + 1.0f / 11;
  p = p * square + 1.0f / 9;
  p = p * square + 1.0f / 7;
  p = p * square + 1.0f / 5;
  p = p * square + 1.0f / 3;
  return 2 * (s + s * square * p);
}

// What alpha and its slope are made of, at x = density + shift.
struct AlphaTerms {
  float u;                    // e^-|x|
  Exponential transmittance;  // 1 - alpha = e^(-interval softplus(x))
};

CURVOX_FN AlphaTerms alpha_terms(const AlphaTask& task, float x) {
  const Exponential decay = exponential(-fabsf(x));
  const float u = decay.scale + decay.scale * decay.rest;
  const float softplus = larger(x, 0.0f) + log_one_plus(u);
  return {u, exponential(-task.interval * softplus)};
}

CURVOX_FN float alpha_of(const AlphaTask& task, int64_t i) {
  const Exponential kept = alpha_terms(task, task.density[i] + task.shift).transmittance;
  return (1 - kept.scale) - kept.scale * kept.rest;
}

// d alpha / d density = interval * sigmoid(x) * (1 - alpha).
CURVOX_FN float alpha_slope(const AlphaTask& task, int64_t i) {
  const float x = task.density[i] + task.shift;
  const AlphaTerms terms = alpha_terms(task, x);
  const float sigmoid = (x < 0 ? terms.u : 1.0f) / (1 + terms.u);
  const Exponential kept = terms.transmittance;
  return task.interval * sigmoid * (kept.scale + kept.scale * kept.rest);
}

}  // namespace curvox
