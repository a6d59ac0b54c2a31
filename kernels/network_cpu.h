// A shallow network over samples of rays: two hidden layers with ReLU and a sigmoid of three.
//
//   h1 = relu(features W1' + ray_inputs[ray]),  h2 = relu(h1 W2' + b2),  colour = sigmoid(h2 W3' + b3)
//
// Samples are taken kSamples at a time, so that everything that a sample needs stays in the cache.
// The backward pass computes the hidden layers anew: writing and reading a kilobyte a sample would
// take as long.
#pragma once

#include <algorithm>
#include <vector>

#include "multiply_cpu.h"
#include "portable.h"

namespace curvox {

constexpr int kColours = 3;
constexpr int kSamples = 16 * kBlockRows;  // a block's: three layers of width 128 fill 150 KiB

struct NetworkTask {
  const float* features;     // [count, inputs]
  const float* ray_inputs;   // [rays, width]
  const int32_t* ray_ids;    // [count], not falling
  const float* first;        // [width, inputs]
  const float* second;       // [width, width]
  const float* second_bias;  // [width]
  const float* last;         // [3, width]
  const float* last_bias;    // [3]
  int64_t count, rays;
  int inputs, width;
};

// Sums of the weights' gradients over some of the samples, transposed and with padded rows.
struct NetworkSums {
  Aligned<float> first;        // [inputs, width]
  Aligned<float> second;       // [width, width], a row for each input
  Aligned<float> second_bias;  // [width]
  Aligned<float> last;         // [width, 3]
  Aligned<float> last_bias;    // [3]
};

// The network's weights in the layouts that the products read, made once a call.
class Network {
 public:
  explicit Network(const NetworkTask& task)
      : task_(task),
        inputs_(static_cast<int>(round_up(task.inputs, kLanes))),
        width_(static_cast<int>(round_up(task.width, kLanes))),
        first_in_(transposed(task.first, task.width, task.inputs, width_)),
        first_out_(padded(task.first, task.width, task.inputs, width_, inputs_)),
        second_in_(transposed(task.second, task.width, task.width, width_)),
        second_out_(padded(task.second, task.width, task.width, width_, width_)),
        second_bias_(padded(task.second_bias, 1, task.width, 1, width_)),
        last_in_(transposed(task.last, kColours, task.width, kPaddedColours)),
        last_out_(padded(task.last, kColours, task.width, kColours, width_)) {}

  // Colours of the samples first .. last - 1.
  void forward(int64_t first, int64_t last, float* colours) const {
    Scratch scratch(*this);
    for (int64_t begin = first; begin < last; begin += kSamples) {
      const int count = static_cast<int>(smaller<int64_t>(kSamples, last - begin));
      hidden(begin, count, scratch);
      multiply<false>({scratch.h2.data(), width_, 1}, {last_in_.data(), kPaddedColours},
                      {scratch.out.data(), kPaddedColours}, kSamples, kPaddedColours, task_.width);
      for (int s = 0; s < count; ++s) {
        for (int c = 0; c < kColours; ++c) {
          const float x = scratch.out[s * kPaddedColours + c] + task_.last_bias[c];
          colours[(begin + s) * kColours + c] = 1 / (1 + expf(-x));
        }
      }
    }
  }

  // Gradients from the samples first .. last - 1: of their features, added to the rows of their
  // rays (which no samples outside may share), and the sums of all weights' gradients.
  NetworkSums backward(int64_t first, int64_t last, const float* colours,
                       const float* colours_gradient, float* features_gradient,
                       float* rays_gradient) const {
    Scratch scratch(*this);
    NetworkSums sums;
    sums.first.resize(round_up(task_.inputs, kBlockRows) * width_);
    sums.second.resize(round_up(width_, kBlockRows) * width_);
    sums.second_bias.resize(width_);
    sums.last.resize(round_up(width_, kBlockRows) * kPaddedColours);
    sums.last_bias.resize(kColours);
    for (int64_t begin = first; begin < last; begin += kSamples) {
      const int count = static_cast<int>(smaller<int64_t>(kSamples, last - begin));
      backward_block(begin, count, colours, colours_gradient, features_gradient, rays_gradient,
                     scratch, sums);
    }
    return sums;
  }

  static constexpr int kPaddedColours = kLanes;

  // Of the rows of sums over the width.
  int64_t width_stride() const { return width_; }

 private:
  // Rows of a block that has fewer samples are zero. The last rows of a transposed read reach a
  // little beyond the end.
  struct Scratch {
    explicit Scratch(const Network& n)
        : in(kSamples * n.inputs_ + kBlockRows),
          h1(kSamples * n.width_ + kBlockRows),
          h2(h1.size()),
          out(kSamples * kPaddedColours),
          g1(h1.size()),
          g2(h1.size()),
          g_in(kSamples * n.inputs_) {}
    Aligned<float> in, h1, h2, out, g1, g2, g_in;
  };

  static Aligned<float> padded(const float* from, int rows, int columns, int64_t padded_rows,
                                   int64_t padded_columns) {
    Aligned<float> to(padded_rows * padded_columns);
    for (int row = 0; row < rows; ++row) {
      std::copy_n(from + int64_t{row} * columns, columns, to.data() + row * padded_columns);
    }
    return to;
  }

  static Aligned<float> transposed(const float* from, int rows, int columns, int64_t stride) {
    Aligned<float> to(columns * stride);
    for (int row = 0; row < rows; ++row) {
      for (int column = 0; column < columns; ++column) {
        to[column * stride + row] = from[int64_t{row} * columns + column];
      }
    }
    return to;
  }

  void hidden(int64_t begin, int count, Scratch& scratch) const {
    for (int s = 0; s < count; ++s) {
      const int64_t sample = begin + s;
      std::copy_n(task_.features + sample * task_.inputs, task_.inputs,
                  scratch.in.data() + s * inputs_);
      std::copy_n(task_.ray_inputs + int64_t{task_.ray_ids[sample]} * task_.width, task_.width,
                  scratch.h1.data() + s * width_);
      std::copy_n(second_bias_.data(), width_, scratch.h2.data() + s * width_);
    }
    clear_rows(scratch.in, inputs_, count);
    clear_rows(scratch.h1, width_, count);
    clear_rows(scratch.h2, width_, count);
    multiply<true>({scratch.in.data(), inputs_, 1}, {first_in_.data(), width_},
                   {scratch.h1.data(), width_}, kSamples, width_, task_.inputs);
    rectify(scratch.h1);
    multiply<true>({scratch.h1.data(), width_, 1}, {second_in_.data(), width_},
                   {scratch.h2.data(), width_}, kSamples, width_, task_.width);
    rectify(scratch.h2);
  }

  void backward_block(int64_t begin, int count, const float* colours, const float* colours_gradient,
                      float* features_gradient, float* rays_gradient, Scratch& scratch,
                      NetworkSums& sums) const {
    hidden(begin, count, scratch);
    std::fill(scratch.out.begin(), scratch.out.end(), 0.0f);  // gradient before the sigmoid
    for (int s = 0; s < count; ++s) {
      for (int c = 0; c < kColours; ++c) {
        const int64_t at = (begin + s) * kColours + c;
        const float g = colours_gradient[at] * colours[at] * (1 - colours[at]);
        scratch.out[s * kPaddedColours + c] = g;
        sums.last_bias[c] += g;
      }
    }
    multiply<true>({scratch.h2.data(), 1, width_}, {scratch.out.data(), kPaddedColours},
                   {sums.last.data(), kPaddedColours}, round_up(width_, kBlockRows), kPaddedColours,
                   kSamples);
    multiply<false>({scratch.out.data(), kPaddedColours, 1}, {last_out_.data(), width_},
                    {scratch.g2.data(), width_}, kSamples, width_, kColours);
    mask(scratch.g2, scratch.h2);
    for (int s = 0; s < count; ++s) {
      add(sums.second_bias.data(), scratch.g2.data() + s * width_, width_);
    }
    multiply<true>({scratch.h1.data(), 1, width_}, {scratch.g2.data(), width_},
                   {sums.second.data(), width_}, round_up(width_, kBlockRows), width_, kSamples);
    multiply<false>({scratch.g2.data(), width_, 1}, {second_out_.data(), width_},
                    {scratch.g1.data(), width_}, kSamples, width_, task_.width);
    mask(scratch.g1, scratch.h1);
    for (int s = 0; s < count; ++s) {
      add(rays_gradient + int64_t{task_.ray_ids[begin + s]} * task_.width,
          scratch.g1.data() + s * width_, task_.width);
    }
    multiply<true>({scratch.in.data(), 1, inputs_}, {scratch.g1.data(), width_},
                   {sums.first.data(), width_}, round_up(task_.inputs, kBlockRows), width_,
                   kSamples);
    multiply<false>({scratch.g1.data(), width_, 1}, {first_out_.data(), inputs_},
                    {scratch.g_in.data(), inputs_}, kSamples, inputs_, task_.width);
    for (int s = 0; s < count; ++s) {
      std::copy_n(scratch.g_in.data() + s * inputs_, task_.inputs,
                  features_gradient + (begin + s) * task_.inputs);
    }
  }

  static void clear_rows(Aligned<float>& rows, int stride, int from) {
    std::fill(rows.begin() + int64_t{from} * stride, rows.end(), 0.0f);
  }

  static void rectify(Aligned<float>& values) {
    for (float& value : values) value = value < 0 ? 0 : value;  // NaN stays NaN
  }

  // Gradients pass only where the layer was positive.
  static void mask(Aligned<float>& gradients, const Aligned<float>& layer) {
    for (size_t i = 0; i < gradients.size(); ++i) gradients[i] = layer[i] <= 0 ? 0 : gradients[i];
  }

  static void add(float* to, const float* from, int count) {
    for (int i = 0; i < count; ++i) to[i] += from[i];
  }

  NetworkTask task_;
  int inputs_, width_;  // floats a row
  Aligned<float> first_in_, first_out_, second_in_, second_out_, second_bias_, last_in_,
      last_out_;
};

// Where share `index` of `shares` of the samples begins: never within a ray.
inline int64_t share_begin(const NetworkTask& task, int64_t index, int shares) {
  int64_t at = task.count * index / shares;
  while (at > 0 && at < task.count && task.ray_ids[at] == task.ray_ids[at - 1]) ++at;
  return at;
}

// to [rows, columns] = the sum over all shares of a matrix [columns, rows] with padded rows.
inline void sum_transposed(const std::vector<NetworkSums>& shares,
                           Aligned<float> NetworkSums::*matrix, int64_t stride, int rows,
                           int columns, float* to) {
  std::fill_n(to, int64_t{rows} * columns, 0.0f);
  for (const NetworkSums& share : shares) {
    for (int column = 0; column < columns; ++column) {
      const float* from = (share.*matrix).data() + column * stride;
      for (int row = 0; row < rows; ++row) to[int64_t{row} * columns + column] += from[row];
    }
  }
}

}  // namespace curvox
