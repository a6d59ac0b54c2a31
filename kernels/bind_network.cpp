// The shallow network of a radiance field, on the CPU.
#include "bind.h"
#include "network_amx.h"
#include "network_cpu.h"
#include "shares.h"

namespace curvox {
namespace {

// Fixed shares, whatever the number of threads, so that sums have the same bits for any.
constexpr int kShares = 32;
constexpr int64_t kSamplesPerShare = 8 * kSamples;  // at least, where there are few samples
constexpr int64_t kEntriesPerSample = 100;          // of in_shares, whose entries take nanoseconds

int share_count(const NetworkTask& task) {
  return static_cast<int>(smaller<int64_t>(kShares, task.count / kSamplesPerShare + 1));
}

void check_rays(const NetworkTask& task) {
  for (int64_t i = 0; i < task.count; ++i) {
    const int32_t ray = task.ray_ids[i];
    if (ray < 0 || ray >= task.rays || (i > 0 && ray < task.ray_ids[i - 1])) {
      throw std::invalid_argument("ray_ids must rise within 0.." + std::to_string(task.rays - 1) +
                                  ", sample " + std::to_string(i) + " has " + std::to_string(ray));
    }
  }
}

template <class AnyNetwork>
void forward_with(const NetworkTask& task, float* colours, int threads) {
  const AnyNetwork network(task);
  const int shares = share_count(task);
  in_shares(shares, 1, task.count * kEntriesPerSample, threads, [&](int64_t share, int64_t) {
    network.forward(share_begin(task, share, shares), share_begin(task, share + 1, shares),
                    colours);
  });
}

void network_forward(const NetworkTask& task, bool tiles, float* colours, int threads) {
  check_rays(task);
#if defined(CURVOX_AMX)
  if (tiles && amx_available()) return forward_with<TileNetwork>(task, colours, threads);
#endif
  forward_with<Network>(task, colours, threads);
}

struct NetworkGradients {
  float *features, *ray_inputs, *first, *second, *second_bias, *last, *last_bias;
};

template <class AnyNetwork>
void backward_with(const NetworkTask& task, const float* colours, const float* colours_gradient,
                   const NetworkGradients& to, int threads) {
  const AnyNetwork network(task);
  const int shares = share_count(task);
  std::vector<NetworkSums> sums(shares);
  std::fill_n(to.ray_inputs, task.rays * task.width, 0.0f);
  in_shares(shares, 1, task.count * kEntriesPerSample, threads, [&](int64_t share, int64_t) {
    sums[share] = network.backward(share_begin(task, share, shares),
                                   share_begin(task, share + 1, shares), colours, colours_gradient,
                                   to.features, to.ray_inputs);
  });
  const int64_t stride = network.width_stride();
  sum_transposed(sums, &NetworkSums::first, stride, task.width, task.inputs, to.first);
  sum_transposed(sums, &NetworkSums::second, stride, task.width, task.width, to.second);
  sum_transposed(sums, &NetworkSums::second_bias, stride, task.width, 1, to.second_bias);
  sum_transposed(sums, &NetworkSums::last, AnyNetwork::kPaddedColours, kColours, task.width,
                 to.last);
  sum_transposed(sums, &NetworkSums::last_bias, kColours, kColours, 1, to.last_bias);
}

void network_backward(const NetworkTask& task, bool tiles, const float* colours,
                      const float* colours_gradient, const NetworkGradients& to, int threads) {
  check_rays(task);
#if defined(CURVOX_AMX)
  if (tiles && amx_available()) {
    return backward_with<TileNetwork>(task, colours, colours_gradient, to, threads);
  }
#endif
  backward_with<Network>(task, colours, colours_gradient, to, threads);
}

NetworkTask network_task(uintptr_t features, uintptr_t ray_inputs, uintptr_t ray_ids,
                         uintptr_t first, uintptr_t second, uintptr_t second_bias, uintptr_t last,
                         uintptr_t last_bias, int64_t count, int64_t rays, int inputs, int width) {
  return {at<const float>(features),    at<const float>(ray_inputs), at<const int32_t>(ray_ids),
          at<const float>(first),       at<const float>(second),     at<const float>(second_bias),
          at<const float>(last),        at<const float>(last_bias),  count, rays, inputs, width};
}

}  // namespace

void bind_network(nb::module_& module) {
  // Whether the matrix unit serves products of bfloat16.
  module.def("network_tiles", [] {
#if defined(CURVOX_AMX)
    return amx_available();
#else
    return false;
#endif
  });
  module.def("network_forward",
             [](uintptr_t features, uintptr_t ray_inputs, uintptr_t ray_ids, uintptr_t first,
                uintptr_t second, uintptr_t second_bias, uintptr_t last, uintptr_t last_bias,
                int64_t count, int64_t rays, int inputs, int width, bool tiles,
                uintptr_t colours, int threads) {
               nb::gil_scoped_release release;
               network_forward(network_task(features, ray_inputs, ray_ids, first, second,
                                            second_bias, last, last_bias, count, rays, inputs,
                                            width),
                               tiles, at<float>(colours), threads);
             });
  module.def("network_backward",
             [](uintptr_t features, uintptr_t ray_inputs, uintptr_t ray_ids, uintptr_t first,
                uintptr_t second, uintptr_t second_bias, uintptr_t last, uintptr_t last_bias,
                int64_t count, int64_t rays, int inputs, int width, bool tiles,
                uintptr_t colours, uintptr_t colours_gradient, uintptr_t features_gradient,
                uintptr_t ray_inputs_gradient, uintptr_t first_gradient, uintptr_t second_gradient,
                uintptr_t second_bias_gradient, uintptr_t last_gradient,
                uintptr_t last_bias_gradient, int threads) {
               nb::gil_scoped_release release;
               network_backward(
                   network_task(features, ray_inputs, ray_ids, first, second, second_bias, last,
                                last_bias, count, rays, inputs, width),
                   tiles, at<const float>(colours), at<const float>(colours_gradient),
                   {at<float>(features_gradient), at<float>(ray_inputs_gradient),
                    at<float>(first_gradient), at<float>(second_gradient),
                    at<float>(second_bias_gradient), at<float>(last_gradient),
                    at<float>(last_bias_gradient)},
                   threads);
             });
}

}  // namespace curvox
