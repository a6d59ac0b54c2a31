// The canvas in bands of 16 rows and tiles of 64 columns: which layers reach a tile, and the winding
// numbers that their edges leave there. A column of a tile is one vector of 16 pixels, so that a
// running sum along the rows is one vector addition a column.
#pragma once

#include <vector>

#include "painting.h"

namespace curvox {

constexpr int kTileRows = 16, kTileColumns = 64;

using Column = float __attribute__((vector_size(kTileRows * sizeof(float))));

// A layer's pixels on the canvas; empty where right <= left.
inline Region layer_bounds(const Painting& painting, int64_t layer) {
  float low_x = INFINITY, low_y = INFINITY, high_x = -INFINITY, high_y = -INFINITY;
  for (int64_t l = painting.layer_loops[layer]; l < painting.layer_loops[layer + 1]; ++l) {
    for (int64_t v = painting.loops[2 * l]; v < painting.loops[2 * l + 1]; ++v) {
      const Point point = painting.vertex(v);
      low_x = smaller(low_x, point.x), high_x = larger(high_x, point.x);
      low_y = smaller(low_y, point.y), high_y = larger(high_y, point.y);
    }
  }
  return canvas_box(painting, {low_x, low_y}, {high_x, high_y});
}

// What the gradient of an edge is made of: sums over pixels, see edge_walk.h.
struct BandEdge {
  Edge edge;
  float left, right;  // of the part in the band
  int64_t a, b;       // vertices
  float at_a, at_b;
};

struct BandLayer {
  int64_t layer;
  int left, right;  // columns that its edges in the band enclose
  size_t first_edge, end_edge;
  Column winding;  // where the next tile begins
};

struct BandStep {
  int32_t kind;
  int layer;      // of the band; of a pop: its clip, or -1
  int32_t group;  // of a pop
};

// One band of one scene.
struct Band {
  int64_t scene;
  int top, rows;
  std::vector<BandEdge> edges;
  std::vector<BandLayer> layers;
  std::vector<BandStep> steps;

  void build(const Painting& painting, const Region* bounds, int64_t in_scene, int first_row) {
    scene = in_scene;
    top = first_row;
    rows = smaller(kTileRows, painting.height - top);
    edges.clear();
    layers.clear();
    steps.clear();
    for (int64_t s = painting.scene_steps[scene]; s < painting.scene_steps[scene + 1]; ++s) {
      const int32_t* step = painting.steps + 3 * s;
      const int64_t layer = step[0] == kDraw ? step[1] : step[0] == kPop ? step[2] : -1;
      int in_band = -1;
      if (layer >= 0) {
        const Region& box = bounds[layer];
        const bool reaches = box.left < box.right && box.top < top + rows && box.bottom > top;
        if (!reaches && step[0] == kDraw) continue;
        in_band = static_cast<int>(layers.size());
        layers.push_back({layer, painting.width, 0, edges.size(), edges.size(), Column{}});
        if (reaches) add_edges(painting, layer);
        layers.back().end_edge = edges.size();
      }
      steps.push_back({step[0], in_band, step[0] == kPop ? step[1] : 0});
    }
  }

 private:
  void add_edges(const Painting& painting, int64_t layer) {
    for (int64_t l = painting.layer_loops[layer]; l < painting.layer_loops[layer + 1]; ++l) {
      const int64_t begin = painting.loops[2 * l], end = painting.loops[2 * l + 1];
      for (int64_t v = begin, before = end - 1; v < end; before = v++) {
        add_edge(painting, before, v);
      }
    }
  }

  void add_edge(const Painting& painting, int64_t from, int64_t to) {
    Point a = painting.vertex(from), b = painting.vertex(to);
    if (larger(a.y, b.y) < top || smaller(a.y, b.y) >= top + rows) return;
    const bool down = a.y <= b.y;
    const Edge edge = down ? Edge{a, b, 1} : Edge{b, a, -1};
    // Where it enters and leaves the band, rounded outwards.
    const float slope = (edge.b.x - edge.a.x) / (edge.b.y - edge.a.y), bottom = top + rows;
    const float x0 = edge.a.y < top ? edge.a.x + (top - edge.a.y) * slope : edge.a.x;
    const float x1 = edge.b.y > bottom ? edge.a.x + (bottom - edge.a.y) * slope : edge.b.x;
    const float left = smaller(x0, x1) - kRounding, right = larger(x0, x1) + kRounding;
    BandLayer& layer = layers.back();
    layer.left = smaller(layer.left, static_cast<int>(larger(floorf(left), 0.0f)));
    layer.right = larger(layer.right, static_cast<int>(smaller(
                                          floorf(right) + 1, static_cast<float>(painting.width))));
    if (left >= painting.width) return;
    edges.push_back({edge, left, right, down ? from : to, down ? to : from, 0, 0});
  }

  static constexpr float kRounding = 1.0f / 64;  // of positions along an edge, and more
};

struct TileLayer {
  int layer;  // of the band
  int first, end;  // columns of the tile
  bool has_edges;
  size_t winding;  // first of its columns in the tile's store
  size_t first_visit, end_visit;
};

// A pixel that an edge passes, see walk_edge: what the way back needs of it.
struct Visit {
  uint32_t edge;  // of the band
  uint16_t row, column;
  float weight, middle;
};

// What of a tile is built beyond what painting it needs.
struct Extras {
  bool hidden;  // what lies under an opaque layer that fills the tile
  bool visits;  // of all edges
  bool rest;    // columns that no layer reaches
};

struct TileStep {
  int32_t kind;
  int layer;  // of the tile, or -1
  int32_t group;
};

// The layers that show in one tile of a band, in painter's order, and their winding numbers. Tiles
// of a band are built from left to right.
struct Tile {
  int left, columns;
  int first, end;  // of those, the columns that its layers reach: others are left alone
  std::vector<TileLayer> layers;
  std::vector<TileStep> steps;
  std::vector<Column> store;
  std::vector<Visit> visits;

  void build(const Painting& painting, Band& band, int first_column, Extras extras) {
    left = first_column;
    columns = smaller(kTileColumns, painting.width - left);
    layers.clear();
    steps.clear();
    store.clear();
    visits.clear();
    size_t visible_from = 0;
    int depth = 0;
    for (const BandStep& step : band.steps) {
      depth += step.kind == kPush ? 1 : step.kind == kPop ? -1 : 0;
      int in_tile = -1;
      if (step.layer >= 0) {
        in_tile = add_layer(band, band.layers[step.layer], step.layer, extras.visits);
        if (in_tile < 0 && step.kind == kDraw) continue;
        if (step.kind == kDraw && depth == 0 && !extras.hidden && hides(painting, band, in_tile)) {
          visible_from = steps.size();
        }
      }
      if (step.kind == kPop && steps.back().kind == kPush) {
        steps.pop_back();  // nothing of the group is here
        continue;
      }
      // A clip that leaves nothing of the group here: it has a layer without columns.
      if (step.kind == kPop && step.layer >= 0 && in_tile < 0) in_tile = empty_layer(step.layer);
      steps.push_back({step.kind, in_tile, step.group});
    }
    steps.erase(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(visible_from));
    reach(extras.rest);
  }

 private:
  Column differences_[kTileColumns + 1];

  void reach(bool all) {
    first = all ? 0 : columns, end = all ? columns : 0;
    for (const TileLayer& layer : layers) {
      if (layer.first == layer.end) continue;
      first = smaller(first, layer.first), end = larger(end, layer.end);
    }
    first = smaller(first, end);
  }

  int empty_layer(int in_band) {
    layers.push_back({in_band, 0, 0, false, 0, 0, 0});
    return static_cast<int>(layers.size()) - 1;
  }

  // The layer's number in the tile, or -1 where it leaves the tile empty.
  int add_layer(Band& band, BandLayer& layer, int in_band, bool keep_visits) {
    if (layer.left >= left + columns || layer.right <= left) return -1;
    const int first = larger(layer.left - left, 0), end = smaller(layer.right - left, columns);
    for (int column = first; column <= end; ++column) differences_[column] = Column{};
    Column start = layer.winding;
    bool touched = false;
    const size_t first_visit = visits.size();
    const Region region{left, left + columns, band.top, band.top + band.rows};
    for (size_t e = layer.first_edge; e < layer.end_edge; ++e) {
      const BandEdge& edge = band.edges[e];
      if (edge.left >= left + columns || (edge.right < left && left > 0)) continue;
      touched = true;
      if (edge.edge.a.y == edge.edge.b.y && !keep_visits) continue;  // adds nothing
      walk_edge(
          edge.edge, region,
          [&](int row, float dy) { start[row - band.top] += dy; },
          [&](int row, int column, float weight, float middle, float dy, float x) {
            differences_[column - left][row - band.top] += dy * (1 - x);
            differences_[column - left + 1][row - band.top] += dy * x;
            if (keep_visits) {
              visits.push_back({static_cast<uint32_t>(e), static_cast<uint16_t>(row - band.top),
                                static_cast<uint16_t>(column - left), weight, middle});
            }
          });
    }
    const bool empty = !touched && is_zero(start);
    if (!touched) snap(start);
    const size_t winding = store.size();
    Column sum = start;
    for (int column = first; column < end; ++column) {
      sum += differences_[column];
      if (!empty) store.push_back(sum);
    }
    layer.winding = sum + differences_[end];
    if (empty) return -1;
    layers.push_back({in_band, first, end, touched, winding, first_visit, visits.size()});
    return static_cast<int>(layers.size()) - 1;
  }

  // Away from edges winding numbers are whole; sums of parts of edges are so but for rounding.
  static void snap(Column& winding) {
    for (int row = 0; row < kTileRows; ++row) {
      const float whole = rintf(winding[row]);
      if (fabsf(winding[row] - whole) < 1e-4f) winding[row] = whole;
    }
  }

  static bool is_zero(const Column& winding) {
    for (int row = 0; row < kTileRows; ++row) {
      if (fabsf(winding[row]) > 1e-4f) return false;
    }
    return true;
  }

  bool hides(const Painting& painting, const Band& band, int in_tile) const {
    const TileLayer& here = layers[in_tile];
    const int64_t layer = band.layers[here.layer].layer;
    if (here.has_edges || here.first > 0 || here.end < columns) return false;
    if (painting.opacities[layer] != 1 || painting.gradient_ids[layer] >= 0) return false;
    const Column covered = coverage(store[here.winding], painting.rules[layer]);
    for (int row = 0; row < band.rows; ++row) {
      if (covered[row] != 1) return false;
    }
    return true;
  }
};

}  // namespace curvox
