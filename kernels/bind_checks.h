// Checks of values for the bindings of vector graphics: what fails them would be read out of bounds
// or take forever. Python raises them as ValueError.
#pragma once

#include "bind.h"
#include "portable.h"

namespace curvox {

// Where control points may be: float32 holds sixteenths of a pixel there. And vertices of outlines.
constexpr float kFarthest = 1 << 20, kFarthestVertex = 1 << 24;

// Throws unless all values lie in low..high (which no NaN does). `per_item` of them belong to one
// of what `item` names.
inline void check_values(const float* values, int64_t count, int64_t per_item, float low,
                         float high, const char* name, const char* item) {
  for (int64_t i = 0; i < count; ++i) {
    if (values[i] >= low && values[i] <= high) continue;
    const auto text = [](float value) {
      std::string digits = std::to_string(value);
      while (digits.find('.') != std::string::npos && (digits.back() == '0')) digits.pop_back();
      if (digits.back() == '.') digits.pop_back();
      return digits;
    };
    throw std::invalid_argument(std::string(name) + " of " + item + " " +
                                std::to_string(i / per_item) + " must lie in " + text(low) +
                                " to " + text(high) + ", got " + text(values[i]));
  }
}

inline void check_codes(const uint8_t* codes, int64_t count, int most, const char* name,
                        const char* item) {
  for (int64_t i = 0; i < count; ++i) {
    if (codes[i] > most) {
      throw std::invalid_argument(std::string(name) + " of " + item + " " + std::to_string(i) +
                                  " must be 0 to " + std::to_string(most) + ", got " +
                                  std::to_string(codes[i]));
    }
  }
}

// Throws unless offsets[0..count] go from 0 to `total` and do not fall, nor stand where `fewest`
// is 1.
inline void check_ranges(const int64_t* offsets, int64_t count, int64_t total, const char* name,
                         int64_t fewest = 0) {
  bool sound = offsets[0] == 0 && offsets[count] == total;
  for (int64_t i = 0; sound && i < count; ++i) sound = offsets[i + 1] >= offsets[i] + fewest;
  if (!sound) {
    throw std::invalid_argument(std::string(name) + " must rise from 0 to " +
                                std::to_string(total));
  }
}

}  // namespace curvox
