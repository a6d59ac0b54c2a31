// The gradient of painted layers for CUDA, as block programs (portable.h): a block takes a tile,
// each of its threads a few neighbouring pixels.
//
// As on the CPU (paint_cpu.h): from the top down a block keeps what the layers above every step let
// through, and its winding number; then it paints the tile from the bottom up, and has at every
// step all that the gradient is made of. Nothing is divided by what may be zero. What is kept lies
// in global memory that a block uses again for its next tile. What a tile gives goes to a list, see
// paint_shares.h.
#pragma once

#include "paint_blocks.h"
#include "paint_shares.h"

namespace curvox {

constexpr int kKeptFloats = 2;    // of a step, for each pixel
constexpr int kCanvasFloats = 8;  // of an open group, for each pixel

// Of which inputs, beside all others, gradients are asked for.
struct Needed {
  bool vertices, opacities, background;
};

// How many steps a tile has, and how many pairs of numbers it writes to the list: for its steps,
// their edges, the background.
CURVOX_FN void count_shares(const PaintPlan& plan, int64_t index, const Needed& needed,
                            int64_t* pairs, int32_t* tile_steps) {
  CURVOX_SHARED StepChoice steps;
  CURVOX_SHARED EdgeChoice choice;
  const Painting& painting = plan.painting;
  const PaintTile tile = paint_tile(plan, index);
  int64_t count = needed.background ? kBackgroundPairs : 0;
  int32_t passed = 0;
  over_steps<false>(plan, tile, steps, [&](const PlannedStep& step) {
    ++passed;
    if (step.kind != kPush) count += step.kind == kDraw ? kLayerPairs : kGroupPairs;
    if (step.layer >= 0 && needed.vertices) {
      over_edges(plan, tile, step, choice, passes,
                 [&](int64_t, int edges) { count += 2 * edges; });
    }
    if (step.gradient >= 0) {
      const int stops = GradientPaint(painting.gradients, step.gradient).stop_count;
      count += kGeometryPairs + kStopPairs * stops;
    }
    return true;
  });
  Block<kPaintThreads>{}.each([&](int thread) {
    if (thread > 0) return;
    pairs[index] = count;
    tile_steps[index] = passed;
  });
}

constexpr int kPlaceThreads = 1024;

// The greatest of some numbers that are not negative, by all threads of a block; `most` is shared.
template <int THREADS>
CURVOX_FN void find_most(const int32_t* numbers, int64_t count, int32_t* most) {
  const Block<THREADS> block;
  block.each([&](int thread) {
    most[thread] = 0;
    for (int64_t i = thread; i < count; i += THREADS) {
      most[thread] = larger(most[thread], numbers[i]);
    }
  });
  for (int half = THREADS / 2; half > 0; half /= 2) {
    block.each([&](int thread) {
      if (thread < half) most[thread] = larger(most[thread], most[thread + half]);
    });
  }
}

// One block: where each tile's pairs begin, in place of how many there are. Behind them the numbers
// that the host waits for: how many pairs there are, the most steps of a tile, how deep groups lie
// in each other.
CURVOX_FN void place_shares(int64_t tiles, int64_t* pairs, const int32_t* tile_steps,
                            int64_t scenes, const int32_t* depths) {
  CURVOX_SHARED RunSums<kPlaceThreads> sums;
  CURVOX_SHARED int32_t most_steps[kPlaceThreads], most_depth[kPlaceThreads];
  sum_before<kPlaceThreads>(
      tiles + 1, sums, [&](int64_t tile) { return tile < tiles ? pairs[tile] : 0; },
      [&](int64_t tile, int64_t sum) { pairs[tile] = sum; });
  find_most<kPlaceThreads>(tile_steps, tiles, most_steps);
  find_most<kPlaceThreads>(depths, depths == nullptr ? 0 : scenes, most_depth);
  Block<kPlaceThreads>{}.each([&](int thread) {
    if (thread > 0) return;
    pairs[tiles + 1] = most_steps[0];
    pairs[tiles + 2] = most_depth[0];
  });
}

// What the backward pass of all tiles is given.
struct PaintBackward {
  const float* gradient;      // of the images
  const int64_t* places;      // [tiles] in the list
  const int32_t* tile_steps;  // [tiles]
  Shares shares;
  PaintKeys keys;
  Needed needed;
};

struct TileCanvas {
  Pixels below[4], gradient[4];
};

// What sums over a tile's pixels are made of.
struct PixelShade {
  Between at;
  float by_place;
};

struct StepSums {
  float rows[kGeometry][kPaintThreads];
  PixelShade shades[kPaintThreads][kPixels];
};

struct BackwardMemory {
  PaintMemory paint;
  alignas(16) float by_winding[kTilePixels];
  StepSums pixels;
};

// The backward pass of one tile, while it paints it from the bottom up.
class TileBackward {
 public:
  CURVOX_FN TileBackward(const PaintPlan& plan, const PaintBackward& to, int64_t index,
                         Pixels* kept, Pixels* stack, BackwardMemory& memory)
      : plan_(plan),
        painting_(plan.painting),
        to_(to),
        tile_(paint_tile(plan, index)),
        kept_(kept),
        stack_(stack),
        memory_(memory),
        pixels_(memory.pixels),
        place_(to.places[index]),
        step_(to.tile_steps[index]) {}

  CURVOX_FN void run() {
    const auto keep = [&](int thread, int passed, const Pixels& through, const Pixels& winding) {
      kept_at(kept_, passed, kKeptFloats, 0, thread) = through;
      kept_at(kept_, passed, kKeptFloats, 1, thread) = winding;
    };
    // What is hidden has no gradient, but that of the opacity which hides it needs its colour; and
    // at a full pixel the even-odd rule folds.
    const auto may_hide = [&](const PlannedStep& step) {
      return !to_.needed.opacities && step.rule == kNonzero;
    };
    PerThread<Sight, kPaintThreads> sights;
    const int seen = look_down(plan_, tile_, memory_.paint, stack_, sights, may_hide, keep);
    begin(sights);
    over_steps<false>(plan_, tile_, memory_.paint.steps, [&](const PlannedStep& step) {
      --step_;
      if (step_ >= seen) return true;
      if (step.kind == kPush) {
        push();
        return true;
      }
      const bool draws = step.kind == kDraw;
      draws ? draw(step) : pop(step);
      write(draws ? 4 : 1, draws ? to_.keys.layer(step.layer) : to_.keys.group(step.group));
      if (step.gradient >= 0) shade(step.gradient);
      if (!to_.needed.vertices || step.layer < 0) return true;
      place_ = gather_edges(plan_, tile_, step, memory_.paint.edges, memory_.by_winding,
                            to_.shares, place_);
      return true;
    });
  }

 private:
  const Block<kPaintThreads> block_{};
  const PaintPlan& plan_;
  const Painting& painting_;
  const PaintBackward& to_;
  const PaintTile tile_;
  Pixels* kept_;
  Pixels* stack_;
  BackwardMemory& memory_;
  StepSums& pixels_;
  int64_t place_;  // in the list
  int step_;       // how many steps of the tile lie above
  int depth_ = 0;
  PerThread<TileCanvas, kPaintThreads> canvases_;

  CURVOX_FN Pixels through(int thread) const {
    return kept_at(kept_, step_, kKeptFloats, 0, thread);
  }
  CURVOX_FN Pixels winding(int thread) const {
    return kept_at(kept_, step_, kKeptFloats, 1, thread);
  }
  CURVOX_FN Pixels& stacked(int field, int thread) {
    return kept_at(stack_, depth_, kCanvasFloats, field, thread);
  }
  CURVOX_FN void write(int count, int64_t key) {
    place_ = write_sums<kPaintThreads>(pixels_.rows, count, to_.shares, place_, key);
  }

  // The canvas before all steps, and what is asked of it.
  CURVOX_FN void begin(PerThread<Sight, kPaintThreads>& sights) {
    TileImage& image = memory_.paint.image;
    block_.each([&](int thread) {
      for (int channel = 0; channel < 4; ++channel) {
        canvases_[thread].below[channel] = all_pixels(painting_.background[channel]);
        each_pixel([&](int i) { image.of[channel][kPixels * thread + i] = 0; });
      }
    });
    over_image(painting_, tile_, [&](int channel, int pixel, int64_t place) {
      image.of[channel][pixel] = to_.gradient[place];
    });
    block_.each([&](int thread) {
      for (int channel = 0; channel < 4; ++channel) {
        each_pixel([&](int i) {
          canvases_[thread].gradient[channel].of[i] = image.of[channel][kPixels * thread + i];
        });
      }
    });
    if (!to_.needed.background) return;
    block_.each([&](int thread) {
      const Pixels& through = sights[thread].through;
      for (int channel = 0; channel < 4; ++channel) {
        float sum = 0;
        each_pixel([&](int i) {
          sum += through.of[i] * canvases_[thread].gradient[channel].of[i];
        });
        pixels_.rows[channel][thread] = sum;
      }
    });
    write(4, to_.keys.background());
  }

  // What a layer gives to its colour and opacity is left in pixels_.rows; what to its winding
  // numbers in memory_.by_winding; what to its gradient's colours in the image.
  CURVOX_FN void draw(const PlannedStep& step) {
    const bool shaded = step.gradient >= 0;
    block_.each([&](int thread) {
      TileCanvas& canvas = canvases_[thread];
      const Pixels number = winding(thread), seen = through(thread);
      TileImage& image = memory_.paint.image;
      const LayerColours colours(painting_, step, tile_, thread, image);
      float sums[4] = {0, 0, 0, 0};
      each_pixel([&](int i) {
        float rgba[4];
        colours.get(i, rgba);
        const float cover = covered(step, number.of[i]), full = step.opacity * rgba[3];
        const float alpha = full * cover, weight = seen.of[i] * alpha;
        float by_rgba[4], by_alpha = canvas.gradient[3].of[i] * (1 - canvas.below[3].of[i]);
        for (int channel = 0; channel < 3; ++channel) {
          const float gradient = canvas.gradient[channel].of[i];
          const float above = rgba[channel] - canvas.below[channel].of[i];
          by_alpha += gradient * above;
          by_rgba[channel] = weight * gradient;
          canvas.below[channel].of[i] += alpha * above;
        }
        canvas.below[3].of[i] += alpha * (1 - canvas.below[3].of[i]);
        by_alpha *= seen.of[i];
        by_rgba[3] = by_alpha * cover * step.opacity;
        memory_.by_winding[kPixels * thread + i] =
            by_alpha * full * coverage_slope(number.of[i], static_cast<uint8_t>(step.rule));
        sums[3] += by_alpha * cover * rgba[3];
        for (int channel = 0; channel < 3; ++channel) {
          sums[channel] += shaded ? 0 : by_rgba[channel];
        }
        if (!shaded) return;
        for (int channel = 0; channel < 4; ++channel) {
          image.of[channel][kPixels * thread + i] = by_rgba[channel];
        }
      });
      for (int i = 0; i < 4; ++i) pixels_.rows[i][thread] = sums[i];
    });
  }

  // A colour gradient's geometry and stops, by those of colours in the image.
  CURVOX_FN void shade(int32_t id) {
    const GradientPaint paint(painting_.gradients, id);
    const TileImage& by_rgba = memory_.paint.image;
    block_.each([&](int thread) {
      for (int k = 0; k < kGeometry; ++k) pixels_.rows[k][thread] = 0;
      for (int i = 0; i < kPixels; ++i) {
        PixelShade& at = pixels_.shades[thread][i];
        const float x = tile_.column(thread) + i + 0.5f, y = tile_.row(thread) + 0.5f;
        float by_colour[4];
        for (int channel = 0; channel < 4; ++channel) {
          by_colour[channel] = by_rgba.of[channel][kPixels * thread + i];
        }
        const ShadeGradient gradient = shade_gradient(paint, x, y, by_colour);
        at.at = gradient.at;
        at.by_place = gradient.by_place;
        for (int k = 0; k < kGeometry; ++k) pixels_.rows[k][thread] += gradient.geometry[k];
      }
    });
    write(kGeometry, to_.keys.geometry(id));
    const int64_t first = painting_.gradients.stops[id];
    for (int stop = 0; stop < paint.stop_count; ++stop) {
      block_.each([&](int thread) {
        float sums[5] = {0, 0, 0, 0, 0};
        for (int i = 0; i < kPixels; ++i) {
          const PixelShade& shade = pixels_.shades[thread][i];
          const float weight = shade.at.weight(stop);
          sums[0] -= weight * shade.by_place;
          for (int channel = 0; channel < 4; ++channel) {
            sums[1 + channel] += weight * by_rgba.of[channel][kPixels * thread + i];
          }
        }
        for (int i = 0; i < 5; ++i) pixels_.rows[i][thread] = sums[i];
      });
      write(5, to_.keys.stop(first + stop));
    }
  }

  // The gradient of the group's own canvas: that of its colours, and that its alpha hides what is
  // below.
  CURVOX_FN void push() {
    block_.each([&](int thread) {
      TileCanvas& canvas = canvases_[thread];
      const Pixels counts = through(thread);
      Pixels hidden{};
      for (int channel = 0; channel < 4; ++channel) {
        stacked(channel, thread) = canvas.below[channel];
        stacked(4 + channel, thread) = canvas.gradient[channel];
        each_pixel([&](int i) {
          hidden.of[i] += canvas.gradient[channel].of[i] * canvas.below[channel].of[i];
          canvas.gradient[channel].of[i] *= counts.of[i];
        });
        canvas.below[channel] = {};
      }
      each_pixel([&](int i) {
        canvas.gradient[3].of[i] -= counts.of[i] * hidden.of[i];
      });
    });
    ++depth_;
  }

  // The same for a group's opacity and clip; then it is laid over what was there.
  CURVOX_FN void pop(const PlannedStep& step) {
    --depth_;
    block_.each([&](int thread) {
      TileCanvas& canvas = canvases_[thread];
      const Pixels number = winding(thread), seen = through(thread);
      const Pixels alpha = canvas.below[3];
      Pixels share, by_share{};
      each_pixel([&](int i) { share.of[i] = step.opacity * covered(step, number.of[i]); });
      for (int channel = 0; channel < 4; ++channel) {
        const Pixels below = stacked(channel, thread), gradient = stacked(4 + channel, thread);
        each_pixel([&](int i) {
          const float own = canvas.below[channel].of[i];
          by_share.of[i] += gradient.of[i] * (own - alpha.of[i] * below.of[i]);
          canvas.below[channel].of[i] =
              share.of[i] * own + (1 - share.of[i] * alpha.of[i]) * below.of[i];
        });
        canvas.gradient[channel] = gradient;
      }
      float sum = 0;
      each_pixel([&](int i) {
        by_share.of[i] *= seen.of[i];
        sum += by_share.of[i] * covered(step, number.of[i]);
        const float slope = coverage_slope(number.of[i], static_cast<uint8_t>(step.rule));
        memory_.by_winding[kPixels * thread + i] = step.opacity * by_share.of[i] * slope;
      });
      pixels_.rows[0][thread] = sum;
    });
  }
};

}  // namespace curvox
