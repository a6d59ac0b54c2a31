// The CUDA kernels of vector graphics and of the march, run by this thread, block after block: how
// tests hold them, and the code that launches them, to the references where there is no GPU. As on
// CUDA no values are looked at.
#include <type_traits>

#include "bind.h"

using namespace curvox;

#include "cuda_march.inc"
#include "cuda_outline.inc"
#include "cuda_paint.inc"
#include "cuda_splat.inc"

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
  define<true>(host, "curvox_paint_plan_steps", curvox_paint_plan_steps);
  define<true>(host, "curvox_paint_plan_groups", curvox_paint_plan_groups);
  define<true>(host, "curvox_paint_plan_masks", curvox_paint_plan_masks);
  define<true>(host, "curvox_paint_tiles", curvox_paint_tiles);
  define<true>(host, "curvox_paint_counts", curvox_paint_counts);
  define<true>(host, "curvox_paint_places", curvox_paint_places);
  define<true>(host, "curvox_paint_gradients", curvox_paint_gradients);
  define<true>(host, "curvox_paint_sums", curvox_paint_sums);
  define<false>(host, "curvox_flatten_counts", curvox_flatten_counts);
  define<false>(host, "curvox_flatten_vertices", curvox_flatten_vertices);
  define<false>(host, "curvox_flatten_backward", curvox_flatten_backward);
  define<false>(host, "curvox_stroke_counts", curvox_stroke_counts);
  define<false>(host, "curvox_stroke_samples", curvox_stroke_samples);
  define<false>(host, "curvox_stroke_vertex_counts", curvox_stroke_vertex_counts);
  define<false>(host, "curvox_stroke_vertices", curvox_stroke_vertices);
  define<false>(host, "curvox_stroke_sample_gradients", curvox_stroke_sample_gradients);
  define<false>(host, "curvox_stroke_segment_gradients", curvox_stroke_segment_gradients);
  define<true>(host, "curvox_stroke_width_gradients", curvox_stroke_width_gradients);
  define<true>(host, "curvox_march_count", curvox_march_count);
  define<true>(host, "curvox_march_emit", curvox_march_emit);
  define<true>(host, "curvox_march_backward", curvox_march_backward);
  define<true>(host, "curvox_splat_tiles", curvox_splat_tiles);
  define<true>(host, "curvox_splat_shares", curvox_splat_shares);
  define<true>(host, "curvox_splat_shares_sigma", curvox_splat_shares_sigma);
  define<false>(host, "curvox_splat_reduce", curvox_splat_reduce);
  // What the CUDA launches need to know of these headers.
  module.attr("MARCH_THREADS") = kWarp;
  module.attr("RAY_THREADS") = kRayThreads;
  module.attr("PAINT_TILE") = kTile;
  module.attr("PAINT_PLAN_THREADS") = kPlanThreads;
  module.attr("PAINT_THREADS") = kPaintThreads;
  module.attr("PAINT_PLACE_THREADS") = kPlaceThreads;
  module.attr("PAINT_SUM_THREADS") = kSumThreads;
  module.attr("PAINT_SUM_TARGETS") = kSumTargets;
  module.attr("PAINT_STEP_BYTES") = sizeof(PlannedStep);
  module.attr("PAINT_MASK_STEPS") = kWarp;
  module.attr("PAINT_SIGHT_BYTES") = kSightFloats * kPaintThreads * sizeof(Pixels);
  module.attr("PAINT_KEPT_BYTES") = kKeptFloats * kPaintThreads * sizeof(Pixels);
  module.attr("PAINT_CANVAS_BYTES") = kCanvasFloats * kPaintThreads * sizeof(Pixels);
  module.def("paint_keys", [](int64_t vertices, int64_t layers, int64_t groups, int64_t gradients,
                              int64_t stops) {
    return PaintKeys{vertices, layers, groups, gradients, stops}.count();
  });
  module.attr("OUTLINE_THREADS") = kOutlineThreads;
  module.attr("OUTLINE_SAMPLE_BYTES") = sizeof(StrokeSample);
  module.attr("SPLAT_TILE") = kTile;
  module.attr("SPLAT_TILE_THREADS") = kTileThreads;
  module.attr("SPLAT_RUN_LENGTH") = kRunLength;
  module.attr("SPLAT_SHARE_THREADS") = kShareThreads;
  module.attr("SPLAT_SHARE_BYTES") = sizeof(CurveGradient);
  module.attr("SPLAT_REDUCE_THREADS") = kReduceThreads;
}

}  // namespace curvox
