// Says which of the CPU modules this processor can run. Compiled for the oldest processor that
// curvox supports, and imported before any of them.
#include <nanobind/nanobind.h>

namespace {

int x86_64_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (v4) return 4;
  if (v3) return 3;
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") ? 2 : 1;
#else
  return 0;
#endif
}

}  // namespace

NB_MODULE(_cpu_level, module) { module.def("x86_64_level", &x86_64_level); }
