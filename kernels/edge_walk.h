// A straight edge walked pixel by pixel: what it adds to the winding number of every pixel, exactly.
//
// The winding number of a pixel, averaged over its area, is a sum over edges: an edge that comes
// down through a pixel's row by dy adds dy times the share of the pixel to its right, and dy to all
// pixels further right. So an edge leaves, in each row, differences along the row whose running sum
// is the winding number.
//
// Gradient: when a point at parameter t of an edge from a to b moves by (u, v), the pixel around it
// loses  sign * (Dy u - Dx v) dt  of area, D = b - a (the rate at which a moving boundary sweeps
// area). With dA the gradient of the pixel's winding number, a gets  sign * (-Dy, Dx) times the sum
// over pixels of dA * integral of (1 - t) dt over the part of the edge inside; b the same with t.
#pragma once

#include "cubic.h"

namespace curvox {

// From a down to b: a.y <= b.y. `sign` is -1 for an edge that its polygon walks upwards.
struct Edge {
  Point a, b;
  float sign;
};

// Pixels: columns left..right-1, rows top..bottom-1.
struct Region {
  int left, right, top, bottom;
};

// The part of an edge in one row of pixels: from t0 to t1 of its parameter, from x0 to x1, signed
// `dy` down.
struct EdgeRow {
  float t0, t1, x0, x1, dy;

  CURVOX_FN float left() const { return smaller(x0, x1); }
  CURVOX_FN float right() const { return larger(x0, x1); }
};

// Of a row that the edge passes. Heights are differences of coordinates, so that what two edges add
// and take away cancels however long they are.
CURVOX_FN EdgeRow edge_in_row(const Edge& edge, int row) {
  const Point a = edge.a, b = edge.b;
  const float dx = b.x - a.x, inverse = 1 / (b.y - a.y);  // used only where rows are crossed
  const float high = larger(a.y, static_cast<float>(row));
  const float low = smaller(b.y, static_cast<float>(row + 1));
  const float t0 = high == a.y ? 0 : smaller((high - a.y) * inverse, 1.0f);
  const float t1 = low == b.y ? 1 : smaller((low - a.y) * inverse, 1.0f);
  return {t0, t1, a.x + t0 * dx, t1 == 1 ? b.x : a.x + t1 * dx,
          edge.sign * larger(low - high, 0.0f)};
}

// What of such a part lies in one column: the share of it, its length and its middle in the edge's
// parameter, its mean distance from the pixel's left side.
struct EdgePixel {
  float share, weight, middle, x;
};

// Of a column that the part passes.
CURVOX_FN EdgePixel edge_in_pixel(const EdgeRow& part, int column) {
  const float left = part.left(), right = part.right(), dt = larger(part.t1 - part.t0, 0.0f);
  if (left >= column && right <= column + 1) {
    return {1, dt, 0.5f * (part.t0 + part.t1), 0.5f * (part.x0 + part.x1) - column};
  }
  const float across = 1 / (right - left);
  const float begin = larger(left, static_cast<float>(column));
  const float end = smaller(right, static_cast<float>(column + 1));
  const float share = (end - begin) * across, centre = 0.5f * (begin + end);
  const float along = (centre - left) * across;
  const float middle = part.x1 >= part.x0 ? part.t0 + along * dt : part.t1 - along * dt;
  return {share, share * dt, middle, centre - column};
}

// Calls visit(column, EdgePixel) for the columns first..end-1 that the part passes. An upright part
// between two pixels belongs to the right one.
template <class Visit>
CURVOX_FN void walk_row(const EdgeRow& part, int first, int end, Visit visit) {
  const float left = part.left(), right = part.right();
  if (left >= end || right < first || (right == first && left < right)) return;
  const int from = static_cast<int>(floorf(larger(static_cast<float>(first), left)));
  const int to = static_cast<int>(ceilf(smaller(static_cast<float>(end), right))) - 1;
  for (int column = from; column <= larger(from, to); ++column) {
    visit(column, edge_in_pixel(part, column));
  }
}

// Row by row, for edges of any length.
template <class Beyond, class Visit>
CURVOX_FN void walk_long_edge(const Edge& edge, const Region& region, Beyond beyond, Visit visit) {
  const Point a = edge.a, b = edge.b;
  if (b.y < region.top || a.y >= region.bottom) return;
  const int first = larger(region.top, static_cast<int>(floorf(a.y)));
  const int last = smaller(region.bottom - 1, static_cast<int>(ceilf(b.y)) - 1);
  for (int row = first; row <= larger(first, last); ++row) {
    const EdgeRow part = edge_in_row(edge, row);
    const float left = part.left(), right = part.right();
    if (region.left == 0 && left < 0) {
      beyond(row, right <= 0 ? part.dy : part.dy * (-left / (right - left)));
    }
    walk_row(part, region.left, region.right, [&](int column, const EdgePixel& pixel) {
      visit(row, column, pixel.weight, pixel.middle, part.dy * pixel.share, pixel.x);
    });
  }
}

// Pixel by pixel, from one crossing of a grid line to the next: quick, and exact to rounding for
// edges of a few pixels.
template <class Beyond, class Visit>
CURVOX_FN void walk_short_edge(const Edge& edge, const Region& region, Beyond beyond, Visit visit) {
  const Point a = edge.a, along = edge.b - edge.a;
  int column = static_cast<int>(floorf(a.x)), row = static_cast<int>(floorf(a.y));
  const int way = along.x < 0 ? -1 : 1;
  const float column_step = 1 / fabsf(along.x), row_step = 1 / along.y;  // of t; may be infinite
  float column_end = (along.x < 0 ? a.x - column : column + 1 - a.x) * column_step;
  float row_end = (row + 1 - a.y) * row_step;
  const float height = edge.sign * along.y;
  for (float t = 0, next; t < 1; t = next) {
    next = smaller(smaller(column_end, row_end), 1.0f);
    if (row >= region.top && row < region.bottom && column < region.right) {
      const float weight = next - t, middle = 0.5f * (t + next), dy = weight * height;
      if (column >= region.left) {
        visit(row, column, weight, middle, dy, a.x + middle * along.x - column);
      } else if (region.left == 0) {
        beyond(row, dy);
      }
    }
    if (column_end < row_end) {
      column += way;
      column_end += column_step;
    } else {
      ++row;
      row_end += row_step;
    }
  }
}

constexpr float kShortEdge = 16;  // pixels: sums of crossings are then good to 1e-6

// Calls visit(row, column, weight, middle, dy, x) for every pixel of the region that the edge
// passes: `weight` is the length of the part inside in the edge's parameter and `middle` its
// middle, `dy` how far it comes down, signed, `x` the mean distance from the pixel's left side.
// Calls beyond(row, dy) for what lies left of column 0, if the region begins there: it counts for
// the whole row.
template <class Beyond, class Visit>
CURVOX_FN void walk_edge(const Edge& edge, const Region& region, Beyond beyond, Visit visit) {
  const Point along = edge.b - edge.a;
  if (larger(fabsf(along.x), along.y) <= kShortEdge) {
    walk_short_edge(edge, region, beyond, visit);
  } else {
    walk_long_edge(edge, region, beyond, visit);
  }
}

}  // namespace curvox
