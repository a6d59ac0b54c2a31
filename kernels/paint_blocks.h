// Layers painted over each other for CUDA, as block programs (portable.h): a block takes a tile,
// each of its threads a few neighbouring pixels.
//
// A block goes through its tile's steps from the top down, where a layer of alpha a and colour c
// adds T a c to the pixel, T being what the layers above let through; a layer that covers all of
// the tile ends the walk. A group is a walk of its own: what it adds counts by the T at its place
// and its share, opacity times clip. Of groups that are open a thread keeps three numbers a pixel,
// in global memory, so groups may be as deep as memory holds.
#pragma once

#include "paint_edges.h"

namespace curvox {

constexpr int kSightFloats = 3;  // kept of an open group, for each pixel

// What a thread's pixels are at some step, seen from above.
struct Sight {
  Pixels through;  // by the layers above in the same group
  Pixels counts;   // what the group's canvas counts in the image
  Pixels shown[4];
};

CURVOX_FN Pixels all_pixels(float value) {
  Pixels pixels;
  each_pixel([&](int i) { pixels.of[i] = value; });
  return pixels;
}

// Numbers of a tile's pixels, channel by channel, that its threads share.
struct TileImage {
  // Between channels room that keeps them in banks of their own.
  alignas(16) float of[4][kTilePixels + kTile / 2];
};

// What a layer would show at pixels that it covers: colours and their alphas, not multiplied by
// each other nor by the layer's opacity. A thread finds those of a gradient for its own pixels
// before it asks for them one by one: what that takes is not in the way of layers of one colour.
class LayerColours {
 public:
  CURVOX_FN LayerColours(const Painting& painting, const PlannedStep& step, const PaintTile& tile,
                         int thread, TileImage& image)
      : step_(step), image_(image), first_(kPixels * thread) {
    if (step.gradient < 0) return;
    const GradientPaint paint(painting.gradients, step.gradient);
    for (int i = 0; i < kPixels; ++i) {
      float rgba[4];
      gradient_colour(paint, tile.column(thread) + i + 0.5f, tile.row(thread) + 0.5f, rgba);
      for (int channel = 0; channel < 4; ++channel) image.of[channel][first_ + i] = rgba[channel];
    }
  }

  // Of the thread's i-th pixel.
  CURVOX_FN void get(int i, float* rgba) const {
    for (int channel = 0; channel < 3; ++channel) rgba[channel] = step_.colour[channel];
    rgba[3] = 1;
    if (step_.gradient < 0) return;
    for (int channel = 0; channel < 4; ++channel) rgba[channel] = image_.of[channel][first_ + i];
  }

 private:
  const PlannedStep& step_;
  const TileImage& image_;
  const int first_;
};

// The coverage by the winding numbers of a step's layer; of a group without a clip, 1.
CURVOX_FN float covered(const PlannedStep& step, float winding) {
  return step.layer < 0 ? 1 : coverage(winding, static_cast<uint8_t>(step.rule));
}

// Numbers that a thread keeps in global memory: the `field`-th of `fields` at some level.
CURVOX_FN Pixels& kept_at(Pixels* memory, int64_t level, int fields, int field, int thread) {
  return memory[(level * fields + field) * kPaintThreads + thread];
}

// Whether an opaque layer's pixels hide all that is below them in the tile.
CURVOX_FN bool hides_tile(const Painting& painting, const PaintTile& tile, const PlannedStep& step,
                          uint32_t* answers, PerThread<Pixels, kPaintThreads>& winding) {
  if (step.opacity != 1 || step.gradient >= 0) return false;
  const Block<kPaintThreads> block;
  block.vote(answers, [&](int thread) {
    bool hides = true;
    each_pixel([&](int i) {
      hides = hides && (tile.row(thread) >= painting.height ||
                        tile.column(thread) + i >= painting.width ||
                        covered(step, winding[thread].of[i]) == 1);
    });
    return hides;
  });
  return count_votes(answers, kPaintWarps) == kPaintThreads;
}

// What the threads of a block that paints share.
struct PaintMemory {
  StepChoice steps;
  union {  // a step's pixels are coloured after its edges are gone through
    EdgeChoice edges;
    TileImage image;
  };
};

// Goes through a tile's steps from the top down. `stack` has kSightFloats numbers for each pixel
// and depth. Calls keep(thread, passed, through, winding) for every step: how many steps lie above,
// what the layers above let through, the winding numbers of its layer. Where a group begins it is
// what its canvas counts in the one below, and nothing. The walk ends where nothing below shows, if
// may_hide(step) of what hides it. Returns how many steps it passed.
template <class MayHide, class Keep>
CURVOX_FN int look_down(const PaintPlan& plan, const PaintTile& tile, PaintMemory& memory,
                        Pixels* stack, PerThread<Sight, kPaintThreads>& sights, MayHide may_hide,
                        Keep keep) {
  const Block<kPaintThreads> block;
  const Painting& painting = plan.painting;
  int passed = 0, depth = 0;
  block.each([&](int thread) { sights[thread] = {all_pixels(1), all_pixels(1), {}}; });
  over_steps<true>(plan, tile, memory.steps, [&](const PlannedStep& step) {
    PerThread<Pixels, kPaintThreads> winding;
    if (step.layer >= 0) find_winding(plan, tile, step, memory.edges, winding);
    if (step.kind == kPop) {
      block.each([&](int thread) {
        Sight& sight = sights[thread];
        Pixels share, number = step.layer < 0 ? Pixels{} : winding[thread];
        keep(thread, passed, sight.through, number);
        kept_at(stack, depth, kSightFloats, 0, thread) = sight.through;
        kept_at(stack, depth, kSightFloats, 1, thread) = sight.counts;
        each_pixel([&](int i) {
          share.of[i] = step.opacity * covered(step, number.of[i]);
          sight.counts.of[i] *= sight.through.of[i] * share.of[i];
        });
        kept_at(stack, depth, kSightFloats, 2, thread) = share;
        sight.through = all_pixels(1);
      });
      ++depth;
      ++passed;
      return true;
    }
    if (step.kind == kPush) {
      --depth;
      block.each([&](int thread) {
        Sight& sight = sights[thread];
        const Pixels through = kept_at(stack, depth, kSightFloats, 0, thread);
        const Pixels share = kept_at(stack, depth, kSightFloats, 2, thread);
        Pixels counts;
        each_pixel([&](int i) {
          counts.of[i] = through.of[i] * share.of[i];
          sight.through.of[i] = through.of[i] * (1 - share.of[i] * (1 - sight.through.of[i]));
        });
        keep(thread, passed, counts, Pixels{});
        sight.counts = kept_at(stack, depth, kSightFloats, 1, thread);
      });
      ++passed;
      return true;
    }
    const bool last = depth == 0 && may_hide(step) &&
                      hides_tile(painting, tile, step, memory.edges.answers, winding);
    block.each([&](int thread) {
      Sight& sight = sights[thread];
      const LayerColours colours(painting, step, tile, thread, memory.image);
      keep(thread, passed, sight.through, winding[thread]);
      each_pixel([&](int i) {
        float rgba[4];
        colours.get(i, rgba);
        const float alpha = step.opacity * rgba[3] * covered(step, winding[thread].of[i]);
        const float adds = sight.counts.of[i] * sight.through.of[i] * alpha;
        for (int channel = 0; channel < 3; ++channel) {
          sight.shown[channel].of[i] += adds * rgba[channel];
        }
        sight.shown[3].of[i] += adds;
        sight.through.of[i] *= 1 - alpha;
      });
    });
    ++passed;
    return !last;
  });
  return passed;
}

// Calls visit(channel, pixel of the tile, place in the images) for all numbers of a tile that are
// in an image; neighbours in one are those of neighbouring threads.
template <class Visit>
CURVOX_FN void over_image(const Painting& painting, const PaintTile& tile, Visit visit) {
  Block<kPaintThreads>{}.each([&](int thread) {
    const int column = thread / painting.channels, channel = thread % painting.channels;
    if (column >= smaller(kTile, painting.width - tile.left)) return;
    const int64_t top = tile.scene * painting.height + tile.top;
    for (int row = 0; row < smaller(kTile, painting.height - tile.top); ++row) {
      const int64_t pixel = (top + row) * painting.width + tile.left + column;
      visit(channel, row * kTile + column, pixel * painting.channels + channel);
    }
  });
}

CURVOX_FN void paint_pixels(const PaintPlan& plan, int64_t index, Pixels* stack, float* images,
                            PaintMemory& memory) {
  const Block<kPaintThreads> block;
  const Painting& painting = plan.painting;
  const PaintTile tile = paint_tile(plan, index);
  PerThread<Sight, kPaintThreads> sights;
  look_down(
      plan, tile, memory, stack, sights, [](const PlannedStep&) { return true; },
      [](int, int, const Pixels&, const Pixels&) {});
  block.each([&](int thread) {
    const Sight& sight = sights[thread];
    for (int channel = 0; channel < 4; ++channel) {
      each_pixel([&](int i) {
        memory.image.of[channel][kPixels * thread + i] =
            sight.shown[channel].of[i] + sight.through.of[i] * painting.background[channel];
      });
    }
  });
  over_image(painting, tile, [&](int channel, int pixel, int64_t place) {
    images[place] = memory.image.of[channel][pixel];
  });
}

}  // namespace curvox
