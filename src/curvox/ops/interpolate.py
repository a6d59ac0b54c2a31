"""Values of a voxel grid between its points, and the gradient of the grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_like, runs_kernel
from curvox.ops.grid import check_grid, interpolate_reference

__all__ = ["grid_gradient", "interpolate"]

_CUDA_THREADS = 256  # of a block


def interpolate(
    values: Tensor,
    shape: Sequence[int],
    box: Tensor,
    points: Tensor,
    *,
    sparse: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Interpolate a voxel grid trilinearly.

    Grid points stand on the faces of the box: the grid coordinate of position p along an axis is
    (p - box[0]) / (box[1] - box[0]) * (shape - 1), cut off at 0 and shape - 1.

    Args:
        values: [V, C], V = X * Y * Z, float32 or float64: row (x * Y + y) * Z + z holds grid point
            (x, y, z). Differentiable.
        shape: X, Y, Z, each at least 2.
        box: [2, 3], lowest and highest corner.
        points: [M, 3], in the units of the box. Outside it they count as the nearest position on
            its faces, and what is not a number as the lowest. Not differentiable.
        sparse: make the gradient of `values` a sparse COO tensor of the rows that were touched, in
            ascending order, for :class:`curvox.optim.Adam`. On CUDA it stays dense; that of the
            reference is not coalesced.
        backend: ``"torch"`` runs the reference. None takes the kernels for float32 on CPU and CUDA
            and the reference for everything else.

    Returns:
        [M, C], the dtype and device of `values`.

    Raises:
        ValueError: shapes that do not fit, and on the CPU a box that is empty or not finite.
        TypeError: a dtype or device that differs from that of `values`.

    On the CPU the gradient has the same bits for any number of threads. On CUDA it is added up by
    atomic operations, in no fixed order.
    """
    check_grid("values", values, shape, box)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"points must be [M, 3], got {list(points.shape)}")
    check_like("points", points, (points.shape[0], 3), "values", values)
    if not runs_kernel(values, backend):
        on_cpu = values.device.type == "cpu"
        return interpolate_reference(values, shape, box, points, sparse and on_cpu)
    result: Tensor = _Interpolate.apply(values, list(shape), box, points, sparse)
    return result


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, shape, box, points, sparse):  # type: ignore[no-untyped-def]
        box, points = box.detach().contiguous(), points.detach().contiguous()
        ctx.save_for_backward(box, points)
        ctx.settings = (shape, sparse)
        return torch.ops.curvox.interpolate(values.contiguous(), shape, box, points)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradients):  # type: ignore[no-untyped-def]
        shape, sparse = ctx.settings
        return grid_gradient(gradients.contiguous(), shape, *ctx.saved_tensors, sparse), *[None] * 4


def grid_gradient(
    gradients: Tensor, shape: Sequence[int], box: Tensor, points: Tensor, sparse: bool
) -> Tensor:
    """The gradient [V, C] of a grid from `gradients` [M, C] of its values at `points`; contiguous
    float32 tensors. Sparse where that is asked for and the tensors are on the CPU.
    """
    if not sparse or gradients.device.type != "cpu":
        dense: Tensor = torch.ops.curvox.interpolate_backward(gradients, shape, box, points)
        return dense
    rows, values = torch.ops.curvox.interpolate_backward_sparse(gradients, shape, box, points)
    size = (shape[0] * shape[1] * shape[2], gradients.shape[1])
    return torch.sparse_coo_tensor(
        rows[None], values, size, is_coalesced=True, check_invariants=False
    )


_library = torch.library.Library("curvox", "FRAGMENT")
_library.define("interpolate(Tensor values, int[3] shape, Tensor box, Tensor points) -> Tensor")
_library.define(
    "interpolate_backward(Tensor gradients, int[3] shape, Tensor box, Tensor points) -> Tensor"
)
_library.define(
    "interpolate_backward_sparse(Tensor gradients, int[3] shape, Tensor box, Tensor points) "
    "-> (Tensor, Tensor)"
)


def _interpolate_cpu(values, shape, box, points):  # type: ignore[no-untyped-def]
    result = values.new_empty(points.shape[0], values.shape[1])
    _native.cpu.interpolate(
        values.data_ptr(),
        *shape,
        values.shape[1],
        box.data_ptr(),
        points.data_ptr(),
        points.shape[0],
        result.data_ptr(),
        _native.threads(),
    )
    return result


def _scatter(shape, box, points, compact):  # type: ignore[no-untyped-def]
    count = points.shape[0]
    return _native.cpu.Scatter(
        *shape, box.data_ptr(), points.data_ptr(), count, compact, _native.threads()
    )


def _interpolate_backward_cpu(gradients, shape, box, points):  # type: ignore[no-untyped-def]
    channels = gradients.shape[1]
    values = gradients.new_zeros(shape[0] * shape[1] * shape[2], channels)
    _scatter(shape, box, points, False).dense(gradients.data_ptr(), channels, values.data_ptr())
    return values


def _interpolate_backward_sparse_cpu(gradients, shape, box, points):  # type: ignore[no-untyped-def]
    channels = gradients.shape[1]
    scatter = _scatter(shape, box, points, True)
    rows = gradients.new_empty(scatter.num_rows, dtype=torch.int64)
    values = gradients.new_empty(scatter.num_rows, channels)
    scatter.compact(gradients.data_ptr(), channels, rows.data_ptr(), values.data_ptr())
    return rows, values


def _launch(name, first, shape, box, points, last, channels):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    count = points.shape[0]
    blocks = -(-count * channels // _CUDA_THREADS)
    arguments = (first, *shape, channels, box, points, count, last)
    cuda.launch(points.device, name, blocks, _CUDA_THREADS, *arguments)


def _interpolate_cuda(values, shape, box, points):  # type: ignore[no-untyped-def]
    result = values.new_empty(points.shape[0], values.shape[1])
    _launch("curvox_interpolate", values, shape, box, points, result, values.shape[1])
    return result


def _interpolate_backward_cuda(gradients, shape, box, points):  # type: ignore[no-untyped-def]
    channels = gradients.shape[1]
    values = gradients.new_zeros(shape[0] * shape[1] * shape[2], channels)
    _launch("curvox_interpolate_backward", gradients, shape, box, points, values, channels)
    return values


_library.impl("interpolate", _interpolate_cpu, "CPU")
_library.impl("interpolate", _interpolate_cuda, "CUDA")
_library.impl("interpolate_backward", _interpolate_backward_cpu, "CPU")
_library.impl("interpolate_backward", _interpolate_backward_cuda, "CUDA")
_library.impl("interpolate_backward_sparse", _interpolate_backward_sparse_cpu, "CPU")


@torch.library.register_fake("curvox::interpolate")
def _(values, shape, box, points):  # type: ignore[no-untyped-def]
    return values.new_empty(points.shape[0], values.shape[1])


@torch.library.register_fake("curvox::interpolate_backward")
def _(gradients, shape, box, points):  # type: ignore[no-untyped-def]
    return gradients.new_empty(shape[0] * shape[1] * shape[2], gradients.shape[1])


@torch.library.register_fake("curvox::interpolate_backward_sparse")
def _(gradients, shape, box, points):  # type: ignore[no-untyped-def]
    num_rows = torch.library.get_ctx().new_dynamic_size()
    rows = gradients.new_empty(num_rows, dtype=torch.int64)
    return rows, gradients.new_empty(num_rows, gradients.shape[1])
