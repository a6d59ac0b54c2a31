// Runs of whole numbers: rows, columns, taps.
#pragma once

#include "portable.h"

namespace curvox {

struct Range {
  int begin, end;
  CURVOX_FN bool empty() const { return begin >= end; }
  CURVOX_FN int size() const { return end - begin; }
};

CURVOX_FN Range intersection(Range a, Range b) {
  return {larger(a.begin, b.begin), smaller(a.end, b.end)};
}

CURVOX_FN Range hull(Range a, Range b) {
  return {smaller(a.begin, b.begin), larger(a.end, b.end)};
}

}  // namespace curvox
