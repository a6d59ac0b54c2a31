// What the CUDA form of the painting prepares once, as block programs (portable.h): which pixels
// every step can change; then how a tile picks its steps.
//
// A scene's steps are thousands, those of a tile a few. So a step gets a box of pixels: that of its
// layer, or of all that its group holds. A group whose box misses a tile is left out with all that
// is in it. Nothing here has a fixed cap.
#pragma once

#include "painting.h"
#include "ragged.h"
#include "tile_blocks.h"

namespace curvox {

struct PaintPlan {
  Painting painting;
  const int64_t* loop_edges;  // [L + 1] how many edges the loops before one have
  const Region* step_boxes;   // [P]
};

// A layer's edges are numbered through all of its loops. This one ends at vertex `to`.
struct EdgeEnds {
  int64_t from, to;
};

CURVOX_FN EdgeEnds edge_ends(const PaintPlan& plan, int64_t layer, int64_t number) {
  const Painting& painting = plan.painting;
  const int64_t* layer_loops = painting.layer_loops + layer;
  const int64_t loop = list_of(plan.loop_edges, layer_loops[0], layer_loops[1], number);
  const int64_t first = painting.loops[2 * loop];
  const int64_t vertex = first + number - plan.loop_edges[loop];
  return {vertex == first ? painting.loops[2 * loop + 1] - 1 : vertex - 1, vertex};
}

struct EdgeRange {
  int64_t begin, end;
};

CURVOX_FN EdgeRange edges_of(const PaintPlan& plan, int64_t layer) {
  const int64_t* loops = plan.painting.layer_loops + layer;
  return {plan.loop_edges[loops[0]], plan.loop_edges[loops[1]]};
}

// The corners of what a thread has seen. `sum` is finite only if all coordinates are.
struct Extent {
  Point low, high;
  double sum;
};

CURVOX_FN Extent joined(const Extent& a, const Extent& b) {
  return {{smaller(a.low.x, b.low.x), smaller(a.low.y, b.low.y)},
          {larger(a.high.x, b.high.x), larger(a.high.y, b.high.y)},
          a.sum + b.sum};
}

// One block a layer. One with a coordinate that is not finite shows up in all pixels.
CURVOX_FN void layer_box(const PaintPlan& plan, int64_t layer, Region* boxes) {
  constexpr float far = 3e38f;
  CURVOX_SHARED Extent extents[kTileThreads];
  const Block<kTileThreads> block;
  const Painting& painting = plan.painting;
  const EdgeRange edges = edges_of(plan, layer);
  block.each([&](int thread) {
    Extent seen{{far, far}, {-far, -far}, 0};
    for (int64_t edge = edges.begin + thread; edge < edges.end; edge += kTileThreads) {
      const Point point = painting.vertex(edge_ends(plan, layer, edge).to);
      seen = joined(seen, {point, point, static_cast<double>(point.x) + point.y});
    }
    extents[thread] = seen;
  });
  for (int half = kTileThreads / 2; half > 0; half /= 2) {
    block.each([&](int thread) {
      if (thread < half) extents[thread] = joined(extents[thread], extents[thread + half]);
    });
  }
  block.each([&](int thread) {
    if (thread > 0) return;
    const Extent& all = extents[0];
    boxes[layer] = is_finite(all.sum) ? canvas_box(painting, all.low, all.high)
                                      : Region{0, painting.width, 0, painting.height};
  });
}

CURVOX_FN bool is_empty(const Region& box) { return box.right <= box.left; }

// The smallest box around two.
CURVOX_FN Region around(const Region& a, const Region& b) {
  if (is_empty(a) || is_empty(b)) return is_empty(a) ? b : a;
  return {smaller(a.left, b.left), larger(a.right, b.right), smaller(a.top, b.top),
          larger(a.bottom, b.bottom)};
}

// The groups that are open where a walk through a scene's steps has come to. Those around the
// innermost one are found by its step, in `outer`, and their boxes so far in those of their steps.
struct OpenGroups {
  int32_t innermost;  // the step that began it; -1 for none
  Region box;         // of what it holds so far
  int32_t depth, deepest;
};

CURVOX_FN void begin_group(int64_t step, Region* boxes, int32_t* outer, OpenGroups& open) {
  if (open.innermost >= 0) boxes[open.innermost] = open.box;
  outer[step] = open.innermost;
  open = {static_cast<int32_t>(step), {}, open.depth + 1, larger(open.deepest, open.depth + 1)};
}

CURVOX_FN void end_group(int64_t step, Region* boxes, const int32_t* outer, OpenGroups& open) {
  if (open.innermost < 0) return;  // none was begun: its own box stays empty
  const Region box = boxes[open.innermost] = boxes[step] = open.box;
  open.innermost = outer[open.innermost];
  open.box = open.innermost < 0 ? Region{} : around(boxes[open.innermost], box);
  --open.depth;
}

// One block a scene: the boxes of its steps, and how deep its groups lie in each other. Groups that
// are not ended or not begun are left out. `depths` and `outer` may be null: there are no groups.
CURVOX_FN void scene_boxes(const PaintPlan& plan, const Region* layer_boxes, int64_t scene,
                           Region* boxes, int32_t* outer, int32_t* depths) {
  CURVOX_SHARED int32_t kinds[kTileThreads];
  CURVOX_SHARED Region drawn[kTileThreads];
  const Block<kTileThreads> block;
  const Painting& painting = plan.painting;
  const int64_t end = painting.scene_steps[scene + 1];
  OpenGroups open{-1, {}, 0, 0};  // of the first thread
  for (int64_t first = painting.scene_steps[scene]; first < end; first += kTileThreads) {
    block.each([&](int thread) {
      const int64_t step = first + thread;
      if (step >= end) return;
      const int32_t* what = painting.steps + 3 * step;
      const Region box = what[0] == kDraw ? layer_boxes[what[1]] : Region{};
      kinds[thread] = what[0];
      boxes[step] = drawn[thread] = box;
    });
    if (depths == nullptr) continue;
    block.each([&](int thread) {
      if (thread > 0) return;
      for (int i = 0; i < kTileThreads && first + i < end; ++i) {
        if (kinds[i] == kPush) begin_group(first + i, boxes, outer, open);
        if (kinds[i] == kPop) end_group(first + i, boxes, outer, open);
        if (kinds[i] == kDraw) open.box = around(open.box, drawn[i]);
      }
    });
  }
  if (depths == nullptr) return;
  block.each([&](int thread) {
    if (thread > 0) return;
    for (; open.innermost >= 0; open.innermost = outer[open.innermost]) boxes[open.innermost] = {};
    depths[scene] = open.deepest;
  });
}

// A tile of a scene's canvas; pixels beyond its right and lower side belong to no image.
struct PaintTile {
  int64_t scene;
  int left, top;

  CURVOX_FN int row(int thread) const { return top + thread / kTile; }
  CURVOX_FN int column(int thread) const { return left + thread % kTile; }
};

CURVOX_FN PaintTile paint_tile(const Painting& painting, int64_t tile) {
  const int across = (painting.width + kTile - 1) / kTile;
  const int down = (painting.height + kTile - 1) / kTile;
  const int64_t row = tile / across;
  return {row / down, static_cast<int>(tile % across) * kTile,
          static_cast<int>(row % down) * kTile};
}

// One step as a tile takes it.
struct PaintStep {
  StepKind kind;
  int64_t layer;  // that it draws or clips by, or -1
  int64_t group;  // of a pop
};

// The steps among which a block chooses at once, and those that it took.
struct StepChoice {
  uint32_t answers[kTileWarps];
  int taken[kTileThreads];
};

// Calls visit(step) for the steps that reach a tile, in their order or, with DOWN, from the last to
// the first, until it returns false. All of the block goes there together.
template <bool DOWN, class Visit>
CURVOX_FN void over_steps(const PaintPlan& plan, const PaintTile& tile, StepChoice& choice,
                          Visit visit) {
  const Block<kTileThreads> block;
  const Painting& painting = plan.painting;
  const int64_t begin = painting.scene_steps[tile.scene];
  const int64_t end = painting.scene_steps[tile.scene + 1];
  const int64_t batches = (end - begin + kTileThreads - 1) / kTileThreads;
  for (int64_t batch = 0; batch < batches; ++batch) {
    const int64_t first = begin + (DOWN ? batches - 1 - batch : batch) * kTileThreads;
    block.vote(choice.answers, [&](int thread) {
      if (first + thread >= end) return false;
      const Region box = plan.step_boxes[first + thread];
      return box.left < tile.left + kTile && box.right > tile.left &&
             box.top < tile.top + kTile && box.bottom > tile.top;
    });
    const int count = count_votes(choice.answers, kTileWarps);
    block.each([&](int thread) {
      if (voted_yes(choice.answers, thread)) {
        choice.taken[votes_before(choice.answers, thread)] = thread;
      }
    });
    for (int i = 0; i < count; ++i) {
      const int32_t* what =
          painting.steps + 3 * (first + choice.taken[DOWN ? count - 1 - i : i]);
      const StepKind kind = static_cast<StepKind>(what[0]);
      const int64_t layer = kind == kDraw ? what[1] : kind == kPop ? what[2] : -1;
      if (!visit(PaintStep{kind, layer, kind == kPop ? what[1] : -1})) return;
    }
  }
}

}  // namespace curvox
