// The CPU module: every family of kernels, bound by a file of its own.
#include "bind.h"

NB_MODULE(CURVOX_MODULE, module) {
  // Objects that graphs of autograd keep for the way back live as long as images do: in scripts
  // until the interpreter ends, of which nanobind would complain.
  nanobind::set_leak_warnings(false);
  module.def("openmp", [] {
#if defined(_OPENMP)
    return true;
#else
    return false;
#endif
  });
  curvox::bind_adam(module);
  curvox::bind_blur(module);
  curvox::bind_composite(module);
  curvox::bind_host_kernels(module);
  curvox::bind_interpolate(module);
  curvox::bind_march(module);
  curvox::bind_network(module);
  curvox::bind_outline(module);
  curvox::bind_paint(module);
  curvox::bind_path_picture(module);
  curvox::bind_rays(module);
  curvox::bind_splat(module);
  curvox::bind_total_variation(module);
}
