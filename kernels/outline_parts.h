// Outlines of strokes in parts that run apart, for CUDA: a thread takes a segment, a stop of a
// journey or a sample, so that one long contour fills a GPU like many short ones do. Parts are
// counted before they are written, and every number is written by one thread.
//
// Where it is close whether two samples get one in between, or offsets run backwards, a compiler
// that rounds otherwise in another kernel decides otherwise. So no more is written or read than was
// counted, and what is missing repeats the last: on such a verge a point more or less hardly shows.
#pragma once

#include "outline.h"

namespace curvox {

// As many places of a list as items were counted for it. The last one is for the item added last.
template <class T>
struct Counted {
  T* list;
  int64_t count;
  T last;
  int64_t added;

  CURVOX_FN void add(const T& item) {
    last = item;
    if (added < count) list[added++] = item;
  }
  CURVOX_FN void finish() {
    if (count > 0) list[count - 1] = last;
    for (; added < count; ++added) list[added] = last;
  }
};

// Calls visit(weights) for the vertices that a segment shows, from begins[segment] on.
template <class Visit>
CURVOX_FN void visit_vertices(const Contours& task, const int64_t* begins, int64_t segment,
                              Visit visit) {
  const bool last = task.ends_contour(segment);
  const int64_t count = begins[segment + 1] - begins[segment];
  flatten_segment(static_cast<int>(last ? count - 1 : count), last, visit);
}

// Calls visit(sample) for the samples of a segment of any contour. Of a contour that stays where it
// is the first segment has one.
template <class Visit>
CURVOX_FN void stroke_segment(const Strokes& task, int64_t segment, Visit visit) {
  const int64_t c = task.path.contour_of(segment);
  const int64_t begin = task.path.contours[c], end = task.path.contours[c + 1];
  bool rests = true;
  sample_segment(task.path.cubic(segment), static_cast<int>(segment - begin), task.style(c),
                 [&](const StrokeSample& sample) {
                   rests = false;
                   visit(sample);
                 });
  if (!rests || segment > begin) return;
  CubicWeights along{};
  for (int64_t other = begin; rests && other < end; ++other) {
    rests = !tangent_weights(task.path.cubic(other), 0, &along);
  }
  if (rests) visit(resting_sample(task.path.cubic(begin)));
}

// All samples, segment after segment, and those of one contour.
struct StrokeSamples {
  const StrokeSample* samples;
  const int64_t* segment_samples;  // [S + 1] first sample of every segment

  CURVOX_FN int64_t first(const Strokes& task, int64_t contour) const {
    return segment_samples[task.path.contours[contour]];
  }
  CURVOX_FN int64_t contour_of(const Strokes& task, int64_t sample) const {
    return task.path.contour_of(list_of(segment_samples, 0, task.path.segment_count(), sample));
  }
  CURVOX_FN int count(const Strokes& task, int64_t contour) const {
    return static_cast<int>(first(task, contour + 1) - first(task, contour));
  }
};

CURVOX_FN bool closes(const Strokes& task, int64_t contour, int samples) {
  return task.closed[contour] != 0 && samples > 1;
}

template <class Sink>
CURVOX_FN Outline<Sink> outline_of(const Strokes& task, const StrokeSamples& all, int64_t contour,
                                   Sink& sink) {
  const int count = all.count(task, contour);
  return {all.samples + all.first(task, contour), count, closes(task, contour, count),
          task.style(contour), sink};
}

// Stops of all journeys are numbered in the order of the outlines: those of a contour there, then
// those back. So a contour with samples from `first` on has stops from 2 * first on.
template <class Sink>
CURVOX_FN void pass_stop(const Strokes& task, const StrokeSamples& all, int64_t stop, Sink& sink) {
  const int64_t c = all.contour_of(task, stop / 2);
  if (task.widths[c] == 0) return;
  const int64_t k = stop - 2 * all.first(task, c);
  const int count = all.count(task, c);
  const bool back = k >= count;
  outline_of(task, all, c, sink).pass(static_cast<int>(back ? k - count : k), back);
}

struct CountVertices {
  int64_t count;
  CURVOX_FN void vertex(int, int, Point, Point, Point, Point) { ++count; }
};

struct WriteVertices {
  float half_width;
  Counted<Point> list;
  CURVOX_FN void vertex(int, int, Point base, Point d, Point, Point) {
    list.add(base + half_width * d);
  }
};

// The two loops of a contour, from where the vertices of its stops begin. Behind the last contour
// it is where the last loop ends.
CURVOX_FN void stroke_loops(const Strokes& task, const StrokeSamples& all, int64_t contour,
                            const int64_t* stop_vertices, int64_t* offsets) {
  const int64_t first = all.first(task, contour);
  offsets[2 * contour] = stop_vertices[2 * first];
  if (contour == task.path.count) return;
  const int count = all.count(task, contour);
  const int64_t second = closes(task, contour, count) ? count : 2 * count;
  offsets[2 * contour + 1] = stop_vertices[2 * first + second];
}

// What the vertices of some stops give to one sample, and their gradient by half the width as far
// as they stand at it.
struct GatherGradients {
  int sample;
  float half_width;
  const Point* gradients;
  int64_t next, end;  // of the stop
  SampleGradient sum;
  float by_half_width;

  CURVOX_FN void vertex(int a, int b, Point, Point d, Point by_a, Point by_b) {
    if (next >= end) return;
    const Point gradient = gradients[next++];
    if (a == sample) {
      sum.point = sum.point + gradient;
      sum.angle += half_width * dot(gradient, by_a);
      by_half_width += dot(gradient, d);
    }
    if (b == sample) sum.angle += half_width * dot(gradient, by_b);
  }
};

// A sample has a part in the vertices of its own stop and of the one before, on both journeys.
CURVOX_FN GatherGradients gather_sample(const Strokes& task, const StrokeSamples& all,
                                        int64_t sample, const int64_t* stop_vertices,
                                        const Point* gradients) {
  const int64_t c = all.contour_of(task, sample), first = all.first(task, c);
  const int count = all.count(task, c), own = static_cast<int>(sample - first);
  GatherGradients gather{own, 0.5f * task.widths[c], gradients, 0, 0, {{0, 0}, 0}, 0};
  if (task.widths[c] == 0) return gather;
  Outline<GatherGradients> outline = outline_of(task, all, c, gather);
  for (const bool back : {false, true}) {
    const int here = back ? count - 1 - own : own;
    const int before = here > 0 ? here - 1 : outline.closed ? count - 1 : -1;
    for (const int k : {before, here}) {
      if (k < 0) continue;
      const int64_t* stop = stop_vertices + 2 * first + (back ? count : 0) + k;
      gather.next = stop[0];
      gather.end = stop[1];
      outline.pass(k, back);
    }
  }
  return gather;
}

// What all samples of a segment give to its control points.
CURVOX_FN void gather_segment(const Strokes& task, const StrokeSamples& all, int64_t segment,
                              const SampleGradient* gradients, Point* by_segments) {
  const Point* cubic = task.path.cubic(segment);
  Point sums[4] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
  for (int64_t i = all.segment_samples[segment]; i < all.segment_samples[segment + 1]; ++i) {
    add_sample_gradient(cubic, all.samples[i], gradients[i], sums);
  }
  for (int i = 0; i < 4; ++i) by_segments[4 * segment + i] = sums[i];
}

// What all samples of a contour give to its width, by half of it. All threads of a block do this
// together; `sums` is shared.
template <int THREADS>
CURVOX_FN void gather_width(const float* by_half_widths, int64_t samples, float* sums,
                            float* by_width) {
  const Block<THREADS> block;
  block.each([&](int thread) {
    float sum = 0;
    for (int64_t i = thread; i < samples; i += THREADS) sum += by_half_widths[i];
    sums[thread] = sum;
  });
  for (int half = THREADS / 2; half > 0; half /= 2) {
    block.each([&](int thread) {
      if (thread < half) sums[thread] += sums[thread + half];
    });
  }
  block.each([&](int thread) {
    if (thread == 0) *by_width = 0.5f * sums[0];
  });
}

}  // namespace curvox
