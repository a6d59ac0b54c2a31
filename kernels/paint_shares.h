// The lists in which the tiles of a painting leave their parts of gradients, as block programs
// (portable.h).
//
// What a tile gives to a vertex, a layer or a stop is added up within the block and written to a
// list, at a place that an earlier launch counted. The lists, sorted by what they are added to, are
// summed by a last launch, in the order of tiles. So no kernel adds by atomics.
#pragma once

#include "gradient_paint.h"
#include "tile_blocks.h"

namespace curvox {

constexpr int kStepShare = 4;     // numbers in a row of the list of layers, groups, background
constexpr int kShadeShare = 8;    // in one of the list of colour gradients
constexpr int kGeometryRows = 2;  // of that, for kGeometry numbers

static_assert(kGeometry <= kGeometryRows * kShadeShare && kGeometry >= kStepShare, "sizes differ");

// A list: numbers in rows, and for each row the number of what it is added to.
struct Shares {
  int64_t* keys;
  float* values;
};

// What sums over a tile's pixels are made of.
struct PixelShade {
  Between at;
  float by_place, by_rgba[4];
};

struct StepSums {
  float rows[kGeometry][kTileThreads];
  PixelShade shades[kTileThreads];
  float stop_parts[kShadeShare][kWarp];
};

// Writes the sums over the tile of `count` numbers a pixel, which stand in pixels.rows, to rows of
// a list that are `width` long.
CURVOX_FN void write_sums(StepSums& pixels, int count, Shares shares, int width, int64_t place,
                          int64_t key) {
  const Block<kTileThreads> block;
  add_up(pixels.rows, count);
  const int rows = (count + width - 1) / width;
  block.each([&](int thread) {
    if (thread < rows) shares.keys[place + thread] = key + thread;
    if (thread < rows * width) {
      shares.values[place * width + thread] = thread < count ? pixels.rows[thread][0] : 0;
    }
  });
}

// Writes what pixels.shades give to a gradient's stops. Every number of a row is added up by a
// warp, a thread of it taking neighbouring pixels.
CURVOX_FN void write_stops(StepSums& pixels, int stops, Shares shares, int64_t place,
                           int64_t key) {
  const Block<kTileThreads> block;
  constexpr int run = kTileThreads / kWarp;
  for (int stop = 0; stop < stops; ++stop) {
    block.each([&](int thread) {
      const int number = thread / kWarp, first = thread % kWarp * run;
      float sum = 0;
      for (int pixel = first; pixel < first + run && number < 5; ++pixel) {
        const PixelShade& shade = pixels.shades[pixel];
        const float weight = shade.at.weight(stop);
        sum += weight * (number == 0 ? -shade.by_place : shade.by_rgba[number - 1]);
      }
      pixels.stop_parts[number][thread % kWarp] = sum;
    });
    block.each([&](int thread) {
      if (thread >= kShadeShare) return;
      float sum = 0;
      for (int part = 0; part < kWarp; ++part) sum += pixels.stop_parts[thread][part];
      shares.values[(place + stop) * kShadeShare + thread] = sum;
      if (thread == 0) shares.keys[place + stop] = key + stop;
    });
  }
}

// One block a list's target: the sum of the rows order[begins[target]..begins[target + 1] - 1] of
// `width` numbers each, a power of two up to kWarp. A thread takes one number of every so many
// rows. `order` may be null: rows stand in order already.
CURVOX_FN void sum_shares(const float* values, const int64_t* order, const int64_t* begins,
                          int64_t target, int width, float* sums) {
  CURVOX_SHARED float partial[kWarp];
  const Block<kWarp> block;
  block.each([&](int thread) {
    const int number = thread % width;
    float sum = 0;
    for (int64_t i = begins[target] + thread / width; i < begins[target + 1]; i += kWarp / width) {
      sum += values[(order == nullptr ? i : order[i]) * width + number];
    }
    partial[thread] = sum;
  });
  for (int half = kWarp / 2; half >= width; half /= 2) {
    block.each([&](int thread) {
      if (thread < half) partial[thread] += partial[thread + half];
    });
  }
  block.each([&](int thread) {
    if (thread < width) sums[target * width + thread] = partial[thread];
  });
}

}  // namespace curvox
