// Layers painted over each other for CUDA, as block programs (portable.h): a block takes a tile,
// each of its threads one pixel.
//
// A block goes through its tile's steps from the top down, where a layer of alpha a and colour c
// adds T a c to the pixel, T being what the layers above let through; a layer that covers all of
// the tile ends the walk. A group is a walk of its own: what it adds counts by the T at its place
// and its share, opacity times clip. Of groups that are open a thread keeps three numbers each, in
// global memory, so groups may be as deep as memory holds.
#pragma once

#include "paint_edges.h"

namespace curvox {

constexpr int kSightFloats = 3;  // kept of an open group

// What a pixel is at some step, seen from above.
struct Sight {
  float through;  // by the layers above in the same group
  float counts;   // what the group's canvas counts in the image
  float shown[4];
};

// What a layer would show at a pixel that it covers: a colour and its alpha, not multiplied by each
// other nor by the layer's opacity.
CURVOX_FN void layer_colour(const Painting& painting, int64_t layer, int row, int column,
                            float* rgba) {
  const int32_t gradient = painting.gradient_ids[layer];
  if (gradient >= 0) {
    const GradientPaint paint(painting.gradients, gradient);
    return gradient_colour(paint, column + 0.5f, row + 0.5f, rgba);
  }
  const float* colour = painting.colours + 3 * layer;
  for (int channel = 0; channel < 3; ++channel) rgba[channel] = colour[channel];
  rgba[3] = 1;
}

// The coverage by the winding numbers of a step's layer; of a group without a clip, 1.
CURVOX_FN float covered(const Painting& painting, const PaintStep& step, float winding) {
  return step.layer < 0 ? 1 : coverage(winding, painting.rules[step.layer]);
}

// A number that a thread keeps in global memory: the `field`-th of `fields` at some level.
CURVOX_FN float& kept_at(float* memory, int64_t level, int fields, int field, int thread) {
  return memory[(level * fields + field) * kTileThreads + thread];
}

// Whether an opaque layer's pixels hide all that is below them in the tile.
CURVOX_FN bool hides_tile(const Painting& painting, const PaintTile& tile, const PaintStep& step,
                          uint32_t* answers, PerThread<float, kTileThreads>& winding) {
  if (painting.opacities[step.layer] != 1 || painting.gradient_ids[step.layer] >= 0) return false;
  const Block<kTileThreads> block;
  block.vote(answers, [&](int thread) {
    return tile.row(thread) >= painting.height || tile.column(thread) >= painting.width ||
           covered(painting, step, winding[thread]) == 1;
  });
  return count_votes(answers, kTileWarps) == kTileThreads;
}

// Goes through a tile's steps from the top down. `stack` has kSightFloats numbers for each thread
// and depth. Calls keep(thread, passed, through, winding) for every step: how many steps lie above,
// what the layers above let through, the winding number of its layer. Where a group begins it is
// what its canvas counts in the one below, and nothing. With HIDE the walk ends where nothing below
// shows.
template <bool HIDE, class Keep>
CURVOX_FN void look_down(const PaintPlan& plan, const PaintTile& tile, StepChoice& steps,
                         EdgeChoice& edges, float* stack, PerThread<Sight, kTileThreads>& sights,
                         Keep keep) {
  const Block<kTileThreads> block;
  const Painting& painting = plan.painting;
  int64_t passed = 0;
  int depth = 0;
  block.each([&](int thread) { sights[thread] = {1, 1, {0, 0, 0, 0}}; });
  over_steps<true>(plan, tile, steps, [&](const PaintStep& step) {
    PerThread<float, kTileThreads> winding;
    if (step.layer >= 0) find_winding(plan, tile, step.layer, edges, winding);
    if (step.kind == kPop) {
      block.each([&](int thread) {
        Sight& sight = sights[thread];
        const float number = step.layer < 0 ? 0 : winding[thread];
        const float share =
            painting.group_opacities[step.group] * covered(painting, step, number);
        keep(thread, passed, sight.through, number);
        kept_at(stack, depth, kSightFloats, 0, thread) = sight.through;
        kept_at(stack, depth, kSightFloats, 1, thread) = sight.counts;
        kept_at(stack, depth, kSightFloats, 2, thread) = share;
        sight.counts *= sight.through * share;
        sight.through = 1;
      });
      ++depth;
      ++passed;
      return true;
    }
    if (step.kind == kPush) {
      --depth;
      block.each([&](int thread) {
        Sight& sight = sights[thread];
        const float through = kept_at(stack, depth, kSightFloats, 0, thread);
        const float share = kept_at(stack, depth, kSightFloats, 2, thread);
        keep(thread, passed, through * share, 0.0f);
        sight.through = through * (1 - share * (1 - sight.through));
        sight.counts = kept_at(stack, depth, kSightFloats, 1, thread);
      });
      ++passed;
      return true;
    }
    const bool last =
        HIDE && depth == 0 && hides_tile(painting, tile, step, edges.answers, winding);
    block.each([&](int thread) {
      Sight& sight = sights[thread];
      float rgba[4];
      layer_colour(painting, step.layer, tile.row(thread), tile.column(thread), rgba);
      const float opacity = painting.opacities[step.layer];
      const float alpha = opacity * rgba[3] * covered(painting, step, winding[thread]);
      const float adds = sight.counts * sight.through * alpha;
      keep(thread, passed, sight.through, winding[thread]);
      for (int channel = 0; channel < 3; ++channel) sight.shown[channel] += adds * rgba[channel];
      sight.shown[3] += adds;
      sight.through *= 1 - alpha;
    });
    ++passed;
    return !last;
  });
}

// The place of a pixel's first channel in the images of all scenes, or -1 for one beyond them.
CURVOX_FN int64_t pixel_place(const Painting& painting, const PaintTile& tile, int thread) {
  const int row = tile.row(thread), column = tile.column(thread);
  if (row >= painting.height || column >= painting.width) return -1;
  return ((tile.scene * painting.height + row) * painting.width + column) * painting.channels;
}

CURVOX_FN void paint_pixels(const PaintPlan& plan, int64_t index, float* stack, float* image) {
  CURVOX_SHARED StepChoice steps;
  CURVOX_SHARED EdgeChoice edges;
  const Block<kTileThreads> block;
  const Painting& painting = plan.painting;
  const PaintTile tile = paint_tile(painting, index);
  PerThread<Sight, kTileThreads> sights;
  look_down<true>(plan, tile, steps, edges, stack, sights, [](int, int64_t, float, float) {});
  block.each([&](int thread) {
    const int64_t place = pixel_place(painting, tile, thread);
    if (place < 0) return;
    const Sight& sight = sights[thread];
    for (int channel = 0; channel < painting.channels; ++channel) {
      image[place + channel] = sight.shown[channel] + sight.through * painting.background[channel];
    }
  });
}

}  // namespace curvox
