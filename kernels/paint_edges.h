// The edges of a layer in one tile, as block programs: the winding numbers that they give to its
// pixels, and what they gather from the gradient of those.
//
// A batch of edges at a time is chosen by votes, and a few of those at a time are cut into the
// tile's rows, a thread an edge and row. Pixels add them up in the order of edges: every pixel and
// every edge belongs to one thread, so nothing races and the order of sums is fixed.
#pragma once

#include "paint_plan.h"
#include "paint_shares.h"

namespace curvox {

constexpr int kEdgesAtOnce = kPaintThreads / kTile;

// A part of an edge in a row of pixels, from the tile's left side: it comes down by `dy` between
// left and right. `inverse` is 1 over its width, or over what is next to nothing.
struct alignas(16) EdgeSlice {
  float left, right, inverse, dy;
};

// A part of what an edge gathers at its upper and at its lower end, see edge_walk.h.
struct EdgeSums {
  float at[2];
};

// The edges among which a block chooses at once, and those that it took.
struct EdgeChoice {
  uint32_t answers[kPaintWarps];
  int taken[kPaintThreads];
  Edge edges[kPaintThreads];
  union {
    EdgeSlice slices[kEdgesAtOnce][kTile];
    EdgeSums sums[kEdgesAtOnce][kTile + 1];  // so that columns lie in banks of their own
  };
};

// An edge with a coordinate that is not finite stands left of all pixels of a tile, and counts
// what is not a number.
CURVOX_FN Edge tile_edge(const Painting& painting, const EdgeEnds& ends, const PaintTile& tile) {
  const Edge edge = edge_between(painting.vertex(ends.from), painting.vertex(ends.to));
  if (is_finite(edge)) return edge;
  const float left = static_cast<float>(tile.left), top = static_cast<float>(tile.top);
  return {{left, top}, {left, top + kTile}, nanf("")};
}

// Whether an edge adds to winding numbers in a tile: all that lie left of its pixels do.
CURVOX_FN bool adds_to(const Edge& edge, const PaintTile& tile) {
  return edge.a.y < edge.b.y && meets_rows(edge, tile.top, tile.top + kTile) &&
         !(span_in(edge, tile.top).left >= tile.left + kTile);
}

// Whether an edge may have a gradient from the pixels of a tile. What is not finite has it from the
// first one, so that lists do not grow with what has gone wrong.
CURVOX_FN bool passes(const Edge& edge, const PaintTile& tile) {
  if (!is_finite(edge.sign)) return tile.left == 0 && tile.top == 0;
  if (!meets_rows(edge, tile.top, tile.top + kTile)) return false;
  const Span span = span_in(edge, tile.top);
  return !(span.left >= tile.left + kTile) && !(span.right < tile.left);
}

// Calls visit(first, count) for batches of a layer's edges among which keep(edge, tile) holds for
// `count`: they stand in choice.edges, the i-th of them is edge first + choice.taken[i].
template <class Keep, class Visit>
CURVOX_FN void over_edges(const PaintPlan& plan, const PaintTile& tile, const PlannedStep& step,
                          EdgeChoice& choice, Keep keep, Visit visit) {
  const Block<kPaintThreads> block;
  for (int64_t first = 0; first < step.edges; first += kPaintThreads) {
    PerThread<Edge, kPaintThreads> edges;
    block.vote(choice.answers, [&](int thread) {
      if (first + thread >= step.edges) return false;
      edges[thread] = tile_edge(plan.painting, edge_ends(plan, step, first + thread), tile);
      return keep(edges[thread], tile);
    });
    const int count = count_votes(choice.answers, kPaintWarps);
    block.each([&](int thread) {
      if (!voted_yes(choice.answers, thread)) return;
      const int place = votes_before(choice.answers, thread);
      choice.edges[place] = edges[thread];
      choice.taken[place] = thread;
    });
    if (count > 0) visit(first, count);
  }
}

// Calls visit(edge, row) for `batch` of the chosen edges in every row of a tile, the work of one
// thread each.
template <class Visit>
CURVOX_FN void over_edge_rows(int batch, Visit visit) {
  Block<kPaintThreads>{}.each([&](int thread) {
    if (thread < batch * kTile) visit(thread / kTile, thread % kTile);
  });
}

CURVOX_FN EdgeSlice edge_slice(const Edge& edge, const PaintTile& tile, int row) {
  if (!meets_rows(edge, tile.top + row, tile.top + row + 1)) return {0, 0, 0, 0};
  constexpr float narrow = 1e-6f;
  const EdgeRow part = edge_in_row(edge, tile.top + row);
  const float left = part.left() - tile.left, right = part.right() - tile.left;
  return {left, right, 1 / larger(right - left, narrow), part.dy};
}

CURVOX_FN float within_unit(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }

// Adds what a slice gives to the winding numbers of neighbouring pixels, from `column` on. Of what
// comes down within a pixel that counts which is to the right of it.
CURVOX_FN void add_slice(const EdgeSlice& slice, int column, Pixels& winding) {
  float before = within_unit((column - slice.left) * slice.inverse);  // left of the pixel
  each_pixel([&](int i) {
    const float x = static_cast<float>(column + i);
    const float after = within_unit((x + 1 - slice.left) * slice.inverse);
    const float middle = 0.5f * (within_unit(slice.left - x) + within_unit(slice.right - x));
    winding.of[i] += slice.dy * (before + (after - before) * (1 - middle));
    before = after;
  });
}

CURVOX_FN void find_winding(const PaintPlan& plan, const PaintTile& tile, const PlannedStep& step,
                            EdgeChoice& choice, PerThread<Pixels, kPaintThreads>& winding) {
  const Block<kPaintThreads> block;
  block.each([&](int thread) { winding[thread] = {}; });
  over_edges(plan, tile, step, choice, adds_to, [&](int64_t, int count) {
    for (int first = 0; first < count; first += kEdgesAtOnce) {
      const int batch = smaller(kEdgesAtOnce, count - first);
      over_edge_rows(batch, [&](int edge, int row) {
        choice.slices[edge][row] = edge_slice(choice.edges[first + edge], tile, row);
      });
      block.each([&](int thread) {
        const int row = thread / kRowThreads, column = thread % kRowThreads * kPixels;
        for (int edge = 0; edge < batch; ++edge) {
          add_slice(choice.slices[edge][row], column, winding[thread]);
        }
      });
    }
  });
}

// Writes what each of a layer's edges makes of the gradient of a tile's winding numbers: a row for
// either end, from row `place` on. Returns the place behind them.
CURVOX_FN int64_t gather_edges(const PaintPlan& plan, const PaintTile& tile,
                               const PlannedStep& step, EdgeChoice& choice,
                               const float* by_winding, const Shares& shares, int64_t place) {
  const Block<kPaintThreads> block;
  over_edges(plan, tile, step, choice, passes, [&](int64_t number, int count) {
    for (int first = 0; first < count; first += kEdgesAtOnce) {
      const int batch = smaller(kEdgesAtOnce, count - first);
      over_edge_rows(batch, [&](int at, int row) {
        const Edge edge = choice.edges[first + at];
        EdgeSums sums{{0, 0}};
        if (meets_rows(edge, tile.top + row, tile.top + row + 1)) {
          const float* gradient = by_winding + row * kTile;
          walk_row(edge_in_row(edge, tile.top + row), tile.left, tile.left + kTile,
                   [&](int column, const EdgePixel& pixel) {
                     const float part = pixel.weight * gradient[column - tile.left];
                     sums.at[0] += part * (1 - pixel.middle);
                     sums.at[1] += part * pixel.middle;
                   });
        }
        choice.sums[at][row] = sums;
      });
      block.each([&](int thread) {  // one a row of the list
        if (thread >= 2 * batch) return;
        const int at = thread / 2, lower = thread % 2;
        float sum = 0;
        for (int row = 0; row < kTile; ++row) sum += choice.sums[at][row].at[lower];
        const Edge edge = choice.edges[first + at];
        const EdgeEnds ends = edge_ends(plan, step, number + choice.taken[first + at]);
        const Point across = edge.sign * quarter_turn(edge.b - edge.a);
        const bool to_end = (lower == 1) == (edge.sign > 0);
        shares.put(place + 2 * first + thread, to_end ? ends.to : ends.from, sum * across);
      });
    }
    place += 2 * count;
  });
  return place;
}

}  // namespace curvox
