// Products of small tiles on the tensor cores of compute capability 8.0 and later, in the hands of
// one warp: operands in bfloat16, sums in float32.
//
// A tile is spread over the lanes of a warp; lane = 4 g + t, with g in 0..7 and t in 0..3. A word
// holds two neighbouring entries in bfloat16, the first in its lower half.
//
//   sums C, 16 x 8 floats:  c[0], c[1] = C[g][2t, 2t + 1]   c[2], c[3] = C[g + 8][2t, 2t + 1]
//   left A, 16 x 16:        a[0] = A[g][2t, 2t + 1]         a[1] = A[g + 8][2t, 2t + 1]
//                           a[2] = A[g][2t + 8, 2t + 9]     a[3] = A[g + 8][2t + 8, 2t + 9]
//   right B, 16 x 8:        b[0] = B[2t, 2t + 1][g]         b[1] = B[2t + 8, 2t + 9][g]
//
// So the sums of two tiles side by side, rounded, are a left operand as they stand. From shared
// memory operands come as blocks of 8 x 8: lane r + 8 j has the address of row r of block j, and
// gets word t of row g of each block, or of its transpose. Rows there are 16 bytes longer than a
// multiple of 32, so that the eight rows of a block lie in different banks.
#pragma once

#include "portable.h"

namespace curvox {

using Half = unsigned short;  // the upper half of a float

CURVOX_FN uint32_t round_pair(float first, float second) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

CURVOX_FN Half round_half(float x) { return static_cast<Half>(round_pair(x, 0)); }

CURVOX_FN float first_of_pair(uint32_t pair) { return float_from_bits(pair << 16); }
CURVOX_FN float second_of_pair(uint32_t pair) { return float_from_bits(pair & 0xffff0000u); }

// c += a b
CURVOX_FN void multiply_add(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// The same over the first 8 columns of A and the first 8 rows of B.
CURVOX_FN void multiply_add_short(float (&c)[4], uint32_t a0, uint32_t a1, uint32_t b0) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(b0));
}

// A block in registers, transposed.
CURVOX_FN uint32_t transpose_block(uint32_t word) {
  uint32_t transposed;
  asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(transposed) : "r"(word));
  return transposed;
}

// Four blocks, as they stand or transposed.
template <bool TRANSPOSED>
CURVOX_FN void load_blocks(const Half* row, uint32_t (&blocks)[4]) {
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  if (TRANSPOSED) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(blocks[0]), "=r"(blocks[1]), "=r"(blocks[2]), "=r"(blocks[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(blocks[0]), "=r"(blocks[1]), "=r"(blocks[2]), "=r"(blocks[3])
                 : "r"(address)
                 : "memory");
  }
}

// A number, and the thread's number in its block, that the compiler takes for new ones at every
// call: what follows from them is not kept in registers from one use to the next, which are scarce
// where sums fill them.
CURVOX_FN int fresh(int number) {
  asm volatile("" : "+r"(number));
  return number;
}
CURVOX_FN uint32_t fresh_thread() {
  uint32_t thread;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
  return thread;
}

// The row whose address a lane has to give for load_blocks, of four blocks one below the other, ...
template <int STRIDE>
CURVOX_FN const Half* row_of_column(const Half* blocks, uint32_t lane) {
  return blocks + lane * STRIDE;
}
// ... side by side, ...
template <int STRIDE>
CURVOX_FN const Half* row_of_band(const Half* blocks, uint32_t lane) {
  return blocks + lane % 8 * STRIDE + lane / 8 * 8;
}
// ... in a square of 16 x 16 with the second block below the first, ...
template <int STRIDE>
CURVOX_FN const Half* row_down(const Half* square, uint32_t lane) {
  return square + lane % 16 * STRIDE + lane / 16 * 8;
}
// ... or beside it. A square is A if loaded down, the transpose of A if loaded across and
// transposed; it is two B side by side (words 0, 1 and 2, 3) if loaded down and transposed, and the
// transpose of these if loaded across.
template <int STRIDE>
CURVOX_FN const Half* row_across(const Half* square, uint32_t lane) {
  return square + (lane % 8 + lane / 16 * 8) * STRIDE + lane / 8 % 2 * 8;
}

// NaN stays NaN.
CURVOX_FN float rectified(float x) { return x < 0 ? 0 : x; }

// The sums of two tiles side by side, rectified and rounded, as a left operand.
CURVOX_FN void rectify(const float (&sums)[2][4], uint32_t (&a)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float(&c)[4] = sums[i / 2];
    a[i] = round_pair(rectified(c[i % 2 * 2]), rectified(c[i % 2 * 2 + 1]));
  }
}

}  // namespace curvox
