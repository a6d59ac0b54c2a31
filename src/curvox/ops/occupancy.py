"""Which points lie where a mask says that there is something."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_box, check_float, runs_kernel

__all__ = ["occupied", "occupied_reference"]


def occupied(points: Tensor, mask: Tensor, box: Tensor, *, backend: str | None = None) -> Tensor:
    r"""Look up points in an occupancy mask: is the mask's grid point nearest to them set?

    The mask's grid points stand on the faces of its box, so that a point p has grid coordinates
    :math:`g = (p - box_0) / (box_1 - box_0) \cdot (M - 1)`, M the mask's shape; the nearest grid
    point is :math:`\lfloor g + 1/2 \rfloor`.

    Args:
        points: [N, 3], float32 or float64, any position. What lies more than half a cell outside
            the box is not occupied, and neither is NaN nor infinity.
        mask: [MX, MY, MZ] bool, at least 2 along each axis.
        box: [2, 3], lowest and highest corner.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Returns:
        [N] bool. Not differentiable.

    Raises:
        ValueError: shapes, or (on the CPU) a box that is none.
        TypeError: a mask that is not bool, a dtype or device that differs from that of `points`.
    """
    if points.dim() != 2 or points.shape[1] != 3:
        raise ValueError(f"points must be [N, 3], got {list(points.shape)}")
    check_float("points", points)
    if mask.dim() != 3 or min(mask.shape) < 2:
        raise ValueError(f"mask must be [MX, MY, MZ], each at least 2, got {list(mask.shape)}")
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be bool, got {mask.dtype}")
    if mask.device != points.device:
        raise TypeError(f"mask is on {mask.device}, points on {points.device}")
    check_box("box", box, "points", points)
    kernel = runs_kernel(points, backend)
    function = torch.ops.curvox.occupied if kernel else occupied_reference
    result: Tensor = function(
        points.detach().contiguous(), mask.contiguous(), box.detach().contiguous()
    )
    return result


def occupied_reference(points: Tensor, mask: Tensor, box: Tensor) -> Tensor:
    """:func:`occupied` in plain PyTorch, after its checks."""
    last = torch.tensor(mask.shape, dtype=points.dtype, device=points.device) - 1
    nearest = ((points - box[0]) * (last / (box[1] - box[0])) + 0.5).floor()
    inside = ((nearest >= 0) & (nearest <= last)).all(1)
    x, y, z = torch.where(inside[:, None], nearest, 0).long().unbind(1)
    return inside & mask[x, y, z]


_CUDA_THREADS = 256  # of a block

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define("occupied(Tensor points, Tensor mask, Tensor box) -> Tensor")


def _occupied_cpu(points, mask, box):  # type: ignore[no-untyped-def]
    count = points.shape[0]
    result = points.new_empty(count, dtype=torch.bool)
    pointers = [tensor.data_ptr() for tensor in (points, mask, box)]
    _native.cpu.occupied(*pointers, *mask.shape, count, result.data_ptr(), _native.threads())
    return result


def _occupied_cuda(points, mask, box):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    count = points.shape[0]
    result = points.new_empty(count, dtype=torch.bool)
    blocks = -(-count // _CUDA_THREADS)
    task = (points, mask, box, *mask.shape, count)
    cuda.launch(points.device, "curvox_occupied", blocks, _CUDA_THREADS, *task, result)
    return result


_library.impl("occupied", _occupied_cpu, "CPU")
_library.impl("occupied", _occupied_cuda, "CUDA")


@torch.library.register_fake("curvox::occupied")
def _(points, mask, box):  # type: ignore[no-untyped-def]
    return points.new_empty(points.shape[0], dtype=torch.bool)
