// Layers painted over each other, tile by tile, and the way back.
//
// Painting from the bottom up, a layer of coverage times opacity a and colour c makes B of what is
// there:  B <- B + a (c - B), colours multiplied by their alpha. A group is painted on an empty
// canvas and then laid over as one layer.
//
// Backward, with G the gradient of a pixel and T what the layers above let through:
//   dL/da = T G.(c - B),  dL/dc = T a G.
// T is found from the top down and kept, B found anew from the bottom up, so nothing is divided by
// what may be zero, and memory is two numbers a pixel and layer of one tile.
#pragma once

#include "tiles_cpu.h"

namespace curvox {

// Colour multiplied by alpha, and alpha, of a tile's pixels.
struct Canvas {
  Column of[4][kTileColumns];
};

// A layer's colours (of[0..2]) and alpha (of[3]) in the columns of a tile: one colour, or a
// gradient's.
class LayerPaint {
 public:
  LayerPaint(const Painting& painting, const Band& band, const Tile& tile, const TileLayer& at)
      : layer(band.layers[at.layer].layer),
        opacity(painting.opacities[layer]),
        gradient_id(painting.gradient_ids[layer]),
        stride_(gradient_id < 0 ? 0 : 1) {
    if (gradient_id >= 0) {
      shades_.resize(1);
      shade(GradientPaint(painting.gradients, gradient_id), band, tile, at);
    }
    for (int channel = 0; channel < 4; ++channel) {
      solid_[channel] = (channel < 3 ? painting.colours[3 * layer + channel] : opacity) - Column{};
      values_[channel] = gradient_id < 0 ? &solid_[channel] : shades_[0].of[channel];
    }
  }
  LayerPaint(const LayerPaint&) = delete;

  const Column& colour(int channel, int column) const {
    return values_[channel][stride_ * column];
  }
  const Column& alpha(int column) const { return colour(3, column); }

  const int64_t layer;
  const float opacity;
  const int32_t gradient_id;

 private:
  int stride_;
  Column solid_[4];
  std::vector<Canvas> shades_;
  const Column* values_[4];

  void shade(const GradientPaint& gradient, const Band& band, const Tile& tile,
             const TileLayer& at) {
    for (int column = at.first; column < at.end; ++column) {
      for (int row = 0; row < kTileRows; ++row) {
        float rgba[4];
        gradient_colour(gradient, tile.left + column + 0.5f, band.top + row + 0.5f, rgba);
        rgba[3] *= opacity;
        for (int channel = 0; channel < 4; ++channel) {
          shades_[0].of[channel][column][row] = rgba[channel];
        }
      }
    }
  }
};

// What a tile's gradients are added to. Sums over pixels are added up band by band afterwards, in
// the order of the bands.
struct LayerShare {
  int64_t layer;
  float colour[3], opacity;
};

struct GroupShare {
  int32_t group;
  float opacity;
};

struct GradientShare {
  int32_t gradient;
  float geometry[kGeometry];
  std::vector<float> positions, colours;
};

struct VertexShare {
  int64_t vertex;
  float x, y;
};

struct BandShares {
  std::vector<VertexShare> vertices;
  std::vector<LayerShare> layers;
  std::vector<GroupShare> groups;
  std::vector<GradientShare> gradients;
  float background[4] = {};
};

inline float column_sum(const Column& column) {
  float sum = 0;
  for (int row = 0; row < kTileRows; ++row) sum += column[row];
  return sum;
}

class TilePainter {
 public:
  explicit TilePainter(const Painting& painting) : painting_(painting) {}

  // Paints what of a band is in a tile onto canvas().
  void paint(const Band& band, const Tile& tile) {
    depth_ = 0;
    begin(0, tile, painting_.background);
    for (const TileStep& step : tile.steps) lay(band, tile, step);
  }

  const Canvas& canvas() const { return canvases_[0]; }

  // The gradient of the pixels, which callers write. Channels and rows that there are not are zero.
  Canvas& gradient() { return grow(gradients_, 0); }

  // The way back from gradient().
  void paint_backward(Band& band, const Tile& tile, bool to_vertices, BandShares& shares) {
    shade(band, tile);
    depth_ = 0;
    begin(0, tile, painting_.background);
    add_background(tile, shares);
    for (size_t s = 0; s < tile.steps.size(); ++s) {
      const TileStep& step = tile.steps[s];
      if (step.kind == kDraw) {
        draw_backward(band, tile, step, s, to_vertices, shares);
      } else if (step.kind == kPush) {
        push_backward(band, tile, s);
      } else {
        pop_backward(band, tile, step, s, to_vertices, shares);
      }
      lay(band, tile, step);
    }
  }

 private:
  const Painting& painting_;
  int depth_ = 0;
  std::vector<Canvas> canvases_, gradients_;
  std::vector<Column> through_;       // by the layers above, for every step and column of a tile
  std::vector<Column> above_;         // the same at the bottom of the tile, by depth
  std::vector<size_t> matching_pop_;  // of every push
  Column winding_gradient_[kTileColumns];

  template <class T>
  static T& grow(std::vector<T>& stack, int depth) {
    if (static_cast<int>(stack.size()) <= depth) stack.resize(depth + 1);
    return stack[depth];
  }

  void begin(int depth, const Tile& tile, const float* colour) {
    Canvas& canvas = grow(canvases_, depth);
    for (int channel = 0; channel < 4; ++channel) {
      const Column value = colour[channel] - Column{};
      for (int column = tile.first; column < tile.end; ++column) canvas.of[channel][column] = value;
    }
  }

  uint8_t rule(const Band& band, const TileLayer& at) const {
    return painting_.rules[band.layers[at.layer].layer];
  }

  // The coverage of a step's layer in a column; of a pop without a clip, 1.
  Column covered(const Band& band, const Tile& tile, const TileStep& step, int column) const {
    if (step.layer < 0) return Column{} + 1;
    const TileLayer& at = tile.layers[step.layer];
    if (column < at.first || column >= at.end) return Column{};
    return coverage(tile.store[at.winding + column - at.first], rule(band, at));
  }

  void lay(const Band& band, const Tile& tile, const TileStep& step) {
    if (step.kind == kPush) {
      constexpr float empty[4] = {};
      return begin(++depth_, tile, empty);
    }
    if (step.kind == kPop) return lay_group(band, tile, step);
    const TileLayer& at = tile.layers[step.layer];
    const uint8_t inside = rule(band, at);
    const LayerPaint paint(painting_, band, tile, at);
    Canvas& below = canvases_[depth_];
    for (int column = at.first; column < at.end; ++column) {
      const Column alpha =
          paint.alpha(column) * coverage(tile.store[at.winding + column - at.first], inside);
      for (int channel = 0; channel < 3; ++channel) {
        Column& value = below.of[channel][column];
        value += alpha * (paint.colour(channel, column) - value);
      }
      below.of[3][column] += alpha * (1 - below.of[3][column]);
    }
  }

  void lay_group(const Band& band, const Tile& tile, const TileStep& step) {
    const Canvas& group = canvases_[depth_];
    Canvas& below = canvases_[--depth_];
    const float opacity = painting_.group_opacities[step.group];
    for (int column = tile.first; column < tile.end; ++column) {
      const Column share = opacity * covered(band, tile, step, column);
      const Column rest = 1 - share * group.of[3][column];
      for (int channel = 0; channel < 4; ++channel) {
        Column& value = below.of[channel][column];
        value = share * group.of[channel][column] + rest * value;
      }
    }
  }

  // From the top down: what lies above every step lets through.
  void shade(const Band& band, const Tile& tile) {
    const size_t count = tile.steps.size();
    through_.resize(count * kTileColumns);
    matching_pop_.assign(count, 0);
    std::vector<size_t> pops;
    const auto open = [&] {
      above_.resize((pops.size() + 1) * kTileColumns);
      Column* clear = above_.data() + pops.size() * kTileColumns;
      for (int column = tile.first; column < tile.end; ++column) clear[column] = Column{} + 1;
    };
    open();
    for (size_t s = count; s-- > 0;) {
      const TileStep& step = tile.steps[s];
      Column* kept = through_.data() + s * kTileColumns;
      Column* above = above_.data() + pops.size() * kTileColumns;
      if (step.kind == kPop) {
        for (int column = tile.first; column < tile.end; ++column) kept[column] = above[column];
        pops.push_back(s);
        open();
      } else if (step.kind == kPush) {
        const size_t pop = matching_pop_[s] = pops.back();
        pops.pop_back();
        const TileStep& end = tile.steps[pop];
        const float opacity = painting_.group_opacities[end.group];
        for (int column = tile.first; column < tile.end; ++column) {
          const Column share = opacity * covered(band, tile, end, column);
          (above - kTileColumns)[column] *= 1 - share * (1 - above[column]);
        }
      } else {
        const TileLayer& at = tile.layers[step.layer];
        const uint8_t inside = rule(band, at);
        const LayerPaint paint(painting_, band, tile, at);
        for (int column = at.first; column < at.end; ++column) {
          kept[column] = above[column];
          above[column] *= 1 - paint.alpha(column) * coverage(tile.store[at.winding + column -
                                                                         at.first], inside);
        }
      }
    }
  }

  void add_background(const Tile& tile, BandShares& shares) {
    const Column* through = above_.data();
    for (int channel = 0; channel < 4; ++channel) {
      Column sum{};
      for (int column = tile.first; column < tile.end; ++column) {
        sum += through[column] * gradients_[0].of[channel][column];
      }
      shares.background[channel] += column_sum(sum);
    }
  }

  void draw_backward(Band& band, const Tile& tile, const TileStep& step, size_t s,
                     bool to_vertices, BandShares& shares) {
    const TileLayer& at = tile.layers[step.layer];
    const uint8_t inside = rule(band, at);
    const LayerPaint paint(painting_, band, tile, at);
    const Canvas &below = canvases_[depth_], &gradient = gradients_[depth_];
    const Column* through = through_.data() + s * kTileColumns;
    const bool shaded = paint.gradient_id >= 0;
    LayerShare share{paint.layer, {}, 0};
    Column by_colour[3] = {}, by_opacity{};
    if (shaded) shares.gradients.push_back(new_gradient_share(paint.gradient_id));
    for (int column = at.first; column < at.end; ++column) {
      const Column winding = tile.store[at.winding + column - at.first];
      const Column covered = coverage(winding, inside);
      const Column alpha = paint.alpha(column) * covered;
      Column by_alpha = gradient.of[3][column] * (1 - below.of[3][column]);
      Column by_shade[3];
      for (int channel = 0; channel < 3; ++channel) {
        const Column& g = gradient.of[channel][column];
        by_alpha += g * (paint.colour(channel, column) - below.of[channel][column]);
        by_shade[channel] = through[column] * alpha * g;
      }
      by_alpha *= through[column];
      winding_gradient_[column] = by_alpha * paint.alpha(column) * coverage_slope(winding, inside);
      if (shaded) {
        by_opacity += shade_backward(band, tile, paint, column, covered, by_shade, by_alpha,
                                     shares.gradients.back());
      } else {
        for (int channel = 0; channel < 3; ++channel) by_colour[channel] += by_shade[channel];
        by_opacity += by_alpha * covered;
      }
    }
    for (int channel = 0; channel < 3; ++channel) {
      share.colour[channel] = column_sum(by_colour[channel]);
    }
    share.opacity = column_sum(by_opacity);
    shares.layers.push_back(share);
    if (to_vertices && at.has_edges) gather(band, tile, at);
  }

  GradientShare new_gradient_share(int32_t id) const {
    const int64_t stops = painting_.gradients.stops[id + 1] - painting_.gradients.stops[id];
    return {id, {}, std::vector<float>(stops), std::vector<float>(4 * stops)};
  }

  // A column of a gradient's pixels; returns the gradient of the layer's opacity.
  Column shade_backward(const Band& band, const Tile& tile, const LayerPaint& paint, int column,
                        const Column& covered, const Column* by_shade, const Column& by_alpha,
                        GradientShare& share) const {
    const GradientPaint gradient(painting_.gradients, share.gradient);
    Column by_opacity{};
    for (int row = 0; row < band.rows; ++row) {
      const float x = tile.left + column + 0.5f, y = band.top + row + 0.5f;
      float rgba[4];
      gradient_colour(gradient, x, y, rgba);
      by_opacity[row] = by_alpha[row] * covered[row] * rgba[3];
      const float by_rgba[4] = {by_shade[0][row], by_shade[1][row], by_shade[2][row],
                                by_alpha[row] * covered[row] * paint.opacity};
      gradient_colour_backward(gradient, x, y, by_rgba, share.geometry, share.positions.data(),
                               share.colours.data());
    }
    return by_opacity;
  }

  // The gradient of the group's own canvas, when it begins: that of its colours, and that its alpha
  // hides what is below.
  void push_backward(const Band& band, const Tile& tile, size_t s) {
    const size_t pop = matching_pop_[s];
    const TileStep& end = tile.steps[pop];
    grow(gradients_, depth_ + 1);
    const Canvas &below = canvases_[depth_], &outer = gradients_[depth_];
    Canvas& inner = gradients_[depth_ + 1];
    const float opacity = painting_.group_opacities[end.group];
    const Column* through = through_.data() + pop * kTileColumns;
    for (int column = tile.first; column < tile.end; ++column) {
      const Column share = opacity * through[column] * covered(band, tile, end, column);
      Column hidden{};
      for (int channel = 0; channel < 4; ++channel) {
        inner.of[channel][column] = share * outer.of[channel][column];
        hidden += outer.of[channel][column] * below.of[channel][column];
      }
      inner.of[3][column] -= share * hidden;
    }
  }

  // The group's opacity and clip, when it is all painted.
  void pop_backward(Band& band, const Tile& tile, const TileStep& step, size_t s,
                    bool to_vertices, BandShares& shares) {
    const Canvas &group = canvases_[depth_], &below = canvases_[depth_ - 1];
    const Canvas& gradient = gradients_[depth_ - 1];
    const float opacity = painting_.group_opacities[step.group];
    const Column* through = through_.data() + s * kTileColumns;
    const TileLayer* clip = step.layer < 0 ? nullptr : &tile.layers[step.layer];
    Column by_opacity{};
    for (int column = tile.first; column < tile.end; ++column) {
      Column by_share{};
      for (int channel = 0; channel < 4; ++channel) {
        const Column laid = group.of[channel][column] -
                            group.of[3][column] * below.of[channel][column];
        by_share += gradient.of[channel][column] * laid;
      }
      by_share *= through[column];
      by_opacity += by_share * covered(band, tile, step, column);
      if (clip != nullptr && column >= clip->first && column < clip->end) {
        const Column winding = tile.store[clip->winding + column - clip->first];
        winding_gradient_[column] = opacity * by_share * coverage_slope(winding, rule(band, *clip));
      }
    }
    shares.groups.push_back({step.group, column_sum(by_opacity)});
    if (to_vertices && clip != nullptr && clip->has_edges) gather(band, tile, *clip);
  }

  // What the edges in the tile make of the gradient of the winding numbers.
  void gather(Band& band, const Tile& tile, const TileLayer& at) {
    for (size_t v = at.first_visit; v < at.end_visit; ++v) {
      const Visit& visit = tile.visits[v];
      const float part = visit.weight * winding_gradient_[visit.column][visit.row];
      band.edges[visit.edge].at_a += part * (1 - visit.middle);
      band.edges[visit.edge].at_b += part * visit.middle;
    }
  }
};

// What the edges of a band gathered, as gradients of vertices.
inline void add_vertex_shares(const Band& band, BandShares& shares) {
  for (const BandEdge& edge : band.edges) {
    if (edge.at_a == 0 && edge.at_b == 0) continue;
    const Point along = edge.edge.b - edge.edge.a;
    const Point across = edge.edge.sign * Point{-along.y, along.x};
    shares.vertices.push_back({edge.a, edge.at_a * across.x, edge.at_a * across.y});
    shares.vertices.push_back({edge.b, edge.at_b * across.x, edge.at_b * across.y});
  }
}

}  // namespace curvox
