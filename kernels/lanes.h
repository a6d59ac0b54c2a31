// As many floats at a time as one register of the processor holds, for the CPU forms of kernels:
// compiler vector extensions (g++, clang) at the width that the target's registers have.
#pragma once

#include <cstdint>
#include <cstring>

namespace curvox {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;  // SSE, NEON
#endif

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using IntLanes = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Lanes broadcast(float value) { return value - Lanes{}; }  // x - 0 is x, also for -0

// 0, 1, 2, ...
inline Lanes lane_numbers() {
  Lanes lanes{};
  for (int i = 0; i < kLanes; ++i) lanes[i] = static_cast<float>(i);
  return lanes;
}

inline Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline void store(float* to, Lanes lanes) { std::memcpy(to, &lanes, sizeof lanes); }

inline float sum(Lanes lanes) {
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

// 2^x for x <= 0, relative error under 3e-7; below 2^-60 it stays at 2^-60 (1e-18): products of two
// are then normal numbers, where processors take a hundred cycles for each that is not.
// x = n + f with n whole and |f| <= 1/2; 2^f is its minimax polynomial of degree 5 (Remez, relative
// error 7.5e-8; the rest is rounding); 2^n is added to the exponent's bits.
inline Lanes exp2_negative(Lanes x) {
  x = x > -60.0f ? x : broadcast(-60.0f);
  const float round_to_whole = 12582912.0f;  // 1.5 * 2^23: adding it rounds to whole numbers
  const Lanes rounded = x + round_to_whole;
  const Lanes f = x - (rounded - round_to_whole);
  Lanes p = broadcast(0.00132764722f);
  p = p * f + 0.00967554133f;
  p = p * f + 0.0555071327f;
  p = p * f + 0.240221197f;
  p = p * f + 0.693146967f;
  p = p * f + 1.00000007f;
  IntLanes bits, exponent;
  std::memcpy(&bits, &p, sizeof bits);
  std::memcpy(&exponent, &rounded, sizeof exponent);
  bits += exponent << 23;  // the low bits of `rounded` hold n
  std::memcpy(&p, &bits, sizeof p);
  return p;
}

}  // namespace curvox
