// The CUDA kernels of vector graphics and of the march, run by this thread, block after block: how
// tests hold them, and the code that launches them, to the references where there is no GPU. As on
// CUDA no values are looked at.
#include <type_traits>

#include "bind.h"

using namespace curvox;

#include "cuda_march.inc"
#include "cuda_outline.inc"
#include "cuda_paint.inc"

namespace curvox {
namespace {

template <class T>
using Passed = std::conditional_t<std::is_pointer_v<T>, uintptr_t, T>;

template <class T>
T received(Passed<T> argument) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<T>(argument);
  } else {
    return argument;
  }
}

// Binds a kernel under its name, launched like cuda.launch does: a block program, or one whose
// threads know nothing of each other.
template <bool BLOCKS, class... Arguments>
void define(nb::module_& module, const char* name, void (*kernel)(Arguments...)) {
  module.def(name, [kernel](int64_t blocks, int64_t threads, Passed<Arguments>... arguments) {
    nb::gil_scoped_release release;
    const int64_t runs = BLOCKS ? blocks : blocks * threads;
    for (int64_t run = 0; run < runs; ++run) {
      host_launch = {run, blocks, run};
      kernel(received<Arguments>(arguments)...);
    }
  });
}

}  // namespace

void bind_host_kernels(nb::module_& module) {
  nb::module_ host = module.def_submodule("host_kernels");
  define<true>(host, "curvox_paint_layer_boxes", curvox_paint_layer_boxes);
  define<true>(host, "curvox_paint_step_boxes", curvox_paint_step_boxes);
  define<true>(host, "curvox_paint_tiles", curvox_paint_tiles);
  define<true>(host, "curvox_paint_counts", curvox_paint_counts);
  define<true>(host, "curvox_paint_gradients", curvox_paint_gradients);
  define<true>(host, "curvox_sum_shares", curvox_sum_shares);
  define<false>(host, "curvox_flatten_counts", curvox_flatten_counts);
  define<false>(host, "curvox_flatten_vertices", curvox_flatten_vertices);
  define<false>(host, "curvox_flatten_backward", curvox_flatten_backward);
  define<false>(host, "curvox_stroke_counts", curvox_stroke_counts);
  define<false>(host, "curvox_stroke_samples", curvox_stroke_samples);
  define<false>(host, "curvox_stroke_vertex_counts", curvox_stroke_vertex_counts);
  define<false>(host, "curvox_stroke_vertices", curvox_stroke_vertices);
  define<false>(host, "curvox_stroke_loops", curvox_stroke_loops);
  define<false>(host, "curvox_stroke_sample_gradients", curvox_stroke_sample_gradients);
  define<false>(host, "curvox_stroke_segment_gradients", curvox_stroke_segment_gradients);
  define<true>(host, "curvox_march_count", curvox_march_count);
  define<true>(host, "curvox_march_emit", curvox_march_emit);
  define<true>(host, "curvox_march_backward", curvox_march_backward);
  // What the CUDA launches need to know of these headers.
  module.attr("MARCH_THREADS") = kWarp;
  module.attr("RAY_THREADS") = kRayThreads;
  module.attr("PAINT_TILE") = kTile;
  module.attr("PAINT_TILE_THREADS") = kTileThreads;
  module.attr("PAINT_SIGHT_FLOATS") = kSightFloats;
  module.attr("PAINT_KEPT_FLOATS") = kKeptFloats;
  module.attr("PAINT_CANVAS_FLOATS") = kCanvasFloats;
  module.attr("PAINT_SUM_THREADS") = kWarp;
  module.attr("OUTLINE_THREADS") = kOutlineThreads;
  module.attr("OUTLINE_SAMPLE_BYTES") = sizeof(StrokeSample);
}

}  // namespace curvox
