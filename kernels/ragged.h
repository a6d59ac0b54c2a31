// Lists of lists: offsets[i] to offsets[i + 1] - 1 are the items of the i-th.
#pragma once

#include "portable.h"

namespace curvox {

// The list that an item is in, among lists begin..end - 1; empty ones are passed over.
CURVOX_FN int64_t list_of(const int64_t* offsets, int64_t begin, int64_t end, int64_t item) {
  while (end - begin > 1) {
    const int64_t middle = (begin + end) / 2;
    (offsets[middle] <= item ? begin : end) = middle;
  }
  return begin;
}

}  // namespace curvox
