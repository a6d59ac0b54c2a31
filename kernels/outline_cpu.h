// Curves turned into polygons on the CPU: what is filled, and the outlines of what is stroked.
#pragma once

#include <cstring>
#include <vector>

#include "outline.h"
#include "shares.h"

namespace curvox {

// Calls body(contour) for every contour; a segment costs some nanoseconds.
template <class Body>
void each_contour(const Contours& task, int threads, int64_t cost, Body body) {
  in_shares(task.count, 32, task.segment_count() * cost, threads, [&](int64_t begin, int64_t end) {
    for (int64_t contour = begin; contour < end; ++contour) body(contour);
  });
}

inline void to_offsets(int64_t* counts, int64_t count) {  // counts[1..count] become running sums
  counts[0] = 0;
  for (int64_t i = 0; i < count; ++i) counts[i + 1] += counts[i];
}

// ---- Filled: the chords of every segment, and the end of the last one.

inline void flatten_counts(const Contours& task, const float* tolerances, int64_t* offsets,
                           int threads) {
  each_contour(task, threads, 20, [&](int64_t c) {
    int64_t vertices = task.contours[c] < task.contours[c + 1] ? 1 : 0;
    for (int64_t s = task.contours[c]; s < task.contours[c + 1]; ++s) {
      vertices += chords(task.cubic(s), tolerances[c]);
    }
    offsets[c + 1] = vertices;
  });
  to_offsets(offsets, task.count);
}

// Calls visit(segment, weights, vertex) for all vertices of a contour.
template <class Visit>
void flatten_contour(const Contours& task, float tolerance, int64_t c, int64_t vertex,
                     Visit visit) {
  const int64_t end = task.contours[c + 1];
  for (int64_t s = task.contours[c]; s < end; ++s) {
    flatten_segment(chords(task.cubic(s), tolerance), s + 1 == end,
                    [&](const CubicWeights& weights) { visit(s, weights, vertex++); });
  }
}

inline void flatten(const Contours& task, const float* tolerances, const int64_t* offsets,
                    Point* vertices, int threads) {
  each_contour(task, threads, 60, [&](int64_t c) {
    flatten_contour(task, tolerances[c], c, offsets[c],
                    [&](int64_t segment, const CubicWeights& weights, int64_t vertex) {
                      vertices[vertex] = weighted(task.cubic(segment), weights);
                    });
  });
}

inline void flatten_backward(const Contours& task, const float* tolerances, const int64_t* offsets,
                             const Point* gradient, Point* by_segments, int threads) {
  each_contour(task, threads, 80, [&](int64_t c) {
    flatten_contour(task, tolerances[c], c, offsets[c],
                    [&](int64_t segment, const CubicWeights& weights, int64_t vertex) {
                      for (int i = 0; i < 4; ++i) {
                        Point& sum = by_segments[4 * segment + i];
                        sum = sum + weights.of[i] * gradient[vertex];
                      }
                    });
  });
}

// ---- Stroked.

inline void sample_stroke(const Strokes& task, int64_t c, std::vector<StrokeSample>& samples) {
  samples.clear();
  const StrokeStyle style = task.style(c);
  const int64_t begin = task.path.contours[c], end = task.path.contours[c + 1];
  for (int64_t s = begin; s < end; ++s) {
    sample_segment(task.path.cubic(s), static_cast<int>(s - begin), style,
                   [&](const StrokeSample& sample) { samples.push_back(sample); });
  }
  if (samples.empty() && begin < end) samples.push_back(resting_sample(task.path.cubic(begin)));
}

template <class Sink>
void trace_stroke(const Strokes& task, int64_t c, const std::vector<StrokeSample>& samples,
                  Sink& sink) {
  if (samples.empty() || task.widths[c] == 0) return;
  const bool closed = task.closed[c] != 0 && samples.size() > 1;
  Outline<Sink>{samples.data(), static_cast<int>(samples.size()), closed, task.style(c), sink}
      .trace();
}

struct CollectVertices {
  float half_width;
  std::vector<Point>& to;
  int64_t* counts;  // of the contour's two loops
  int64_t before = static_cast<int64_t>(to.size());
  void vertex(int, int, Point base, Point d, Point, Point) { to.push_back(base + half_width * d); }
  void end_loop() {
    const int64_t now = static_cast<int64_t>(to.size());
    *counts++ = now - before;
    before = now;
  }
};

struct CarryGradients {
  float half_width;
  const Point* from;
  SampleGradient* samples;
  float by_half_width = 0;
  void vertex(int a, int b, Point, Point d, Point by_a, Point by_b) {
    const Point gradient = *from++;
    samples[a].point = samples[a].point + gradient;
    samples[a].angle += half_width * dot(gradient, by_a);
    samples[b].angle += half_width * dot(gradient, by_b);
    by_half_width += dot(gradient, d);
  }
  void end_loop() {}
};

// Outlines, until the caller has memory for them.
struct Outlines {
  static constexpr int64_t kShare = 32;
  std::vector<std::vector<Point>> shares;  // of kShare contours each
  std::vector<int64_t> offsets;            // [2 C + 1]

  Outlines(const Strokes& task, int threads)
      : shares((task.path.count + kShare - 1) / kShare), offsets(2 * task.path.count + 1) {
    const int64_t work = task.path.segment_count() * 400;
    in_shares(task.path.count, kShare, work, threads, [&](int64_t begin, int64_t end) {
      std::vector<StrokeSample> samples;
      std::vector<Point>& vertices = shares[begin / kShare];
      for (int64_t c = begin; c < end; ++c) {
        CollectVertices collect{0.5f * task.widths[c], vertices, &offsets[2 * c + 1]};
        sample_stroke(task, c, samples);
        trace_stroke(task, c, samples, collect);
      }
    });
    to_offsets(offsets.data(), 2 * task.path.count);
  }

  void copy(int64_t* to_offsets, Point* vertices) const {
    memcpy(to_offsets, offsets.data(), offsets.size() * sizeof(int64_t));
    for (const std::vector<Point>& share : shares) {
      if (!share.empty()) memcpy(vertices, share.data(), share.size() * sizeof(Point));
      vertices += share.size();
    }
  }
};

inline void stroke_backward(const Strokes& task, const int64_t* offsets, const Point* gradient,
                            Point* by_segments, float* by_widths, int threads) {
  each_contour(task.path, threads, 600, [&](int64_t c) {
    std::vector<StrokeSample> samples;
    sample_stroke(task, c, samples);
    std::vector<SampleGradient> gradients(samples.size());
    CarryGradients carry{0.5f * task.widths[c], gradient + offsets[2 * c], gradients.data()};
    trace_stroke(task, c, samples, carry);
    by_widths[c] = 0.5f * carry.by_half_width;
    for (size_t k = 0; k < samples.size(); ++k) {
      const int64_t segment = task.path.contours[c] + samples[k].segment;
      add_sample_gradient(task.path.cubic(segment), samples[k], gradients[k],
                          by_segments + 4 * segment);
    }
  });
}

}  // namespace curvox
