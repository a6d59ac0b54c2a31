// What the files of bindings share: each binds one family of kernels to the CPU module, validates
// what only a look at the data can tell, and divides the work among threads. Tensors arrive as
// addresses: the ops in src/curvox/ops have checked shapes, dtypes and contiguity before.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace curvox {

namespace nb = nanobind;

void bind_adam(nb::module_& module);
void bind_blur(nb::module_& module);
void bind_composite(nb::module_& module);
void bind_host_kernels(nb::module_& module);
void bind_interpolate(nb::module_& module);
void bind_march(nb::module_& module);
void bind_network(nb::module_& module);
void bind_outline(nb::module_& module);
void bind_paint(nb::module_& module);
void bind_path_picture(nb::module_& module);
void bind_rays(nb::module_& module);
void bind_splat(nb::module_& module);
void bind_total_variation(nb::module_& module);

template <class T>
T* at(uintptr_t address) {
  return reinterpret_cast<T*>(address);
}

}  // namespace curvox
