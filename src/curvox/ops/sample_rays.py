"""Evenly spaced samples along rays, inside a box, as one ragged list."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import MOST_SAMPLES, check_count, check_rays, runs_kernel
from curvox.ops.ragged import ray_of_each

__all__ = ["RaySamples", "lattice", "sample_rays", "sample_rays_reference"]


class RaySamples(NamedTuple):
    """Samples of all rays one after the other: in order of rays, along each ray outwards."""

    points: Tensor
    """[M, 3]."""
    distances: Tensor
    """[M] from the ray's origin, in units of its direction's length."""
    ray_ids: Tensor
    """[M] int32, the ray that a sample belongs to."""
    offsets: Tensor
    """[R + 1] int64: ray r owns samples offsets[r] to offsets[r + 1] - 1."""


def sample_rays(
    origins: Tensor,
    directions: Tensor,
    box: Tensor,
    near: float,
    far: float,
    step: float,
    *,
    jitter: Tensor | None = None,
    backend: str | None = None,
) -> RaySamples:
    r"""Put a sample on every `step` of each ray, where it passes through a box.

    A ray enters at :math:`t_0` and leaves at :math:`t_1`, the ends of what [near, far] and the
    box have in common on it (the slab test of Kay & Kajiya 1986). Its samples stand at

    .. math::
        t_k = t_0 + (k + jitter) \cdot step, \quad
        0 \le k < \lceil (t_1 - t_0) / step - jitter \rceil

    Args:
        origins: [R, 3], float32 or float64, any finite position, R may be 0.
        directions: [R, 3], finite, of unit length if distances are to be those of the scene. A
            component may be zero: the ray is parallel to two faces, and meets the box if it runs
            between them or on one of them.
        box: [2, 3], lowest and highest corner.
        near, far: distances, 0 <= near <= far, finite.
        step: distance between samples, positive.
        jitter: [R] in [0, 1), where in its step a ray's samples stand. None: a half for every ray.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Returns:
        The samples; a ray that misses the box has none. Rounding may put one on an end of its ray
        a few units in the last place outside the box. Nothing is differentiable.

    Raises:
        ValueError: shapes, numbers out of range, 2^31 samples or more, and (on the CPU) rays that
            are not finite, jitter outside [0, 1), a box that is none. On CUDA none of the values
            is read back to look: a ray that is not finite has samples that are not, or none.
        TypeError: a dtype or device that differs from that of `origins`.

    On CUDA one number, how many samples there are, is waited for.
    """
    check_rays(origins, directions, box, near, far, step, jitter)
    kernel = runs_kernel(origins, backend)
    function = torch.ops.curvox.sample_rays if kernel else sample_rays_reference
    samples = function(
        origins.detach().contiguous(),
        directions.detach().contiguous(),
        box.detach().contiguous(),
        None if jitter is None else jitter.detach().contiguous(),
        near,
        far,
        step,
    )
    return RaySamples(*samples)


def sample_rays_reference(
    origins: Tensor,
    directions: Tensor,
    box: Tensor,
    jitter: Tensor | None,
    near: float,
    far: float,
    step: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """:func:`sample_rays` in plain PyTorch, after its checks."""
    if jitter is None:
        jitter = torch.full_like(origins[:, 0], 0.5)
    enter, counts = lattice(origins, directions, box, jitter, near, far, step)
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    check_count(int(offsets[-1]))
    ray_ids = ray_of_each(offsets)
    k = torch.arange(len(ray_ids), device=origins.device) - offsets[ray_ids]
    distances = enter[ray_ids] + (k + jitter[ray_ids]) * step
    points = origins[ray_ids] + distances[:, None] * directions[ray_ids]
    return points, distances, ray_ids.int(), offsets


def lattice(
    origins: Tensor,
    directions: Tensor,
    box: Tensor,
    jitter: Tensor,
    near: float,
    far: float,
    step: float,
) -> tuple[Tensor, Tensor]:
    """Where each ray enters the box, and how many samples it has there, in plain PyTorch.

    Sample k stands at the distance enter + (k + jitter) * step. Arguments are those of
    :func:`sample_rays`.

    Returns:
        Distances [R], and counts [R], int64.
    """
    parallel = directions == 0
    ends = (box[:, None] - origins) / torch.where(parallel, 1, directions)  # [2, R, 3]
    enter = torch.where(parallel, -torch.inf, ends.amin(0)).amax(1).clamp(min=near)  # [R]
    leave = torch.where(parallel, torch.inf, ends.amax(0)).amin(1).clamp(max=far)
    beside = (parallel & ((origins < box[0]) | (origins > box[1]))).any(1)
    # More than a list may hold is counted as that, so that no integer overflows.
    counts = ((leave - enter) / step - jitter).ceil().clamp(0, MOST_SAMPLES + 1)
    return enter, torch.where(beside | counts.isnan(), 0, counts).long()


_CUDA_THREADS = 128  # of a block
_WARP = 32

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(
    "sample_rays(Tensor origins, Tensor directions, Tensor box, Tensor? jitter, "
    "float near, float far, float step) -> (Tensor, Tensor, Tensor, Tensor)"
)


def _empty_list(origins, total):  # type: ignore[no-untyped-def]
    points = origins.new_empty(total, 3)
    return points, origins.new_empty(total), origins.new_empty(total, dtype=torch.int32)


def _sample_rays_cpu(origins, directions, box, jitter, near, far, step):  # type: ignore[no-untyped-def]
    count = origins.shape[0]
    task = [0 if t is None else t.data_ptr() for t in (origins, directions, box, jitter)]
    task += [count, near, far, step]
    offsets = origins.new_empty(count + 1, dtype=torch.int64)
    _native.cpu.ray_offsets(*task, offsets.data_ptr(), _native.threads())
    total = int(offsets[-1])
    check_count(total)
    samples = _empty_list(origins, total)
    pointers = [tensor.data_ptr() for tensor in samples]
    _native.cpu.emit_rays(*task, offsets.data_ptr(), *pointers, _native.threads())
    return *samples, offsets


def _sample_rays_cuda(origins, directions, box, jitter, near, far, step):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    count = origins.shape[0]
    task = (origins, directions, box, jitter, count, near, far, step)
    offsets = origins.new_zeros(count + 1, dtype=torch.int64)
    blocks = -(-count // _CUDA_THREADS)
    cuda.launch(origins.device, "curvox_ray_counts", blocks, _CUDA_THREADS, *task, offsets[1:])
    offsets = offsets.cumsum(0)
    total = int(offsets[-1])
    check_count(total)
    samples = _empty_list(origins, total)
    blocks = -(-count * _WARP // _CUDA_THREADS)
    cuda.launch(origins.device, "curvox_emit_rays", blocks, _CUDA_THREADS, *task, offsets, *samples)
    return *samples, offsets


_library.impl("sample_rays", _sample_rays_cpu, "CPU")
_library.impl("sample_rays", _sample_rays_cuda, "CUDA")


@torch.library.register_fake("curvox::sample_rays")
def _(origins, directions, box, jitter, near, far, step):  # type: ignore[no-untyped-def]
    total = torch.library.get_ctx().new_dynamic_size()
    offsets = origins.new_empty(origins.shape[0] + 1, dtype=torch.int64)
    return *_empty_list(origins, total), offsets
