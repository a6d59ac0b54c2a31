// The shallow network of network_cpu.h on the matrix unit of recent x86 processors (AMX): operands
// rounded to bfloat16, sums in float32.
//
// A tile holds 16 rows of 64 bytes. The right operand of a product wants its rows in pairs: "paired"
// below means [depth / 2][columns][2]. A matrix of samples is the left operand as it stands; as the
// right operand of a sum over samples it is paired; as the left one it is transposed, which is to
// pair it and then to transpose pairs as wholes.
#pragma once

#if defined(__AVX512F__) && defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#define CURVOX_AMX 1

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "network_cpu.h"

#define CURVOX_AMX_FN __attribute__((target("amx-tile,amx-bf16,avx512bf16,avx512bw,avx512vl")))

namespace curvox {

using Half = uint16_t;  // the upper half of a float

constexpr int kTileRows = 16;
constexpr int kTileDepth = 32;  // entries of a row
constexpr int kTileSamples = 128;
// Entries between rows beyond a whole number of tiles: rows a power of two apart would share a few
// sets of the cache.
constexpr int kGap = 32;
constexpr int kTransposedStride = kTileSamples + kGap;

// Whether the processor has the instructions and the system lets this process use them.
inline bool amx_available() {
  static const bool available = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    constexpr unsigned kTile = 1u << 24, kProducts = 1u << 22, kConversion = 1u << 5;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTile) == 0 || (d & kProducts) == 0) {
      return false;
    }
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || (a & kConversion) == 0) return false;
    constexpr int kRequestPermission = 0x1023, kTileData = 18;  // of arch_prctl
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return available;
}

// All tiles at their full size, while it lives.
class TileState {
 public:
  CURVOX_AMX_FN TileState() {
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    _tile_loadconfig(&config);
  }
  CURVOX_AMX_FN ~TileState() { _tile_release(); }
  TileState(const TileState&) = delete;
  TileState& operator=(const TileState&) = delete;
};

// The compiler does not know that tile instructions read and write memory.
inline void tiles_touch_memory() { asm volatile("" ::: "memory"); }

// ROWS x COLUMNS tiles of c += a b, or c = a b. Strides in entries; `b` is paired.
template <bool ADD, int ROWS, int COLUMNS>
CURVOX_AMX_FN inline void tile_block(const Half* a, int64_t a_stride, const Half* b,
                                     int64_t b_stride, float* c, int64_t c_stride, int depth) {
  float* const lower = c + kTileRows * c_stride;
  const int64_t c_bytes = c_stride * 4, a_bytes = a_stride * 2, b_bytes = b_stride * 4;
  if (ADD) {
    _tile_loadd(0, c, c_bytes);
    if (COLUMNS == 2) _tile_loadd(1, c + kTileRows, c_bytes);
    if (ROWS == 2) _tile_loadd(2, lower, c_bytes);
    if (ROWS == 2 && COLUMNS == 2) _tile_loadd(3, lower + kTileRows, c_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int k = 0; k < depth; k += kTileDepth) {
    _tile_loadd(4, a + k, a_bytes);
    _tile_loadd(6, b + k * b_stride, b_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if (COLUMNS == 2) {
      _tile_loadd(7, b + k * b_stride + kTileDepth, b_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (ROWS == 2) {
      _tile_loadd(5, a + kTileRows * a_stride + k, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
      if (COLUMNS == 2) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, c_bytes);
  if (COLUMNS == 2) _tile_stored(1, c + kTileRows, c_bytes);
  if (ROWS == 2) _tile_stored(2, lower, c_bytes);
  if (ROWS == 2 && COLUMNS == 2) _tile_stored(3, lower + kTileRows, c_bytes);
}

// c [rows, columns] += a b, or = a b; rows and columns in whole tiles, depth in whole tile depths.
// `b` has as many entries between its rows as `c`, in pairs.
template <bool ADD>
CURVOX_AMX_FN inline void tile_multiply(const Half* a, int64_t a_stride, const Half* b, float* c,
                                        int64_t stride, int rows, int columns, int depth) {
  tiles_touch_memory();
  for (int column = 0; column < columns; column += 2 * kTileRows) {
    const bool wide = column + kTileRows < columns;
    for (int row = 0; row < rows; row += 2 * kTileRows) {
      const bool high = row + kTileRows < rows;
      const auto block = wide ? (high ? tile_block<ADD, 2, 2> : tile_block<ADD, 1, 2>)
                              : (high ? tile_block<ADD, 2, 1> : tile_block<ADD, 1, 1>);
      block(a + row * a_stride, a_stride, b + 2 * column, stride, c + row * stride + column, stride,
            depth);
    }
  }
  tiles_touch_memory();
}

inline Half rounded(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<Half>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);  // to nearest, ties to even
}

// from [rows, columns] with any steps, paired and padded with zeros.
inline Aligned<Half> paired(const float* from, int rows, int columns, int64_t row_step,
                            int64_t column_step, int padded_rows, int stride) {
  Aligned<Half> to(static_cast<size_t>(padded_rows) * stride);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      to[(int64_t{row / 2} * stride + column) * 2 + row % 2] =
          rounded(from[row * row_step + column * column_step]);
    }
  }
  return to;
}

// Sixteen floats as bfloat16.
CURVOX_AMX_FN inline __m256i halves(__m512 values) {
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values));
}

// The rows of all samples, `columns` entries each, a multiple of 16, paired.
CURVOX_AMX_FN inline void pair_samples(const Half* from, int stride, int columns, Half* to) {
  for (int s = 0; s < kTileSamples; s += 2) {
    const Half* even = from + s * stride;
    for (int column = 0; column < columns; column += 16) {
      const __m512i low = _mm512_cvtepu16_epi32(
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(even + column)));
      const __m512i high = _mm512_cvtepu16_epi32(
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(even + stride + column)));
      _mm512_storeu_si512(to + s * stride + 2 * column,
                          _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
}

// Sixteen rows of sixteen pairs, transposed.
CURVOX_AMX_FN inline void transpose_pairs(const uint32_t* from, int64_t stride, uint32_t* to,
                                          int64_t to_stride) {
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_si512(from + i * stride);
  for (int i = 0; i < 8; ++i) {  // pairs of rows interleaved
    b[2 * i] = _mm512_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
    b[2 * i + 1] = _mm512_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
  }
  for (int i = 0; i < 4; ++i) {  // quadruples: a[4 i + j] holds column 4 lane + j of rows 4 i ..
    a[4 * i] = _mm512_unpacklo_epi64(b[4 * i], b[4 * i + 2]);
    a[4 * i + 1] = _mm512_unpackhi_epi64(b[4 * i], b[4 * i + 2]);
    a[4 * i + 2] = _mm512_unpacklo_epi64(b[4 * i + 1], b[4 * i + 3]);
    a[4 * i + 3] = _mm512_unpackhi_epi64(b[4 * i + 1], b[4 * i + 3]);
  }
  for (int j = 0; j < 4; ++j) {  // lanes of 128 bits, a 4x4 transpose of their own
    const __m512i even = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88);
    const __m512i odd = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd);
    const __m512i even2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88);
    const __m512i odd2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xdd);
    _mm512_storeu_si512(to + j * to_stride, _mm512_shuffle_i32x4(even, even2, 0x88));
    _mm512_storeu_si512(to + (8 + j) * to_stride, _mm512_shuffle_i32x4(even, even2, 0xdd));
    _mm512_storeu_si512(to + (4 + j) * to_stride, _mm512_shuffle_i32x4(odd, odd2, 0x88));
    _mm512_storeu_si512(to + (12 + j) * to_stride, _mm512_shuffle_i32x4(odd, odd2, 0xdd));
  }
}

// What pair_samples gave, transposed: [columns][kTileSamples].
CURVOX_AMX_FN inline void transpose_samples(const Half* pairs, int stride, int columns, Half* to) {
  for (int s = 0; s < kTileSamples / 2; s += 16) {
    for (int column = 0; column < columns; column += 16) {
      transpose_pairs(reinterpret_cast<const uint32_t*>(pairs) + s * stride + column, stride,
                      reinterpret_cast<uint32_t*>(to + column * kTransposedStride) + s,
                      kTransposedStride / 2);
    }
  }
}

// The same class as Network in network_cpu.h, on tiles.
class TileNetwork {
 public:
  explicit TileNetwork(const NetworkTask& task)
      : task_(task),
        inputs_(static_cast<int>(round_up(task.inputs, kTileDepth))),
        width_(static_cast<int>(round_up(task.width, kTileDepth))),
        stride_(width_ + kGap),
        first_in_(paired(task.first, task.inputs, task.width, 1, task.inputs, inputs_, stride_)),
        first_out_(paired(task.first, task.width, task.inputs, task.inputs, 1, width_, inputs_)),
        second_in_(paired(task.second, task.width, task.width, 1, task.width, width_, stride_)),
        second_out_(paired(task.second, task.width, task.width, task.width, 1, width_, stride_)),
        last_in_(paired(task.last, task.width, kColours, 1, task.width, width_, kOut)),
        last_out_(paired(task.last, kColours, task.width, task.width, 1, kTileDepth, stride_)),
        second_bias_(width_) {
    std::copy_n(task.second_bias, task.width, second_bias_.data());
  }

  static constexpr int kPaddedColours = kTileRows;
  int64_t width_stride() const { return stride_; }

  CURVOX_AMX_FN void forward(int64_t first, int64_t last, float* colours) const {
    const TileState tiles;
    Scratch scratch(*this);
    for (int64_t begin = first; begin < last; begin += kTileSamples) {
      const int count = static_cast<int>(smaller<int64_t>(kTileSamples, last - begin));
      hidden(begin, count, scratch);
      tile_multiply<false>(scratch.h2.data(), stride_, last_in_.data(), scratch.sums.data(), kOut,
                           kTileSamples, kOut, width_);
      for (int s = 0; s < count; ++s) {
        for (int c = 0; c < kColours; ++c) {
          const float x = scratch.sums[s * kOut + c] + task_.last_bias[c];
          colours[(begin + s) * kColours + c] = 1 / (1 + expf(-x));
        }
      }
    }
  }

  CURVOX_AMX_FN NetworkSums backward(int64_t first, int64_t last, const float* colours,
                                     const float* colours_gradient, float* features_gradient,
                                     float* rays_gradient) const {
    const TileState tiles;
    Scratch scratch(*this);
    NetworkSums sums;
    sums.first.resize(static_cast<size_t>(inputs_) * stride_);
    sums.second.resize(static_cast<size_t>(width_) * stride_);
    sums.second_bias.resize(width_);
    sums.last_bias.resize(kColours);
    Aligned<float> last_sums(static_cast<size_t>(kOut) * stride_);  // [3, width]
    for (int64_t begin = first; begin < last; begin += kTileSamples) {
      const int count = static_cast<int>(smaller<int64_t>(kTileSamples, last - begin));
      hidden(begin, count, scratch);
      output_gradient(begin, count, colours, colours_gradient, scratch, sums);
      sum_products(scratch.g_out, kTileDepth, kTileDepth, kOut, scratch.h2, last_sums, scratch);

      tile_multiply<false>(scratch.g_out.data(), kTileDepth, last_out_.data(), scratch.sums.data(),
                           stride_, kTileSamples, width_, kTileDepth);
      mask(scratch.h2, scratch.sums, scratch.g);
      for (int s = 0; s < count; ++s) {
        add(sums.second_bias.data(), scratch.sums.data() + s * stride_, width_);
      }
      sum_products(scratch.h1, stride_, width_, width_, scratch.g, sums.second, scratch);

      tile_multiply<false>(scratch.g.data(), stride_, second_out_.data(), scratch.sums.data(),
                           stride_, kTileSamples, width_, width_);
      mask(scratch.h1, scratch.sums, scratch.g);
      for (int s = 0; s < count; ++s) {
        add(rays_gradient + int64_t{task_.ray_ids[begin + s]} * task_.width,
            scratch.sums.data() + s * stride_, task_.width);
      }
      sum_products(scratch.in, inputs_, inputs_, inputs_, scratch.g, sums.first, scratch);

      tile_multiply<false>(scratch.g.data(), stride_, first_out_.data(), scratch.sums.data(),
                           inputs_, kTileSamples, inputs_, width_);
      for (int s = 0; s < count; ++s) {
        std::copy_n(scratch.sums.data() + s * inputs_, task_.inputs,
                    features_gradient + (begin + s) * task_.inputs);
      }
    }
    sums.last.resize(static_cast<size_t>(width_) * kPaddedColours);
    for (int c = 0; c < kColours; ++c) {
      for (int j = 0; j < width_; ++j) {
        sums.last[j * kPaddedColours + c] = last_sums[c * stride_ + j];
      }
    }
    return sums;
  }

 private:
  static constexpr int kOut = kTileRows;  // columns of the output, of which three count

  struct Scratch {
    explicit Scratch(const TileNetwork& n)
        : in(kTileSamples * n.inputs_),
          h1(kTileSamples * n.stride_),
          h2(h1.size()),
          g(h1.size()),
          g_out(kTileSamples * kTileDepth),
          pairs(kTileSamples * larger(n.inputs_, n.stride_)),
          transposed(larger(n.inputs_, n.width_) * kTransposedStride),
          sums(pairs.size()) {}
    Aligned<Half> in, h1, h2, g, g_out, pairs, transposed;
    Aligned<float> sums;
  };

  CURVOX_AMX_FN void hidden(int64_t begin, int count, Scratch& scratch) const {
    std::fill(scratch.in.begin() + count * inputs_, scratch.in.end(), Half{0});
    std::fill(scratch.sums.begin() + (task_.width == width_ ? count * stride_ : 0),
              scratch.sums.end(), 0.0f);
    for (int s = 0; s < count; ++s) {
      const int64_t sample = begin + s;
      for (int i = 0; i < task_.inputs; ++i) {
        scratch.in[s * inputs_ + i] = rounded(task_.features[sample * task_.inputs + i]);
      }
      std::copy_n(task_.ray_inputs + int64_t{task_.ray_ids[sample]} * task_.width, task_.width,
                  scratch.sums.data() + s * stride_);
    }
    tile_multiply<true>(scratch.in.data(), inputs_, first_in_.data(), scratch.sums.data(),
                        stride_, kTileSamples, width_, inputs_);
    rectify(scratch.sums, nullptr, scratch.h1);
    tile_multiply<false>(scratch.h1.data(), stride_, second_in_.data(), scratch.sums.data(),
                         stride_, kTileSamples, width_, width_);
    rectify(scratch.sums, second_bias_.data(), scratch.h2);
  }

  CURVOX_AMX_FN void output_gradient(int64_t begin, int count, const float* colours,
                                     const float* colours_gradient, Scratch& scratch,
                                     NetworkSums& sums) const {
    std::fill(scratch.g_out.begin(), scratch.g_out.end(), Half{0});
    for (int s = 0; s < count; ++s) {
      for (int c = 0; c < kColours; ++c) {
        const int64_t at = (begin + s) * kColours + c;
        const float g = colours_gradient[at] * colours[at] * (1 - colours[at]);
        scratch.g_out[s * kTileDepth + c] = rounded(g);
        sums.last_bias[c] += g;
      }
    }
  }

  // sums [taken, width] += the first of the `columns` columns of rows, transposed, times `layer`: a
  // sum over all samples.
  CURVOX_AMX_FN void sum_products(const Aligned<Half>& rows, int stride, int columns, int taken,
                                  const Aligned<Half>& layer, Aligned<float>& sums,
                                  Scratch& scratch) const {
    pair_samples(rows.data(), stride, columns, scratch.pairs.data());
    transpose_samples(scratch.pairs.data(), stride, columns, scratch.transposed.data());
    pair_samples(layer.data(), stride_, width_, scratch.pairs.data());
    tile_multiply<true>(scratch.transposed.data(), kTransposedStride, scratch.pairs.data(),
                        sums.data(), stride_, taken, width_, kTileSamples);
  }

  // layer = relu(sums + bias)
  CURVOX_AMX_FN void rectify(const Aligned<float>& sums, const float* bias,
                             Aligned<Half>& layer) const {
    for (int s = 0; s < kTileSamples; ++s) {
      for (int j = 0; j < width_; j += 16) {
        __m512 x = _mm512_loadu_ps(sums.data() + s * stride_ + j);
        if (bias) x = _mm512_add_ps(x, _mm512_loadu_ps(bias + j));
        x = _mm512_max_ps(_mm512_setzero_ps(), x);  // of a NaN the second operand: it stays
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(layer.data() + s * stride_ + j), halves(x));
      }
    }
  }

  // gradients = 0 where the layer is, and the same in bfloat16.
  CURVOX_AMX_FN void mask(const Aligned<Half>& layer, Aligned<float>& gradients,
                          Aligned<Half>& to) const {
    for (int at = 0; at < kTileSamples * stride_; at += 16) {
      const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(layer.data() + at));
      const __mmask16 positive = _mm256_test_epi16_mask(h, _mm256_set1_epi16(0x7fff));
      const __m512 g = _mm512_maskz_loadu_ps(positive, gradients.data() + at);
      _mm512_storeu_ps(gradients.data() + at, g);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to.data() + at), halves(g));
    }
  }

  CURVOX_AMX_FN static void add(float* to, const float* from, int count) {
    for (int i = 0; i < count; ++i) to[i] += from[i];
  }

  NetworkTask task_;
  int inputs_, width_;  // padded
  int stride_;          // between rows of the layers
  Aligned<Half> first_in_, first_out_, second_in_, second_out_, last_in_, last_out_;
  Aligned<float> second_bias_;
};

}  // namespace curvox

#endif
