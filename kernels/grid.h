// A voxel grid in its box: where a position stands among the grid's points. Grid points stand on
// the faces of the box; the row of point (x, y, z) is (x * Y + y) * Z + z.
#pragma once

#include "portable.h"

namespace curvox {

struct Grid {
  int32_t shape[3];  // each at least 2; the number of points fits into 31 bits
  float low[3];      // the box's lowest corner
  float scale[3];    // grid steps in a unit of length
};

// box: [2, 3], lowest and highest corner.
CURVOX_FN Grid make_grid(const float* box, int64_t x, int64_t y, int64_t z) {
  Grid grid{{static_cast<int32_t>(x), static_cast<int32_t>(y), static_cast<int32_t>(z)}, {}, {}};
  for (int axis = 0; axis < 3; ++axis) {
    grid.low[axis] = box[axis];
    grid.scale[axis] = static_cast<float>(grid.shape[axis] - 1) / (box[3 + axis] - box[axis]);
  }
  return grid;
}

// The cell of the grid that a position stands in, and where in it.
struct Cell {
  int32_t index[3];   // of its lowest corner
  float fraction[3];  // 0 to 1: from the lowest corner to the highest
};

// Positions outside the box count as the nearest on its faces; what is not a number, as the lowest.
CURVOX_FN Cell find_cell(const Grid& grid, const float* position) {
  Cell cell;
  for (int axis = 0; axis < 3; ++axis) {
    float g = (position[axis] - grid.low[axis]) * grid.scale[axis];
    const float last = static_cast<float>(grid.shape[axis] - 1);
    g = g > 0 ? g : 0;
    g = g < last ? g : last;
    cell.index[axis] = smaller(static_cast<int32_t>(g), grid.shape[axis] - 2);
    cell.fraction[axis] = g - static_cast<float>(cell.index[axis]);
  }
  return cell;
}

CURVOX_FN int32_t row_of(const Grid& grid, const Cell& cell) {
  return (cell.index[0] * grid.shape[1] + cell.index[1]) * grid.shape[2] + cell.index[2];
}

// The eight corners of a cell: bit 2 of `corner` is a step in x, bit 1 in y, bit 0 in z.
CURVOX_FN int32_t corner_offset(const Grid& grid, int corner) {
  return ((corner >> 2) * grid.shape[1] + (corner >> 1 & 1)) * grid.shape[2] + (corner & 1);
}

// What each corner counts for: the weights of a cell add up to one.
CURVOX_FN float corner_weight(const Cell& cell, int corner) {
  float weight = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const bool upper = corner >> (2 - axis) & 1;
    weight *= upper ? cell.fraction[axis] : 1 - cell.fraction[axis];
  }
  return weight;
}

// One channel of the grid's value at a position in `cell`.
CURVOX_FN float interpolate_channel(const Grid& grid, const Cell& cell, const float* values,
                                    int64_t channels, int64_t channel) {
  const int64_t row = row_of(grid, cell);
  float sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    sum += corner_weight(cell, corner) *
           values[(row + corner_offset(grid, corner)) * channels + channel];
  }
  return sum;
}

}  // namespace curvox
