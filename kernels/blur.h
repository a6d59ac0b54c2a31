// A symmetric separable blur of an image: down its columns, then across its rows. What lies outside
// the image is zero.
//
// The result may have a margin around the image, or (a negative one) lack its border. With the
// margin's sign turned the same blur is its own adjoint.
#pragma once

#include "portable.h"

namespace curvox {

struct BlurTask {
  const float* image;  // [height, width]
  int height, width;
  const float* taps;  // [2 * reach + 1], the same from both ends
  int reach;
  int margin;  // pixels that the result has on every side of the image

  CURVOX_FN int out_height() const { return height + 2 * margin; }
  CURVOX_FN int out_width() const { return width + 2 * margin; }
};

// The blurred value at place `at` of a line of `length` values, `stride` apart.
CURVOX_FN float blur_value(const float* line, int length, int stride, const float* taps, int reach,
                           int at) {
  const int begin = larger(at - reach, 0), end = smaller(at + reach + 1, length);
  float sum = 0;
  for (int i = begin; i < end; ++i) {
    sum += taps[i - at + reach] * line[static_cast<int64_t>(i) * stride];
  }
  return sum;
}

}  // namespace curvox
