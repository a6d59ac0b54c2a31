// Rays as the bindings of several kernels take them.
#pragma once

#include "bind.h"
#include "rays.h"

namespace curvox {

inline RayTask ray_task(uintptr_t origins, uintptr_t directions, uintptr_t box, uintptr_t jitter,
                        int64_t rays, float near, float far, float step) {
  return {at<const float>(origins), at<const float>(directions), at<const float>(box),
          at<const float>(jitter),  rays,                        near,
          far,                      step};
}

}  // namespace curvox
