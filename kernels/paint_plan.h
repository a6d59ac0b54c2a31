// What the CUDA form of the painting prepares once, as block programs (portable.h): which tiles
// every step can change; then how a tile picks its steps.
//
// A scene's steps are thousands, those of a tile a few. So a step gets a span of tiles in every row
// of them: what its layer's edges enclose there, or all that its group holds. A group whose span
// misses a tile is left out with all that is in it. From the spans follows a bit for each step and
// cell of tiles, so that a tile reads no more than those bits. Nothing here has a fixed cap: cells
// are single tiles unless the bits would take too much memory.
#pragma once

#include "painting.h"
#include "ragged.h"
#include "ranges.h"
#include "tile_blocks.h"

namespace curvox {

constexpr int kPlanThreads = 128;  // of a block that plans
constexpr int kPaintThreads = 64;  // of one that paints
constexpr int kPaintWarps = kPaintThreads / kWarp;
constexpr int kPixels = kTilePixels / kPaintThreads;  // of a thread: neighbours in a row
constexpr int kRowThreads = kTile / kPixels;

// A number for each pixel of a thread.
struct alignas(16) Pixels {
  float of[kPixels];
};

// Calls visit(i) for each pixel of a thread. Written out, so that compilers keep their numbers in
// registers.
template <class Visit>
CURVOX_FN void each_pixel(Visit visit) {
  static_assert(kPixels == 4, "there is a call for each");
  visit(0);
  visit(1);
  visit(2);
  visit(3);
}

// One step as tiles need it.
struct PlannedStep {
  int32_t kind;
  int32_t layer;     // that it draws or clips by, or -1
  int32_t group;     // of a pop
  int32_t gradient;  // of the layer that it draws, or -1
  float opacity;     // of the layer that it draws, or of the group
  float colour[3];
  int64_t edges;       // of the layer
  int64_t first, own;  // the first vertex and the number of edges of its first loop
  int32_t rule;
};

constexpr int32_t kElsewhere = -1;  // for a kind: the step does not reach the tile

struct PaintPlan {
  Painting painting;
  int64_t* loop_edges;  // [L] how many edges the loops before one have, in the same layer
  PlannedStep* steps;   // [P]
  Range* spans;         // [P, rows of tiles] columns of tiles
  uint32_t* masks;      // for each scene [cells, words] bits of steps
  int cell;             // tiles along a side of a cell

  CURVOX_FN int rows() const { return (painting.height + kTile - 1) / kTile; }
  CURVOX_FN int columns() const { return (painting.width + kTile - 1) / kTile; }
  CURVOX_FN int cell_columns() const { return (columns() + cell - 1) / cell; }
  CURVOX_FN int cell_rows() const { return (rows() + cell - 1) / cell; }
  CURVOX_FN int64_t cells() const { return int64_t{cell_rows()} * cell_columns(); }
};

// A layer's edges are numbered through all of its loops. This one ends at vertex `to`.
struct EdgeEnds {
  int64_t from, to;
};

CURVOX_FN EdgeEnds edge_ends(const PaintPlan& plan, const PlannedStep& step, int64_t number) {
  int64_t first = step.first, count = step.own, place = number;
  if (number >= step.own) {
    const Painting& painting = plan.painting;
    const int64_t* layer_loops = painting.layer_loops + step.layer;
    const int64_t loop = list_of(plan.loop_edges, layer_loops[0], layer_loops[1], number);
    first = painting.loops[2 * loop];
    count = painting.loops[2 * loop + 1] - first;
    place = number - plan.loop_edges[loop];
  }
  const int64_t vertex = first + place;
  return {place == 0 ? first + count - 1 : vertex - 1, vertex};
}

CURVOX_FN Edge edge_between(Point a, Point b) {
  return a.y <= b.y ? Edge{a, b, 1} : Edge{b, a, -1};
}

CURVOX_FN bool is_finite(const Edge& edge) {
  return 0 * edge.a.x + 0 * edge.a.y + 0 * edge.b.x + 0 * edge.b.y == 0;
}

CURVOX_FN bool meets_rows(const Edge& edge, int top, int bottom) {
  return edge.a.y < bottom && (edge.b.y > top || (edge.a.y == edge.b.y && edge.a.y >= top));
}

struct Span {
  float left, right;
};

// Where an edge comes and goes in the rows of a tile, rounded outwards. Kernels that count edges
// and that write them must agree: so every sum of a product is one fmaf, which no compiler takes
// apart.
CURVOX_FN Span span_in(const Edge& edge, int tile_top) {
  constexpr float rounding = 1.0f / 64;  // of positions along an edge, and more
  const float top = static_cast<float>(tile_top), bottom = top + kTile;
  const float dx = edge.b.x - edge.a.x, inverse = 1 / (edge.b.y - edge.a.y);
  const float x0 = edge.a.y < top ? fmaf((top - edge.a.y) * inverse, dx, edge.a.x) : edge.a.x;
  const float x1 =
      edge.b.y > bottom ? fmaf((bottom - edge.a.y) * inverse, dx, edge.a.x) : edge.b.x;
  return {smaller(x0, x1) - rounding, larger(x0, x1) + rounding};
}

CURVOX_FN Range no_tiles(const PaintPlan& plan) { return {plan.columns(), 0}; }

// The columns of tiles that an edge passes in a row of them.
CURVOX_FN Range tiles_passed(const PaintPlan& plan, const Edge& edge, int row) {
  if (!meets_rows(edge, row * kTile, (row + 1) * kTile)) return no_tiles(plan);
  const Span span = span_in(edge, row * kTile);  // perhaps not a number
  const float columns = static_cast<float>(plan.columns()), width = columns * kTile;
  const float first = span.left > 0 ? smaller(floorf(span.left / kTile), columns) : 0;
  const float end = span.right < width ? larger(floorf(span.right / kTile) + 1, 0.0f) : columns;
  return {static_cast<int>(first), static_cast<int>(end)};
}

// Sums of runs of items, a run a thread, and of those of every kWarp threads.
template <int THREADS>
struct RunSums {
  int64_t threads[THREADS], groups[THREADS / kWarp];
};

// Calls take(item, sum) for every item with the sum of value(item) over those before it. A thread
// takes neighbours; `sums` are shared.
template <int THREADS, class Value, class Take>
CURVOX_FN void sum_before(int64_t count, RunSums<THREADS>& sums, Value value, Take take) {
  const Block<THREADS> block;
  const int64_t run = (count + THREADS - 1) / THREADS;
  block.each([&](int thread) {
    int64_t sum = 0;
    const int64_t end = smaller(count, (thread + 1) * run);
    for (int64_t item = thread * run; item < end; ++item) sum += value(item);
    sums.threads[thread] = sum;
  });
  block.each([&](int thread) {
    if (thread >= THREADS / kWarp) return;
    int64_t sum = 0;
    for (int i = 0; i < kWarp; ++i) sum += sums.threads[thread * kWarp + i];
    sums.groups[thread] = sum;
  });
  block.each([&](int thread) {
    const int64_t end = smaller(count, (thread + 1) * run);
    if (thread * run >= end) return;
    const int group = thread / kWarp;
    int64_t sum = 0;
    for (int before = 0; before < group; ++before) sum += sums.groups[before];
    for (int before = group * kWarp; before < thread; ++before) sum += sums.threads[before];
    for (int64_t item = thread * run; item < end; ++item) {
      const int64_t own = value(item);
      take(item, sum);
      sum += own;
    }
  });
}

CURVOX_FN PlannedStep planned_step(const PaintPlan& plan, int64_t index) {
  const Painting& painting = plan.painting;
  const int32_t* what = painting.steps + 3 * index;
  PlannedStep step{what[0], -1, -1, -1, 1, {0, 0, 0}, 0, 0, 0, 0};
  if (step.kind == kDraw) {
    step.layer = what[1];
    step.gradient = painting.gradient_ids[step.layer];
    step.opacity = painting.opacities[step.layer];
    for (int i = 0; i < 3; ++i) step.colour[i] = painting.colours[3 * step.layer + i];
  } else if (step.kind == kPop) {
    step.group = what[1];
    step.layer = what[2];
    step.opacity = painting.group_opacities[step.group];
  }
  if (step.layer < 0) return step;
  step.rule = painting.rules[step.layer];
  const int64_t* loops = painting.layer_loops + step.layer;
  if (loops[0] == loops[1]) return step;
  const int64_t *first = painting.loops + 2 * loops[0], *last = painting.loops + 2 * loops[1] - 2;
  step.first = first[0];
  step.own = first[1] - first[0];
  step.edges = plan.loop_edges[loops[1] - 1] + last[1] - last[0];
  return step;
}

// What the threads of a block that plans a step share.
struct PlanMemory {
  RunSums<kPlanThreads> sums;
  Edge edges[kPlanThreads];
  Range parts[kPlanThreads];
};

// One block a step: its layer's edges, and for a draw where they are. Spans of groups come later.
CURVOX_FN void plan_step(const PaintPlan& plan, int64_t index, PlanMemory& memory) {
  const Block<kPlanThreads> block;
  const Painting& painting = plan.painting;
  const int rows = plan.rows();
  Range* spans = plan.spans + index * rows;
  const int32_t* what = painting.steps + 3 * index;
  const int64_t layer = what[0] == kDraw ? what[1] : what[0] == kPop ? what[2] : -1;
  if (layer >= 0) {
    const int64_t first = painting.layer_loops[layer];
    const int64_t* loops = painting.loops + 2 * first;
    sum_before<kPlanThreads>(
        painting.layer_loops[layer + 1] - first, memory.sums,
        [&](int64_t loop) { return loops[2 * loop + 1] - loops[2 * loop]; },
        [&](int64_t loop, int64_t sum) { plan.loop_edges[first + loop] = sum; });
  }
  const PlannedStep step = planned_step(plan, index);
  block.each([&](int thread) {
    if (thread == 0) plan.steps[index] = step;
    for (int row = thread; row < rows; row += kPlanThreads) spans[row] = no_tiles(plan);
  });
  if (step.kind != kDraw) return;
  constexpr int parts = kPlanThreads / kWarp;
  constexpr float far = 3e38f;  // how far one comes to the right is then not a number
  const Edge everywhere{{-far, -far}, {far, far}, 1};
  for (int64_t first = 0; first < step.edges; first += kPlanThreads) {
    const int count = static_cast<int>(smaller<int64_t>(kPlanThreads, step.edges - first));
    block.each([&](int thread) {
      if (thread >= count) return;
      const EdgeEnds ends = edge_ends(plan, step, first + thread);
      const Edge edge = edge_between(painting.vertex(ends.from), painting.vertex(ends.to));
      memory.edges[thread] = is_finite(edge) ? edge : everywhere;
    });
    for (int row = 0; row < rows; row += kWarp) {
      block.each([&](int thread) {
        Range passed = no_tiles(plan);
        for (int edge = thread / kWarp; edge < count; edge += parts) {
          passed = hull(passed, tiles_passed(plan, memory.edges[edge], row + thread % kWarp));
        }
        memory.parts[thread] = passed;
      });
      block.each([&](int thread) {
        if (thread >= kWarp || row + thread >= rows) return;
        Range span = spans[row + thread];
        for (int part = 0; part < parts; ++part) {
          span = hull(span, memory.parts[part * kWarp + thread]);
        }
        spans[row + thread] = span;
      });
    }
  }
}

// The groups that are open where a walk through a scene's steps has come to. Those around the
// innermost one are found by its step, in `outer`.
struct OpenGroups {
  int32_t innermost;  // the step that began it; -1 for none
  int32_t depth, deepest;
};

CURVOX_FN void note_step(int32_t kind, int64_t step, int32_t* outer, OpenGroups& open) {
  if (kind == kPush) {
    outer[step] = open.innermost;
    open.innermost = static_cast<int32_t>(step);
    open.deepest = larger(open.deepest, ++open.depth);
  } else if (kind == kPop && open.innermost >= 0) {
    open.innermost = outer[open.innermost];
    --open.depth;
  }
}

// The same walk in one row of tiles: `held` is the span of what the innermost group holds so far.
struct OpenSpans {
  int32_t innermost;
  Range held;
};

// `own` is the span of the step itself, if it draws.
CURVOX_FN void note_span(const PaintPlan& plan, int32_t kind, int64_t step, Range own, int row,
                         const int32_t* outer, OpenSpans& open) {
  const auto span = [&](int64_t at) -> Range& { return plan.spans[at * plan.rows() + row]; };
  if (kind == kDraw) {
    open.held = hull(open.held, own);
  } else if (kind == kPush) {
    if (open.innermost >= 0) span(open.innermost) = open.held;
    open = {static_cast<int32_t>(step), no_tiles(plan)};
  } else if (open.innermost >= 0) {  // else none was begun: its own span stays empty
    const Range held = span(open.innermost) = span(step) = open.held;
    open.innermost = outer[open.innermost];
    open.held = open.innermost < 0 ? no_tiles(plan) : hull(span(open.innermost), held);
  }
}

// One block a scene: the spans of its groups, and how deep they lie in each other. Groups that are
// not ended or not begun are left out.
CURVOX_FN void plan_groups(const PaintPlan& plan, int64_t scene, int32_t* outer, int32_t* depths) {
  CURVOX_SHARED int32_t kinds[kPlanThreads];
  constexpr int ahead = 8;  // spans read at once, so that none is waited for alone
  const Block<kPlanThreads> block;
  const int64_t begin = plan.painting.scene_steps[scene];
  const int64_t end = plan.painting.scene_steps[scene + 1];
  for (int top = 0; top < plan.rows(); top += kPlanThreads) {  // a thread a row of tiles
    OpenGroups groups{-1, 0, 0};                               // of the first thread
    PerThread<OpenSpans, kPlanThreads> open;
    block.each([&](int thread) { open[thread] = {-1, no_tiles(plan)}; });
    for (int64_t first = begin; first < end; first += kPlanThreads) {
      const int count = static_cast<int>(smaller<int64_t>(kPlanThreads, end - first));
      block.each([&](int thread) {
        if (thread < count) kinds[thread] = plan.steps[first + thread].kind;
      });
      block.each([&](int thread) {
        if (thread > 0) return;
        for (int i = 0; i < count; ++i) note_step(kinds[i], first + i, outer, groups);
      });
      block.each([&](int thread) {
        const int row = top + thread;
        if (row >= plan.rows()) return;
        for (int i = 0; i < count; i += ahead) {
          Range own[ahead];
          for (int j = 0; j < ahead; ++j) {
            own[j] = i + j < count ? plan.spans[(first + i + j) * plan.rows() + row] : Range{};
          }
          for (int j = 0; j < ahead; ++j) {
            if (i + j >= count) continue;
            note_span(plan, kinds[i + j], first + i + j, own[j], row, outer, open[thread]);
          }
        }
      });
    }
    block.each([&](int thread) {
      if (thread == 0) depths[scene] = groups.deepest;
      int32_t step = open[thread].innermost;
      for (; step >= 0 && top + thread < plan.rows(); step = outer[step]) {
        plan.spans[int64_t{step} * plan.rows() + top + thread] = no_tiles(plan);
      }
    });
  }
}

// Where the masks of a scene are: a word for every 32 of its steps, and perhaps one more.
struct SceneMasks {
  int64_t begin, end;  // steps
  int64_t slot;        // words of a cell in the scenes before
  int64_t words;       // of a cell

  CURVOX_FN SceneMasks(const Painting& painting, int64_t scene)
      : begin(painting.scene_steps[scene]),
        end(painting.scene_steps[scene + 1]),
        slot(begin / kWarp + scene),
        words(end / kWarp + scene + 1 - slot) {}
};

// One block a word of all cells of a row: steps / 32 + scenes words are room for all scenes.
CURVOX_FN void plan_masks(const PaintPlan& plan, int64_t slot, int cell_row) {
  CURVOX_SHARED Range spans[kWarp];  // of the word's steps, in all rows of the cells
  const Block<kPlanThreads> block;
  const Painting& painting = plan.painting;
  int64_t scene = 0;
  for (int64_t end = painting.scenes; end - scene > 1;) {
    const int64_t middle = (scene + end) / 2;
    (SceneMasks(painting, middle).slot <= slot ? scene : end) = middle;
  }
  const SceneMasks masks(painting, scene);
  const int64_t word = slot - masks.slot, first = masks.begin + word * kWarp;
  if (word < 0 || word >= masks.words) return;
  block.each([&](int thread) {
    if (thread >= kWarp) return;
    Range span = no_tiles(plan);
    const int bottom = smaller((cell_row + 1) * plan.cell, plan.rows());
    for (int row = cell_row * plan.cell; row < bottom && first + thread < masks.end; ++row) {
      span = hull(span, plan.spans[(first + thread) * plan.rows() + row]);
    }
    spans[thread] = span;
  });
  const int across = plan.cell_columns();
  uint32_t* words = plan.masks + masks.slot * plan.cells() + word;
  for (int column = 0; column < across; column += kPlanThreads) {
    block.each([&](int thread) {
      const int left = (column + thread) * plan.cell;
      uint32_t bits = 0;
      for (int bit = 0; bit < kWarp; ++bit) {
        if (spans[bit].begin < left + plan.cell && spans[bit].end > left) bits |= 1u << bit;
      }
      if (column + thread >= across) return;
      words[(int64_t{cell_row} * across + column + thread) * masks.words] = bits;
    });
  }
}

// A tile of a scene's canvas; pixels beyond its right and lower side belong to no image.
struct PaintTile {
  int64_t scene;
  int left, top;

  CURVOX_FN int row(int thread) const { return top + thread / kRowThreads; }
  CURVOX_FN int column(int thread) const { return left + thread % kRowThreads * kPixels; }
};

CURVOX_FN PaintTile paint_tile(const PaintPlan& plan, int64_t tile) {
  const int across = plan.columns(), down = plan.rows();
  const int64_t row = tile / across;
  return {row / down, static_cast<int>(tile % across) * kTile,
          static_cast<int>(row % down) * kTile};
}

constexpr int kStepsAtOnce = 32;

// The steps of a tile that a block has at hand.
struct StepChoice {
  int counts[kPaintThreads];  // of steps in the word of every thread
  PlannedStep taken[kStepsAtOnce];
};

// Calls visit(step) for the steps that reach a tile, in their order or, with DOWN, from the last to
// the first, until it returns false. All of the block goes there together, with a word of the
// tile's mask for each thread at a time.
template <bool DOWN, class Visit>
CURVOX_FN void over_steps(const PaintPlan& plan, const PaintTile& tile, StepChoice& choice,
                          Visit visit) {
  const Block<kPaintThreads> block;
  const SceneMasks masks(plan.painting, tile.scene);
  const int row = tile.top / kTile, column = tile.left / kTile;
  const int64_t cell = row / plan.cell * plan.cell_columns() + column / plan.cell;
  const uint32_t* mask = plan.masks + masks.slot * plan.cells() + cell * masks.words;
  const int batches = static_cast<int>((masks.words + kPaintThreads - 1) / kPaintThreads);
  for (int batch = 0; batch < batches; ++batch) {
    const int64_t first = int64_t{kPaintThreads} * (DOWN ? batches - 1 - batch : batch);
    const int count = static_cast<int>(smaller<int64_t>(kPaintThreads, masks.words - first));
    PerThread<uint32_t, kPaintThreads> word;
    if (batch > 0) block.each([](int) {});  // all have done with the batch before
    block.each([&](int thread) {
      word[thread] = thread < count ? mask[first + thread] : 0;
      choice.counts[thread] = count_bits(word[thread]);
    });
    int total = 0;
    for (int thread = 0; thread < count; ++thread) total += choice.counts[thread];
    for (int from = 0; from < total; from += kStepsAtOnce) {
      if (from > 0) block.each([](int) {});  // and with its steps
      block.each([&](int thread) {
        if (word[thread] == 0) return;
        int number = 0;
        for (int before = 0; before < thread; ++before) number += choice.counts[before];
        for (uint32_t bits = word[thread]; bits != 0; bits &= bits - 1, ++number) {
          const int place = (DOWN ? total - 1 - number : number) - from;
          if (place < 0 || place >= kStepsAtOnce) continue;
          const int64_t step =
              masks.begin + (first + thread) * kWarp + count_bits((bits & -bits) - 1);
          const Range span = plan.spans[step * plan.rows() + row];
          choice.taken[place] = plan.steps[step];
          if (column < span.begin || column >= span.end) choice.taken[place].kind = kElsewhere;
        }
      });
      for (int i = 0; i < smaller(kStepsAtOnce, total - from); ++i) {
        const PlannedStep& step = choice.taken[i];
        if (step.kind != kElsewhere && !visit(step)) return;
      }
    }
  }
}

}  // namespace curvox
