// The list in which the tiles of a painting leave their parts of gradients, as block programs
// (portable.h).
//
// What a tile gives to a vertex, a layer or a stop is added up within the block and written to a
// list of pairs of numbers, at places that an earlier launch counted. The list, sorted by what the
// pairs are added to, is summed by a last launch, in the order of tiles. So no kernel adds by
// atomics.
#pragma once

#include "gradient_paint.h"
#include "ragged.h"
#include "tile_blocks.h"

namespace curvox {

// How many pairs each thing takes: a layer's colour and opacity; a group's opacity; the background;
// a colour gradient's geometry; a stop's position and colour.
constexpr int kLayerPairs = 2, kGroupPairs = 1, kBackgroundPairs = 2;
constexpr int kGeometryPairs = (kGeometry + 1) / 2, kStopPairs = 3;

// The keys of the list: numbers of all pairs of all that has a gradient, vertices first.
struct PaintKeys {
  int64_t vertices, layers, groups, gradients, stops;  // how many there are

  CURVOX_FN int64_t layer(int64_t i) const { return vertices + kLayerPairs * i; }
  CURVOX_FN int64_t group(int64_t i) const { return layer(layers) + kGroupPairs * i; }
  CURVOX_FN int64_t background() const { return group(groups); }
  CURVOX_FN int64_t geometry(int64_t i) const {
    return background() + kBackgroundPairs + kGeometryPairs * i;
  }
  CURVOX_FN int64_t stop(int64_t i) const { return geometry(gradients) + kStopPairs * i; }
  CURVOX_FN int64_t count() const { return stop(stops); }
};

// Where gradients go in the end.
struct PaintGradients {
  float *vertices, *colours, *opacities, *geometry, *positions, *stop_colours, *groups, *background;

  // The place of a number of a pair, or null for one that only fills its pair.
  CURVOX_FN float* place(const PaintKeys& keys, int64_t key, int number) const {
    if (key < keys.vertices) return vertices + 2 * key + number;
    if (key < keys.group(0)) {
      const int64_t pair = key - keys.layer(0), layer = pair / kLayerPairs;
      const int64_t at = 2 * (pair % kLayerPairs) + number;
      return at < 3 ? colours + 3 * layer + at : opacities + layer;
    }
    if (key < keys.background()) return number == 0 ? groups + (key - keys.group(0)) : nullptr;
    if (key < keys.geometry(0)) return background + 2 * (key - keys.background()) + number;
    if (key < keys.stop(0)) {
      const int64_t pair = key - keys.geometry(0), at = 2 * (pair % kGeometryPairs) + number;
      return at < kGeometry ? geometry + kGeometry * (pair / kGeometryPairs) + at : nullptr;
    }
    const int64_t pair = key - keys.stop(0), stop = pair / kStopPairs;
    const int64_t at = 2 * (pair % kStopPairs) + number;
    return at == 0 ? positions + stop : at < 5 ? stop_colours + 4 * stop + at - 1 : nullptr;
  }
};

// The list.
struct Shares {
  int32_t* keys;
  Point* pairs;

  CURVOX_FN void put(int64_t place, int64_t key, Point pair) const {
    keys[place] = static_cast<int32_t>(key);
    pairs[place] = pair;
  }
};

// Adds up each of `count` rows of a number a thread, in a tree of fixed shape, and writes the sums
// from `place` of a list on. Returns the place behind them.
template <int THREADS>
CURVOX_FN int64_t write_sums(float (*rows)[THREADS], int count, const Shares& shares,
                             int64_t place, int64_t key) {
  const Block<THREADS> block;
  for (int left = THREADS / 4; left > 1; left /= 4) {
    block.each([&](int thread) {
      for (int item = thread; item < count * left; item += THREADS) {
        float* row = rows[item / left] + item % left;
        row[0] = (row[0] + row[left]) + (row[2 * left] + row[3 * left]);
      }
    });
  }
  const auto sum = [&](int row) {
    return row < count ? (rows[row][0] + rows[row][1]) + (rows[row][2] + rows[row][3]) : 0;
  };
  const int pairs = (count + 1) / 2;
  block.each([&](int thread) {
    if (thread >= pairs) return;
    shares.put(place + thread, key + thread, {sum(2 * thread), sum(2 * thread + 1)});
  });
  return place + pairs;
}

constexpr int kSumThreads = 256;
constexpr int kSumTargets = 64;  // of a block
constexpr int kTargetThreads = 8;

struct SumMemory {
  int64_t begins[kSumTargets + 1];
  float parts[kSumTargets][kTargetThreads];
};

// A block adds up the pairs of kSumTargets keys, from `first` on: those of a key by a few threads,
// or by all of the block if they are many. `keys` are sorted, and stand for pairs[order[i]].
CURVOX_FN void sum_shares(const int32_t* keys, const int64_t* order, int64_t pairs_count,
                          const Point* pairs, const PaintKeys& targets, int64_t first,
                          const PaintGradients& gradients, SumMemory& memory) {
  constexpr int few = 128;
  const Block<kSumThreads> block;
  const int count = static_cast<int>(smaller<int64_t>(kSumTargets, targets.count() - first));
  block.each([&](int thread) {
    if (thread > count) return;
    int64_t begin = 0;
    for (int64_t end = pairs_count; begin < end;) {
      const int64_t middle = (begin + end) / 2;
      if (keys[middle] < first + thread) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    memory.begins[thread] = begin;
  });
  const auto is_few = [&](int target) {
    return memory.begins[target + 1] - memory.begins[target] <= few;
  };
  // Of `threads` threads those with even numbers add up first numbers, the others second ones.
  const auto part = [&](int target, int thread, int threads) {
    float sum = 0;
    for (int64_t i = memory.begins[target] + thread / 2; i < memory.begins[target + 1];
         i += threads / 2) {
      const Point pair = pairs[order[i]];
      sum += thread % 2 == 0 ? pair.x : pair.y;
    }
    return sum;
  };
  const auto put = [&](int target, int number, float sum) {
    float* place = gradients.place(targets, first + target, number);
    if (place != nullptr) *place = sum;
  };
  block.each([&](int thread) {
    const int own = thread % kTargetThreads;
    for (int target = thread / kTargetThreads; target < count;
         target += kSumThreads / kTargetThreads) {
      memory.parts[target][own] = is_few(target) ? part(target, own, kTargetThreads) : 0;
    }
  });
  block.each([&](int thread) {
    const int target = thread / 2, number = thread % 2;
    if (target >= count || !is_few(target)) return;
    const float* parts = memory.parts[target] + number;
    put(target, number, (parts[0] + parts[2]) + (parts[4] + parts[6]));
  });
  float* parts = memory.parts[0];
  for (int target = 0; target < count; ++target) {
    if (is_few(target)) continue;
    block.each([&](int thread) { parts[thread] = part(target, thread, kSumThreads); });
    for (int half = kSumThreads / 2; half >= 2; half /= 2) {
      block.each([&](int thread) {
        if (thread < half) parts[thread] += parts[thread + half];
      });
    }
    block.each([&](int thread) {
      if (thread < 2) put(target, thread, parts[thread]);
    });
  }
}

}  // namespace curvox
