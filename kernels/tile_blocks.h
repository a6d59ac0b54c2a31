// What block programs (portable.h) share whose blocks work on a tile of 16 x 16 pixels each.
#pragma once

#include "portable.h"

namespace curvox {

constexpr int kTile = 16;  // pixels along a side of a tile
constexpr int kTileThreads = 256;
constexpr int kTileWarps = kTileThreads / kWarp;
constexpr int kTilePixels = kTile * kTile;

// How many threads of the first `words` warps said yes.
CURVOX_FN int count_votes(const uint32_t* answers, int words) {
  int count = 0;
  for (int word = 0; word < words; ++word) count += count_bits(answers[word]);
  return count;
}

CURVOX_FN bool voted_yes(const uint32_t* answers, int thread) {
  return answers[thread / kWarp] >> (thread % kWarp) & 1;
}

// How many threads before `thread` said yes.
CURVOX_FN int votes_before(const uint32_t* answers, int thread) {
  const uint32_t before = (1u << (thread % kWarp)) - 1;
  return count_votes(answers, thread / kWarp) + count_bits(answers[thread / kWarp] & before);
}

}  // namespace curvox
