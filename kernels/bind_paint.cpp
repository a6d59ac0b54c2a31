// The painting of layers, on the CPU.
#include "bind_checks.h"
#include <nanobind/stl/array.h>

#include <array>

#include "paint_cpu.h"
#include "shares.h"

namespace curvox {
namespace {

// Below this many pixels and edges one thread is faster than waking a second one.
constexpr int64_t kParallelPaint = 40000;

// How much there is of what a painting points at.
struct Sizes {
  int64_t vertices, loops, layers, gradients, stops, steps, scenes, groups;
};

void check_steps(const Painting& painting, const Sizes& sizes) {
  const auto fail = [](int64_t step, const std::string& what) {
    throw std::invalid_argument("step " + std::to_string(step) + " " + what);
  };
  for (int64_t scene = 0; scene < sizes.scenes; ++scene) {
    int depth = 0;
    for (int64_t s = painting.scene_steps[scene]; s < painting.scene_steps[scene + 1]; ++s) {
      const int32_t* step = painting.steps + 3 * s;
      if (step[0] < kDraw || step[0] > kPop) fail(s, "is none of draw, push and pop");
      if (step[0] == kDraw && (step[1] < 0 || step[1] >= sizes.layers)) {
        fail(s, "draws a layer that is not there");
      }
      if (step[0] == kPush) ++depth;
      if (step[0] != kPop) continue;
      if (step[1] < 0 || step[1] >= sizes.groups || step[2] < -1 || step[2] >= sizes.layers) {
        fail(s, "ends a group or clips by a layer that is not there");
      }
      if (--depth < 0) fail(s, "ends a group that was not begun");
    }
    if (depth != 0) fail(painting.scene_steps[scene + 1], "ends a scene within a group");
  }
}

void check_painting(const Painting& painting, const Sizes& sizes) {
  constexpr float far = 1 << 24;
  check_values(painting.vertices, 2 * sizes.vertices, 2, -far, far, "coordinate", "vertex");
  for (int64_t loop = 0; loop < sizes.loops; ++loop) {
    const int64_t begin = painting.loops[2 * loop], end = painting.loops[2 * loop + 1];
    if (begin < 0 || end < begin || end > sizes.vertices) {
      throw std::invalid_argument("loop " + std::to_string(loop) + " leaves the list of vertices");
    }
  }
  check_ranges(painting.layer_loops, sizes.layers, sizes.loops, "layer_loops");
  check_codes(painting.rules, sizes.layers, kEvenOdd, "rule", "layer");
  check_values(painting.colours, 3 * sizes.layers, 3, -far, far, "colour", "layer");
  check_values(painting.opacities, sizes.layers, 1, 0, 1, "opacity", "layer");
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    if (painting.gradient_ids[layer] < -1 || painting.gradient_ids[layer] >= sizes.gradients) {
      throw std::invalid_argument("layer " + std::to_string(layer) +
                                  " has a gradient that is not there");
    }
  }
  const GradientTable& gradients = painting.gradients;
  check_values(gradients.geometry, kGeometry * sizes.gradients, kGeometry, -far, far, "geometry",
               "gradient");
  check_codes(gradients.spreads, sizes.gradients, kRepeat, "spread", "gradient");
  check_ranges(gradients.stops, sizes.gradients, sizes.stops, "stops", 1);
  check_values(gradients.positions, sizes.stops, 1, 0, 1, "position", "stop");
  check_values(gradients.colours, 4 * sizes.stops, 4, -far, far, "colour", "stop");
  check_ranges(painting.scene_steps, sizes.scenes, sizes.steps, "scene_steps");
  check_values(painting.group_opacities, sizes.groups, 1, 0, 1, "opacity", "group");
  check_values(painting.background, 4, 4, -far, far, "colour", "background");
  check_steps(painting, sizes);
}

struct Plan {
  std::vector<Region> bounds;
  std::vector<float> empty_row;  // of the image: nothing but background
  int bands;                     // of a scene
  bool parallel;
};

Plan make_plan(const Painting& painting, int64_t vertices, int threads) {
  Plan plan;
  plan.bounds.resize(painting.layers);
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
  plan.parallel = threads > 1 && work >= kParallelPaint;
  return plan;
}

template <class Value>
Value* pixel_row(const Painting& painting, const Band& band, int left, Value* image, int row) {
  const int64_t line = band.scene * painting.height + band.top + row;
  return image + (line * painting.width + left) * painting.channels;
}

// Columns of a band where there is nothing.
void write_background(const Painting& painting, const Plan& plan, const Band& band, int left,
                      int right, float* image) {
  if (left == right) return;
  for (int row = 0; row < band.rows; ++row) {
    memcpy(pixel_row(painting, band, left, image, row), plan.empty_row.data(),
           sizeof(float) * (right - left) * painting.channels);
  }
}

// Calls body(value of the image, channel, column, row) for every pixel of a tile.
template <int kChannels, class Value, class Body>
void over_channels(const Painting& painting, const Band& band, const Tile& tile, Value* image,
                   Body body) {
  for (int row = 0; row < band.rows; ++row) {
    Value* value = pixel_row(painting, band, tile.left, image, row);
    for (int column = 0; column < tile.columns; ++column) {
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

void paint(const Painting& painting, int64_t vertices, float* image, int threads) {
  const Plan plan = make_plan(painting, vertices, threads);
  const int64_t units = painting.scenes * plan.bands;
#pragma omp parallel num_threads(threads) if (plan.parallel)
  {
    Band band;
    Tile tile;
    TilePainter painter(painting);
#pragma omp for schedule(dynamic, 1)
    for (int64_t unit = 0; unit < units; ++unit) {
      band.build(painting, plan.bounds.data(), unit / plan.bands,
                 static_cast<int>(unit % plan.bands) * kTileRows);
      int written = 0;  // columns
      for (int left = 0; left < painting.width; left += kTileColumns) {
        tile.build(painting, band, left, {false, false});
        if (tile.steps.empty()) continue;
        write_background(painting, plan, band, written, left, image);
        written = left + tile.columns;
        painter.paint(band, tile);
        const Canvas& canvas = painter.canvas();
        over_pixels(painting, band, tile, image,
                    [&](float& value, int channel, int column, int row) {
                      value = canvas.of[channel][column][row];
                    });
      }
      write_background(painting, plan, band, written, painting.width, image);
    }
  }
}

struct PaintingGradient {
  float *vertices, *colours, *opacities, *geometry, *positions, *stop_colours, *group_opacities,
      *background;
  bool to_vertices, to_opacities, to_background;
};

void add_shares(const Painting& painting, const BandShares& shares, const PaintingGradient& to) {
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
void paint_backward(const Painting& painting, int64_t vertices, const float* gradient,
                    const PaintingGradient& to, int threads) {
  const Plan plan = make_plan(painting, vertices, threads);
  const int64_t units = painting.scenes * plan.bands;
  std::vector<BandShares> shares(units);
#pragma omp parallel num_threads(threads) if (plan.parallel)
  {
    Band band;
    Tile tile;
    Canvas pixels{};  // a channel that the image does not have stays zero
    TilePainter painter(painting);
#pragma omp for schedule(dynamic, 1)
    for (int64_t unit = 0; unit < units; ++unit) {
      band.build(painting, plan.bounds.data(), unit / plan.bands,
                 static_cast<int>(unit % plan.bands) * kTileRows);
      if (band.rows < kTileRows) pixels = Canvas{};  // and so do rows
      for (int left = 0; left < painting.width; left += kTileColumns) {
        tile.build(painting, band, left, {to.to_opacities, to.to_vertices});
        if (tile.steps.empty() && !to.to_background) continue;
        over_pixels(painting, band, tile, gradient,
                    [&](const float& value, int channel, int column, int row) {
                      pixels.of[channel][column][row] = value;
                    });
        painter.paint_backward(band, tile, pixels, to.to_vertices, shares[unit]);
      }
      if (to.to_vertices) add_vertex_shares(band, shares[unit]);
    }
  }
  for (const BandShares& share : shares) add_shares(painting, share, to);
}

}  // namespace

void bind_paint(nb::module_& module) {
  nb::class_<Painting>(module, "Painting")
      .def("__init__",
           [](Painting* painting, uintptr_t vertices, uintptr_t loops, uintptr_t layer_loops,
              uintptr_t rules, uintptr_t colours, uintptr_t opacities, uintptr_t gradient_ids,
              uintptr_t radial, uintptr_t geometry, uintptr_t spreads, uintptr_t stops,
              uintptr_t positions, uintptr_t stop_colours, uintptr_t steps, uintptr_t scene_steps,
              uintptr_t group_opacities, uintptr_t background,
              const std::array<int64_t, 8>& counts, int height, int width, int channels) {
             const Sizes sizes{counts[0], counts[1], counts[2], counts[3],
                               counts[4], counts[5], counts[6] - 1, counts[7]};
             new (painting) Painting{
                 at<const float>(vertices),        at<const int64_t>(loops),
                 at<const int64_t>(layer_loops),   at<const uint8_t>(rules),
                 at<const float>(colours),         at<const float>(opacities),
                 at<const int32_t>(gradient_ids),
                 {at<const uint8_t>(radial), at<const float>(geometry), at<const uint8_t>(spreads),
                  at<const int64_t>(stops), at<const float>(positions),
                  at<const float>(stop_colours)},
                 at<const int32_t>(steps),         at<const int64_t>(scene_steps),
                 at<const float>(group_opacities), at<const float>(background),
                 sizes.layers,                     sizes.scenes,
                 height,                           width,
                 channels};
             check_painting(*painting, sizes);
           })
      .def("paint",
           [](const Painting& painting, int64_t vertices, uintptr_t image, int threads) {
             nb::gil_scoped_release release;
             paint(painting, vertices, at<float>(image), threads);
           })
      .def("paint_backward", [](const Painting& painting, int64_t vertices, uintptr_t gradient,
                                uintptr_t by_vertices, uintptr_t by_colours,
                                uintptr_t by_opacities, uintptr_t by_geometry,
                                uintptr_t by_positions, uintptr_t by_stop_colours,
                                uintptr_t by_group_opacities, uintptr_t by_background,
                                bool to_vertices, bool to_opacities, bool to_background,
                                int threads) {
        nb::gil_scoped_release release;
        paint_backward(painting, vertices, at<const float>(gradient),
                       {at<float>(by_vertices), at<float>(by_colours), at<float>(by_opacities),
                        at<float>(by_geometry), at<float>(by_positions),
                        at<float>(by_stop_colours), at<float>(by_group_opacities),
                        at<float>(by_background), to_vertices, to_opacities, to_background},
                       threads);
      });
}

}  // namespace curvox
