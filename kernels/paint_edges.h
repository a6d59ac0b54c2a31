// The edges of a layer in one tile, as block programs: the winding numbers that they give to its
// pixels, and what they gather from the gradient of those.
//
// A batch of edges at a time is chosen by votes, and a few of those at a time are cut into the
// tile's rows, a thread an edge and row. Pixels add them up in the order of edges: every thread has
// one pixel, or one edge, so nothing races and the order of sums is fixed.
#pragma once

#include "paint_plan.h"
#include "paint_shares.h"

namespace curvox {

constexpr int kEdgesAtOnce = kTileThreads / kTile;

// A part of what an edge gathers, see edge_walk.h.
struct EdgeSums {
  float at_a, at_b;
};

// The edges among which a block chooses at once, and those that it took.
struct EdgeChoice {
  uint32_t answers[kTileWarps];
  int taken[kTileThreads];
  Edge edges[kTileThreads];
  union {
    EdgeRow rows[kTileThreads];  // edge by edge
    EdgeSums sums[kTileThreads];
  };
};

// An edge with a coordinate that is not finite stands left of all pixels of a tile, and counts
// what is not a number.
CURVOX_FN Edge tile_edge(const Painting& painting, const EdgeEnds& ends, const PaintTile& tile) {
  const Point a = painting.vertex(ends.from), b = painting.vertex(ends.to);
  if (!is_finite(static_cast<double>(a.x) + a.y + b.x + b.y)) {
    const float left = static_cast<float>(tile.left), top = static_cast<float>(tile.top);
    return {{left, top}, {left, top + kTile}, nanf("")};
  }
  return a.y <= b.y ? Edge{a, b, 1} : Edge{b, a, -1};
}

struct Span {
  float left, right;
};

// Where an edge comes and goes in the rows of a tile, rounded outwards. Kernels that count edges
// and that write them must agree: so every sum of a product is one fmaf, which no compiler takes
// apart.
CURVOX_FN Span span_in(const Edge& edge, const PaintTile& tile) {
  constexpr float rounding = 1.0f / 64;  // of positions along an edge, and more
  const float top = static_cast<float>(tile.top), bottom = top + kTile;
  const float dx = edge.b.x - edge.a.x, inverse = 1 / (edge.b.y - edge.a.y);
  const float x0 = edge.a.y < top ? fmaf((top - edge.a.y) * inverse, dx, edge.a.x) : edge.a.x;
  const float x1 =
      edge.b.y > bottom ? fmaf((bottom - edge.a.y) * inverse, dx, edge.a.x) : edge.b.x;
  return {smaller(x0, x1) - rounding, larger(x0, x1) + rounding};
}

CURVOX_FN bool meets_rows(const Edge& edge, int top, int bottom) {
  return edge.a.y < bottom && (edge.b.y > top || (edge.a.y == edge.b.y && edge.a.y >= top));
}

// Whether an edge adds to winding numbers in a tile: all that lie left of its pixels do.
CURVOX_FN bool adds_to(const Edge& edge, const PaintTile& tile) {
  return edge.a.y < edge.b.y && meets_rows(edge, tile.top, tile.top + kTile) &&
         !(span_in(edge, tile).left >= tile.left + kTile);
}

// Whether an edge may have a gradient from the pixels of a tile. What is not finite has it from the
// first one, so that lists do not grow with what has gone wrong.
CURVOX_FN bool passes(const Edge& edge, const PaintTile& tile) {
  if (!is_finite(edge.sign)) return tile.left == 0 && tile.top == 0;
  if (!meets_rows(edge, tile.top, tile.top + kTile)) return false;
  const Span span = span_in(edge, tile);
  return !(span.left >= tile.left + kTile) && !(span.right < tile.left);
}

// Calls visit(first, count) for batches of a layer's edges among which keep(edge, tile) holds for
// `count`: they stand in choice.edges, the i-th of them is edge first + choice.taken[i].
template <class Keep, class Visit>
CURVOX_FN void over_edges(const PaintPlan& plan, const PaintTile& tile, int64_t layer,
                          EdgeChoice& choice, Keep keep, Visit visit) {
  const Block<kTileThreads> block;
  const EdgeRange range = edges_of(plan, layer);
  for (int64_t first = range.begin; first < range.end; first += kTileThreads) {
    PerThread<Edge, kTileThreads> edges;
    block.vote(choice.answers, [&](int thread) {
      if (first + thread >= range.end) return false;
      edges[thread] = tile_edge(plan.painting, edge_ends(plan, layer, first + thread), tile);
      return keep(edges[thread], tile);
    });
    const int count = count_votes(choice.answers, kTileWarps);
    block.each([&](int thread) {
      if (!voted_yes(choice.answers, thread)) return;
      const int place = votes_before(choice.answers, thread);
      choice.edges[place] = edges[thread];
      choice.taken[place] = thread;
    });
    if (count > 0) visit(first, count);
  }
}

// Calls visit(thread, edge, row) for `batch` of the chosen edges, from `first` on, in every row of a
// tile: one thread each, edge by edge.
template <class Visit>
CURVOX_FN void over_edge_rows(const PaintTile& tile, const EdgeChoice& choice, int first, int batch,
                              Visit visit) {
  Block<kTileThreads>{}.each([&](int thread) {
    if (thread / kTile < batch) {
      visit(thread, choice.edges[first + thread / kTile], tile.top + thread % kTile);
    }
  });
}

// What a part of an edge in a pixel's row adds to the pixel's winding number.
CURVOX_FN float winding_by(const EdgeRow& part, int column) {
  const float left = part.left(), right = part.right();
  if (right <= column) return part.dy;
  if (left >= column + 1) return 0;
  const EdgePixel pixel = edge_in_pixel(part, column);
  const float before = left < column ? (column - left) / (right - left) : 0;
  return part.dy * (before + pixel.share * (1 - pixel.x));
}

CURVOX_FN void find_winding(const PaintPlan& plan, const PaintTile& tile, int64_t layer,
                            EdgeChoice& choice, PerThread<float, kTileThreads>& winding) {
  const Block<kTileThreads> block;
  block.each([&](int thread) { winding[thread] = 0; });
  over_edges(plan, tile, layer, choice, adds_to, [&](int64_t, int count) {
    for (int first = 0; first < count; first += kEdgesAtOnce) {
      const int batch = smaller(kEdgesAtOnce, count - first);
      over_edge_rows(tile, choice, first, batch, [&](int thread, const Edge& edge, int row) {
        choice.rows[thread] =
            meets_rows(edge, row, row + 1) ? edge_in_row(edge, row) : EdgeRow{0, 0, 0, 0, 0};
      });
      block.each([&](int thread) {
        float sum = winding[thread];
        for (int i = 0; i < batch; ++i) {
          sum += winding_by(choice.rows[i * kTile + thread / kTile], tile.column(thread));
        }
        winding[thread] = sum;
      });
    }
  });
}

// Writes what each of a layer's edges makes of the gradient of a tile's winding numbers: a row for
// either end, from row 2 * `place` on. Returns the place behind them.
CURVOX_FN int64_t gather_edges(const PaintPlan& plan, const PaintTile& tile, int64_t layer,
                               EdgeChoice& choice, const float* by_winding, Shares shares,
                               int64_t place) {
  const Block<kTileThreads> block;
  over_edges(plan, tile, layer, choice, passes, [&](int64_t number, int count) {
    for (int first = 0; first < count; first += kEdgesAtOnce) {
      const int batch = smaller(kEdgesAtOnce, count - first);
      over_edge_rows(tile, choice, first, batch, [&](int thread, const Edge& edge, int row) {
        EdgeSums sums{0, 0};
        if (meets_rows(edge, row, row + 1)) {
          const float* gradient = by_winding + thread % kTile * kTile;
          walk_row(edge_in_row(edge, row), tile.left, tile.left + kTile,
                   [&](int column, const EdgePixel& pixel) {
                     const float part = pixel.weight * gradient[column - tile.left];
                     sums.at_a += part * (1 - pixel.middle);
                     sums.at_b += part * pixel.middle;
                   });
        }
        choice.sums[thread] = sums;
      });
      block.each([&](int thread) {
        if (thread >= batch) return;
        EdgeSums sums{0, 0};
        for (int row = 0; row < kTile; ++row) {
          sums.at_a += choice.sums[thread * kTile + row].at_a;
          sums.at_b += choice.sums[thread * kTile + row].at_b;
        }
        const Edge edge = choice.edges[first + thread];
        const EdgeEnds ends = edge_ends(plan, layer, number + choice.taken[first + thread]);
        const Point along = edge.b - edge.a;
        const Point across = edge.sign * quarter_turn(along);
        const bool down = edge.sign > 0;
        const int64_t row = 2 * (place + first + thread);
        shares.keys[row] = down ? ends.from : ends.to;
        shares.keys[row + 1] = down ? ends.to : ends.from;
        shares.values[2 * row] = sums.at_a * across.x;
        shares.values[2 * row + 1] = sums.at_a * across.y;
        shares.values[2 * row + 2] = sums.at_b * across.x;
        shares.values[2 * row + 3] = sums.at_b * across.y;
      });
    }
    place += count;
  });
  return place;
}

}  // namespace curvox
