// The gradient of painted layers for CUDA, as block programs (portable.h): a block takes a tile,
// each of its threads one pixel.
//
// As on the CPU (paint_cpu.h): from the top down a block keeps what the layers above every step let
// through, and its winding number; then it paints the tile from the bottom up, and has at every
// step all that the gradient is made of. Nothing is divided by what may be zero. What is kept lies
// in global memory that a block uses again for its next tile. What a tile gives goes to lists, see
// paint_shares.h.
#pragma once

#include "paint_blocks.h"
#include "paint_shares.h"

namespace curvox {

constexpr int kKeptFloats = 2;    // of a step, for each pixel
constexpr int kCanvasFloats = 8;  // of an open group, for each pixel

// What a tile writes to each list: a row for every step, and one behind them for the background;
// two for every edge; those of colour gradients.
struct TileCounts {
  int64_t steps, edges, shades;
};

CURVOX_FN void count_shares(const PaintPlan& plan, int64_t index, bool to_vertices,
                            TileCounts* counts) {
  CURVOX_SHARED StepChoice steps;
  CURVOX_SHARED EdgeChoice choice;
  const Block<kTileThreads> block;
  const Painting& painting = plan.painting;
  const PaintTile tile = paint_tile(painting, index);
  TileCounts count{0, 0, 0};
  over_steps<false>(plan, tile, steps, [&](const PaintStep& step) {
    ++count.steps;
    if (step.layer >= 0 && to_vertices) {
      over_edges(plan, tile, step.layer, choice, passes,
                 [&](int64_t, int edges) { count.edges += edges; });
    }
    const int32_t gradient = step.kind == kDraw ? painting.gradient_ids[step.layer] : -1;
    if (gradient >= 0) {
      count.shades += kGeometryRows + GradientPaint(painting.gradients, gradient).stop_count;
    }
    return true;
  });
  block.each([&](int thread) {
    if (thread == 0) counts[index] = count;
  });
}

// What the backward pass of all tiles is given. Keys of steps: layers, then groups, then the
// background. Keys of shades: kGeometryRows for each gradient, then all stops.
struct PaintBackward {
  const float* gradient;      // of the images
  const TileCounts* offsets;  // [tiles + 1], sums of counts
  Shares steps, edges, shades;
  int64_t groups, gradients;
  bool to_vertices;
};

struct TileCanvas {
  float below[4], gradient[4];
};

struct BackwardMemory {
  StepChoice steps;
  float by_winding[kTileThreads];
  union {  // a step's pixels are summed before its edges are gone through
    EdgeChoice edges;
    StepSums pixels;
  };
};

// The backward pass of one tile, while it paints it from the bottom up.
class TileBackward {
 public:
  CURVOX_FN TileBackward(const PaintPlan& plan, const PaintBackward& to, int64_t index,
                         float* kept, float* stack, BackwardMemory& memory)
      : plan_(plan),
        painting_(plan.painting),
        to_(to),
        tile_(paint_tile(plan.painting, index)),
        kept_(kept),
        stack_(stack),
        memory_(memory),
        pixels_(memory.pixels),
        steps_(to.offsets[index + 1].steps - to.offsets[index].steps),
        // Every tile before this one has written a row for the background, too.
        step_place_(to.offsets[index].steps + index),
        edge_place_(to.offsets[index].edges),
        shade_place_(to.offsets[index].shades) {}

  CURVOX_FN void run() {
    const auto keep = [&](int thread, int64_t passed, float through, float winding) {
      const int64_t step = steps_ - 1 - passed;
      kept_at(kept_, step, kKeptFloats, 0, thread) = through;
      kept_at(kept_, step, kKeptFloats, 1, thread) = winding;
    };
    PerThread<Sight, kTileThreads> sights;
    look_down<false>(plan_, tile_, memory_.steps, memory_.edges, stack_, sights, keep);
    begin(sights);
    over_steps<false>(plan_, tile_, memory_.steps, [&](const PaintStep& step) {
      if (step.kind == kDraw) {
        draw(step);
      } else if (step.kind == kPush) {
        push();
      } else {
        pop(step);
      }
      ++step_;
      ++step_place_;
      return true;
    });
  }

 private:
  const Block<kTileThreads> block_{};
  const PaintPlan& plan_;
  const Painting& painting_;
  const PaintBackward& to_;
  const PaintTile tile_;
  float* kept_;
  float* stack_;
  BackwardMemory& memory_;
  StepSums& pixels_;
  const int64_t steps_;
  int64_t step_ = 0, step_place_, edge_place_, shade_place_;
  int depth_ = 0;
  PerThread<TileCanvas, kTileThreads> canvases_;

  CURVOX_FN float through(int thread) const {
    return kept_at(kept_, step_, kKeptFloats, 0, thread);
  }
  CURVOX_FN float winding(int thread) const {
    return kept_at(kept_, step_, kKeptFloats, 1, thread);
  }
  CURVOX_FN float& stacked(int field, int thread) {
    return kept_at(stack_, depth_, kCanvasFloats, field, thread);
  }

  // The background, whose row stands behind those of steps.
  CURVOX_FN void begin(PerThread<Sight, kTileThreads>& sights) {
    block_.each([&](int thread) {
      TileCanvas& canvas = canvases_[thread];
      const int64_t place = pixel_place(painting_, tile_, thread);
      for (int channel = 0; channel < 4; ++channel) {
        const bool given = place >= 0 && channel < painting_.channels;
        canvas.below[channel] = painting_.background[channel];
        canvas.gradient[channel] = given ? to_.gradient[place + channel] : 0;
        pixels_.rows[channel][thread] = sights[thread].through * canvas.gradient[channel];
      }
    });
    write_sums(pixels_, 4, to_.steps, kStepShare, step_place_ + steps_,
               painting_.layers + to_.groups);
  }

  CURVOX_FN void draw(const PaintStep& step) {
    const int32_t id = painting_.gradient_ids[step.layer];
    const float opacity = painting_.opacities[step.layer];
    block_.each([&](int thread) {
      TileCanvas& canvas = canvases_[thread];
      const float number = winding(thread), seen = through(thread);
      float rgba[4], by_rgba[4];
      layer_colour(painting_, step.layer, tile_.row(thread), tile_.column(thread), rgba);
      const float cover = covered(painting_, step, number), alpha = opacity * rgba[3] * cover;
      float by_alpha = canvas.gradient[3] * (1 - canvas.below[3]);
      for (int channel = 0; channel < 3; ++channel) {
        by_alpha += canvas.gradient[channel] * (rgba[channel] - canvas.below[channel]);
        by_rgba[channel] = seen * alpha * canvas.gradient[channel];
        canvas.below[channel] += alpha * (rgba[channel] - canvas.below[channel]);
      }
      canvas.below[3] += alpha * (1 - canvas.below[3]);
      by_alpha *= seen;
      by_rgba[3] = by_alpha * cover * opacity;
      memory_.by_winding[thread] =
          by_alpha * opacity * rgba[3] * coverage_slope(number, painting_.rules[step.layer]);
      pixels_.rows[3][thread] = by_alpha * cover * rgba[3];
      for (int channel = 0; channel < 3; ++channel) {
        pixels_.rows[channel][thread] = id < 0 ? by_rgba[channel] : 0;
      }
      if (id < 0) return;
      for (int channel = 0; channel < 4; ++channel) {
        pixels_.shades[thread].by_rgba[channel] = by_rgba[channel];
      }
    });
    write_sums(pixels_, kStepShare, to_.steps, kStepShare, step_place_, step.layer);
    if (id >= 0) shade(id);
    gather(step);
  }

  // A colour gradient's stops and geometry, by those of colours in pixels_.shades.
  CURVOX_FN void shade(int32_t id) {
    const GradientPaint paint(painting_.gradients, id);
    block_.each([&](int thread) {
      PixelShade& at = pixels_.shades[thread];
      const ShadeGradient gradient = shade_gradient(paint, tile_.column(thread) + 0.5f,
                                                    tile_.row(thread) + 0.5f, at.by_rgba);
      at.at = gradient.at;
      at.by_place = gradient.by_place;
      for (int i = 0; i < kGeometry; ++i) pixels_.rows[i][thread] = gradient.geometry[i];
    });
    write_sums(pixels_, kGeometry, to_.shades, kShadeShare, shade_place_, kGeometryRows * id);
    shade_place_ += kGeometryRows;
    write_stops(pixels_, paint.stop_count, to_.shades, shade_place_,
                kGeometryRows * to_.gradients + painting_.gradients.stops[id]);
    shade_place_ += paint.stop_count;
  }

  CURVOX_FN void gather(const PaintStep& step) {
    if (!to_.to_vertices) return;
    edge_place_ = gather_edges(plan_, tile_, step.layer, memory_.edges, memory_.by_winding,
                               to_.edges, edge_place_);
  }

  // The gradient of the group's own canvas: that of its colours, and that its alpha hides what is
  // below.
  CURVOX_FN void push() {
    block_.each([&](int thread) {
      TileCanvas& canvas = canvases_[thread];
      const float counts = through(thread);
      float hidden = 0;
      for (int channel = 0; channel < 4; ++channel) {
        stacked(channel, thread) = canvas.below[channel];
        stacked(4 + channel, thread) = canvas.gradient[channel];
        hidden += canvas.gradient[channel] * canvas.below[channel];
        canvas.below[channel] = 0;
        canvas.gradient[channel] *= counts;
      }
      canvas.gradient[3] -= counts * hidden;
    });
    ++depth_;
  }

  // The group's opacity and clip; then it is laid over what was there.
  CURVOX_FN void pop(const PaintStep& step) {
    --depth_;
    const float opacity = painting_.group_opacities[step.group];
    block_.each([&](int thread) {
      TileCanvas& canvas = canvases_[thread];
      const float number = winding(thread), cover = covered(painting_, step, number);
      const float share = opacity * cover, rest = 1 - share * canvas.below[3];
      const float alpha = canvas.below[3];
      float by_share = 0;
      for (int channel = 0; channel < 4; ++channel) {
        const float below = stacked(channel, thread), gradient = stacked(4 + channel, thread);
        by_share += gradient * (canvas.below[channel] - alpha * below);
        canvas.below[channel] = share * canvas.below[channel] + rest * below;
        canvas.gradient[channel] = gradient;
      }
      by_share *= through(thread);
      pixels_.rows[0][thread] = by_share * cover;
      for (int i = 1; i < kStepShare; ++i) pixels_.rows[i][thread] = 0;
      memory_.by_winding[thread] =
          step.layer < 0 ? 0
                         : opacity * by_share * coverage_slope(number, painting_.rules[step.layer]);
    });
    write_sums(pixels_, kStepShare, to_.steps, kStepShare, step_place_,
               painting_.layers + step.group);
    if (step.layer >= 0) gather(step);
  }
};

}  // namespace curvox
