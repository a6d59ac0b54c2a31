// Paintings on the CPU: their bands, shared between threads.
#pragma once

#include <cstring>
#include <vector>

#include "paint_cpu.h"
#include "shares.h"

namespace curvox {

// Below this many pixels and edges one thread is faster than waking a second one.
constexpr int64_t kParallelPaint = 40000;

struct BandPlan {
  std::vector<Region> bounds;
  std::vector<float> empty_row;  // of the image: nothing but background
  int bands;                     // of a scene
  int threads;
};

inline BandPlan plan_bands(const Painting& painting, int64_t vertices, int threads) {
  BandPlan plan;
  plan.bounds.resize(painting.layers);
  plan.empty_row.reserve(static_cast<size_t>(painting.width) * painting.channels);
  for (int column = 0; column < painting.width; ++column) {
    plan.empty_row.insert(plan.empty_row.end(), painting.background,
                          painting.background + painting.channels);
  }
  plan.bands = (painting.height + kTileRows - 1) / kTileRows;
  const int64_t share = larger<int64_t>(1, painting.layers / 16);
  in_shares(painting.layers, share, vertices / 4, threads, [&](int64_t begin, int64_t end) {
    for (int64_t layer = begin; layer < end; ++layer) {
      plan.bounds[layer] = layer_bounds(painting, layer);
    }
  });
  int64_t work = 4 * vertices;
  for (const Region& box : plan.bounds) {
    work += static_cast<int64_t>(box.right - box.left) * (box.bottom - box.top);
  }
  plan.threads = work >= kParallelPaint ? threads : 1;
  return plan;
}

template <class Value>
Value* pixel_row(const Painting& painting, const Band& band, int left, Value* image, int row) {
  const int64_t line = band.scene * painting.height + band.top + row;
  return image + (line * painting.width + left) * painting.channels;
}

// Columns of a band where there is nothing.
inline void write_background(const Painting& painting, const BandPlan& plan, const Band& band,
                             int left, int right, float* image) {
  if (left == right) return;
  for (int row = 0; row < band.rows; ++row) {
    memcpy(pixel_row(painting, band, left, image, row), plan.empty_row.data(),
           sizeof(float) * (right - left) * painting.channels);
  }
}

// Calls body(value of the image, channel, column, row) for every pixel that a tile's layers reach.
template <int kChannels, class Value, class Body>
void over_channels(const Painting& painting, const Band& band, const Tile& tile, Value* image,
                   Body body) {
  for (int row = 0; row < band.rows; ++row) {
    Value* value = pixel_row(painting, band, tile.left + tile.first, image, row);
    for (int column = tile.first; column < tile.end; ++column) {
      for (int channel = 0; channel < kChannels; ++channel) body(*value++, channel, column, row);
    }
  }
}

template <class Value, class Body>
void over_pixels(const Painting& painting, const Band& band, const Tile& tile, Value* image,
                 Body body) {
  if (painting.channels == 3) {
    over_channels<3>(painting, band, tile, image, body);
  } else {
    over_channels<4>(painting, band, tile, image, body);
  }
}

// Calls body(unit, band, tile, painter) for all bands of all scenes. The tile is the body's to build.
template <class Body>
void over_bands(const Painting& painting, const BandPlan& plan, Body body) {
  Stretches units(painting.scenes * plan.bands, plan.threads);
#pragma omp parallel num_threads(plan.threads)
  {
    Band band;
    Tile tile;
    TilePainter painter(painting);
    units.each([&](int64_t unit) {
      band.build(painting, plan.bounds.data(), unit / plan.bands,
                 static_cast<int>(unit % plan.bands) * kTileRows);
      body(unit, band, tile, painter);
    });
  }
}

inline void paint(const Painting& painting, int64_t vertices, float* image, int threads) {
  const BandPlan plan = plan_bands(painting, vertices, threads);
  over_bands(painting, plan, [&](int64_t, Band& band, Tile& tile, TilePainter& painter) {
    int written = 0;  // columns
    for (int left = 0; left < painting.width; left += kTileColumns) {
      tile.build(painting, band, left, {false, false, false});
      if (tile.steps.empty()) continue;
      write_background(painting, plan, band, written, left + tile.first, image);
      written = left + tile.end;
      painter.paint(band, tile);
      const Canvas& canvas = painter.canvas();
      over_pixels(painting, band, tile, image,
                  [&](float& value, int channel, int column, int row) {
                    value = canvas.of[channel][column][row];
                  });
    }
    write_background(painting, plan, band, written, painting.width, image);
  });
}

struct PaintingGradient {
  float *vertices, *colours, *opacities, *geometry, *positions, *stop_colours, *group_opacities,
      *background;
  bool to_vertices, to_opacities, to_background;
};

inline void add_shares(const Painting& painting, const BandShares& shares,
                       const PaintingGradient& to) {
  for (const VertexShare& share : shares.vertices) {
    to.vertices[2 * share.vertex] += share.x;
    to.vertices[2 * share.vertex + 1] += share.y;
  }
  for (const LayerShare& share : shares.layers) {
    for (int channel = 0; channel < 3; ++channel) {
      to.colours[3 * share.layer + channel] += share.colour[channel];
    }
    to.opacities[share.layer] += share.opacity;
  }
  for (const GroupShare& share : shares.groups) to.group_opacities[share.group] += share.opacity;
  for (const GradientShare& share : shares.gradients) {
    const int64_t stop = painting.gradients.stops[share.gradient];
    for (int i = 0; i < kGeometry; ++i) {
      to.geometry[kGeometry * share.gradient + i] += share.geometry[i];
    }
    for (size_t i = 0; i < share.positions.size(); ++i) {
      to.positions[stop + i] += share.positions[i];
    }
    for (size_t i = 0; i < share.colours.size(); ++i) {
      to.stop_colours[4 * stop + i] += share.colours[i];
    }
  }
  for (int channel = 0; channel < 4; ++channel) to.background[channel] += shares.background[channel];
}

// All that `to` points at is zero.
inline void paint_backward(const Painting& painting, int64_t vertices, const float* gradient,
                           const PaintingGradient& to, int threads) {
  const BandPlan plan = plan_bands(painting, vertices, threads);
  std::vector<BandShares> shares(painting.scenes * plan.bands);
  over_bands(painting, plan, [&](int64_t unit, Band& band, Tile& tile, TilePainter& painter) {
    if (band.rows < kTileRows) painter.gradient() = Canvas{};
    for (int left = 0; left < painting.width; left += kTileColumns) {
      tile.build(painting, band, left, {to.to_opacities, to.to_vertices, to.to_background});
      if (tile.steps.empty() && !to.to_background) continue;
      Canvas& pixels = painter.gradient();
      over_pixels(painting, band, tile, gradient,
                  [&](const float& value, int channel, int column, int row) {
                    pixels.of[channel][column][row] = value;
                  });
      painter.paint_backward(band, tile, to.to_vertices, shares[unit]);
    }
    if (to.to_vertices) add_vertex_shares(band, shares[unit]);
  });
  for (const BandShares& share : shares) add_shares(painting, share, to);
}

}  // namespace curvox
