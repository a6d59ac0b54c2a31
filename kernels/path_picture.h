// Many paths of one kind, outlined and painted at once: what it takes to call the kernels of
// outlines and paintings one after the other is made here, and kept for the way back.
#pragma once

#include "outline_cpu.h"
#include "paint_bands_cpu.h"

namespace curvox {

// What all paths have in common.
struct PathKind {
  int64_t pictures, paths, segments;  // at least one; of all pictures; cubics of each path
  bool closed, stroked;
  uint8_t rule, cap, join;
  float miter_limit, tolerance;
  int height, width, channels;  // of a picture

  // Neighbouring segments share their ends.
  int64_t points() const { return 3 * segments + (closed ? 0 : 1); }
};

class PathPicture {
 public:
  // `widths` are read where paths are stroked, `background` [3] where there are three channels.
  PathPicture(const PathKind& kind, const Point* points, const float* widths, const float* colours,
              const float* opacities, const float* background, int threads)
      : kind_(kind),
        widths_(widths, widths + (kind.stroked ? kind.paths : 0)),
        colours_(colours, colours + 3 * kind.paths),
        opacities_(opacities, opacities + kind.paths) {
    if (kind.channels == 3) {
      for (int channel = 0; channel < 3; ++channel) background_[channel] = background[channel];
      background_[3] = 1;
    }
    spread_settings();
    take_segments(points);
    outline(threads);
    layers_of_loops();
  }

  // The coordinates of the outlines, two a vertex.
  int64_t vertices() const { return static_cast<int64_t>(vertices_.size()); }
  const float* coordinates() const { return reinterpret_cast<const float*>(vertices_.data()); }

  void paint(float* image, int threads) const {
    curvox::paint(painting(), vertices(), image, threads);
  }

  // Adds to what its arguments point at; of the widths only where paths are stroked. Without
  // `to_shapes` points and widths are left alone.
  void paint_backward(const float* gradient, Point* by_points, float* by_widths, float* by_colours,
                      float* by_opacities, float* by_background, bool to_shapes, bool to_opacities,
                      bool to_background, int threads) const {
    std::vector<Point> by_vertices(vertices_.size());
    PaintingGradient to{};
    to.vertices = reinterpret_cast<float*>(by_vertices.data());
    to.colours = by_colours, to.opacities = by_opacities, to.background = by_background;
    to.to_vertices = to_shapes, to.to_opacities = to_opacities, to.to_background = to_background;
    curvox::paint_backward(painting(), vertices(), gradient, to, threads);
    if (!to_shapes) return;
    std::vector<Point> by_segments(segments_.size());
    if (kind_.stroked) {
      stroke_backward(strokes(), offsets_.data(), by_vertices.data(), by_segments.data(),
                      by_widths, threads);
    } else {
      flatten_backward(contours(), tolerances_.data(), offsets_.data(), by_vertices.data(),
                       by_segments.data(), threads);
    }
    each_point([&](int64_t in_segments, int64_t point) {
      by_points[point] = by_points[point] + by_segments[in_segments];
    });
  }

 private:
  PathKind kind_;
  std::vector<Point> segments_, vertices_;
  std::vector<int64_t> contours_, offsets_, loops_, layer_loops_, scene_steps_;
  std::vector<float> widths_, miter_limits_, tolerances_, colours_, opacities_;
  std::vector<uint8_t> closed_, caps_, joins_, rules_;
  std::vector<int32_t> gradient_ids_, steps_;
  float background_[4] = {};

  void spread_settings() {
    const int64_t count = kind_.paths;
    contours_.resize(count + 1);
    for (int64_t path = 0; path <= count; ++path) contours_[path] = path * kind_.segments;
    tolerances_.assign(count, kind_.tolerance);
    rules_.assign(count, kind_.stroked ? uint8_t{kNonzero} : kind_.rule);
    gradient_ids_.assign(count, -1);
    if (kind_.stroked) {
      miter_limits_.assign(count, kind_.miter_limit);
      closed_.assign(count, kind_.closed);
      caps_.assign(count, kind_.cap);
      joins_.assign(count, kind_.join);
    }
    steps_.resize(3 * count);
    for (int64_t path = 0; path < count; ++path) {
      steps_[3 * path] = kDraw;
      steps_[3 * path + 1] = static_cast<int32_t>(path);
      steps_[3 * path + 2] = -1;
    }
    scene_steps_.resize(kind_.pictures + 1);
    for (int64_t scene = 0; scene <= kind_.pictures; ++scene) {
      scene_steps_[scene] = scene * (count / kind_.pictures);
    }
  }

  // Calls visit(control point of the segments, point of the paths) for all of the former.
  template <class Visit>
  void each_point(Visit visit) const {
    const int64_t points = kind_.points();
    int64_t in_segments = 0;
    for (int64_t path = 0; path < kind_.paths; ++path) {
      for (int64_t segment = 0; segment < kind_.segments; ++segment) {
        for (int64_t i = 3 * segment; i < 3 * segment + 4; ++i) {
          visit(in_segments++, path * points + (i == points ? 0 : i));
        }
      }
    }
  }

  void take_segments(const Point* points) {
    segments_.resize(4 * kind_.paths * kind_.segments);
    each_point([&](int64_t in_segments, int64_t point) { segments_[in_segments] = points[point]; });
  }

  void outline(int threads) {
    if (kind_.stroked) {
      const Outlines outlines(strokes(), threads);
      offsets_.resize(outlines.offsets.size());
      vertices_.resize(outlines.offsets.back());
      outlines.copy(offsets_.data(), vertices_.data());
    } else {
      offsets_.resize(kind_.paths + 1);
      flatten_counts(contours(), tolerances_.data(), offsets_.data(), threads);
      vertices_.resize(offsets_.back());
      flatten(contours(), tolerances_.data(), offsets_.data(), vertices_.data(), threads);
    }
  }

  void layers_of_loops() {
    const int64_t each = kind_.stroked ? 2 : 1;
    loops_.resize(2 * each * kind_.paths);
    for (int64_t loop = 0; loop < each * kind_.paths; ++loop) {
      loops_[2 * loop] = offsets_[loop], loops_[2 * loop + 1] = offsets_[loop + 1];
    }
    layer_loops_.resize(kind_.paths + 1);
    for (int64_t path = 0; path <= kind_.paths; ++path) layer_loops_[path] = each * path;
  }

  Contours contours() const { return {segments_.data(), contours_.data(), kind_.paths}; }

  Strokes strokes() const {
    return {contours(),   closed_.data(),       widths_.data(),    caps_.data(),
            joins_.data(), miter_limits_.data(), tolerances_.data()};
  }

  Painting painting() const {
    Painting painting{};
    painting.vertices = coordinates();
    painting.loops = loops_.data();
    painting.layer_loops = layer_loops_.data();
    painting.rules = rules_.data();
    painting.colours = colours_.data();
    painting.opacities = opacities_.data();
    painting.gradient_ids = gradient_ids_.data();
    painting.steps = steps_.data();
    painting.scene_steps = scene_steps_.data();
    painting.background = background_;
    painting.layers = kind_.paths;
    painting.scenes = kind_.pictures;
    painting.height = kind_.height;
    painting.width = kind_.width;
    painting.channels = kind_.channels;
    return painting;
  }
};

}  // namespace curvox
