"""Total variation of a voxel grid: a loss that makes neighbours alike."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from curvox import _native
from curvox.ops.checks import check_float, runs_kernel

__all__ = ["total_variation", "total_variation_reference"]


def total_variation(
    values: Tensor,
    shape: tuple[int, int, int],
    *,
    touched: Tensor | None = None,
    backend: str | None = None,
) -> Tensor:
    r"""Mean of Huber's function of the differences between neighbours, over the three axes.

    .. math::
        \frac{1}{3} \sum_a \mathrm{mean}_{v, c}\, h(x_{v + e_a, c} - x_{v, c}), \quad
        h(d) = d^2 / 2 \text{ where } |d| < 1, \text{ else } |d| - 1/2

    The total variation of Rudin, Osher & Fatemi (1992) along each axis by itself, smooth where
    neighbours are nearly alike (Huber 1964, with 1 as the threshold).

    Args:
        values: [V, C], float32 or float64, V = X Y Z with row (x Y + y) Z + z for voxel (x, y, z),
            C at least 1, any value (NaN makes the result NaN). Differentiable.
        shape: (X, Y, Z), each at least 2.
        touched: [U] int64, rows of `values`: only the differences of these voxels with their next
            neighbours along each axis count, and the means are over those. Naming a voxel twice
            changes nothing. None: all voxels.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Returns:
        A scalar; 0 where no difference is left to take. Its gradient is dense, [V, C], and not
        zero at touched voxels and those that follow them.

    Raises:
        ValueError: shapes, or (on the CPU) rows that are not in the grid.
        TypeError: a dtype or device that does not fit.

    On the CPU results have the same bits for any number of threads.
    """
    if len(shape) != 3 or min(shape) < 2:
        raise ValueError(f"shape must be (X, Y, Z), each at least 2, got {tuple(shape)}")
    count = math.prod(shape)
    if values.dim() != 2 or values.shape[0] != count or values.shape[1] < 1:
        raise ValueError(f"values must be [{count}, C], C at least 1, got {list(values.shape)}")
    check_float("values", values)
    mask = None if touched is None else _mask_of(touched, values)
    scales = _scales(shape, values, mask)
    if not runs_kernel(values, backend):
        return total_variation_reference(values, shape, mask, scales)
    loss: Tensor = _TotalVariation.apply(values, mask, scales, *shape)
    return loss


def _mask_of(touched: Tensor, values: Tensor) -> Tensor:
    """A flag for each voxel, [V] bool."""
    if touched.dim() != 1:
        raise ValueError(f"touched must be [U], got {list(touched.shape)}")
    if touched.dtype != torch.int64:
        raise TypeError(f"touched must be int64, got {touched.dtype}")
    if touched.device != values.device:
        raise TypeError(f"touched is on {touched.device}, values on {values.device}")
    if touched.device.type == "cpu" and len(touched):
        lowest, highest = (int(end) for end in touched.aminmax())
        if lowest < 0 or highest >= len(values):
            raise ValueError(
                f"touched must lie in 0 to {len(values) - 1}, got {lowest} to {highest}"
            )
    mask = torch.zeros(len(values), dtype=torch.bool, device=values.device)
    return mask.index_fill(0, touched, True)


def _scales(shape: tuple[int, int, int], values: Tensor, mask: Tensor | None) -> Tensor:
    """[3] float64: a third of one over the number of differences along each axis."""
    counts = torch.empty(3, dtype=torch.float64, device=values.device)
    for axis, size in enumerate(shape):
        if mask is None:
            counts[axis] = math.prod(shape) // size * (size - 1)
        else:
            counts[axis] = mask.view(shape).narrow(axis, 0, size - 1).sum()
    return 1 / (3 * values.shape[1] * counts.clamp(min=1))


def total_variation_reference(
    values: Tensor, shape: tuple[int, int, int], mask: Tensor | None, scales: Tensor
) -> Tensor:
    """:func:`total_variation` in plain PyTorch, after its checks, for a mask [V] of voxels."""
    grid = values.reshape(*shape, -1)
    loss = values.new_zeros(())
    for axis, size in enumerate(shape):
        lower, upper = grid.narrow(axis, 0, size - 1), grid.narrow(axis, 1, size - 1)
        pairs = smooth_l1_loss(upper, lower, reduction="none")
        if mask is not None:
            counted = mask.view(shape).narrow(axis, 0, size - 1)
            pairs = torch.where(counted[..., None], pairs, 0)
        loss = loss + scales[axis].to(values.dtype) * pairs.sum()
    return loss


class _TotalVariation(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, mask, scales, *shape):  # type: ignore[no-untyped-def]
        values = values.contiguous()
        ctx.save_for_backward(values, mask, scales)
        ctx.shape = shape
        return torch.ops.curvox.total_variation(values, mask, scales, *shape)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, loss_gradient):  # type: ignore[no-untyped-def]
        gradient = torch.ops.curvox.total_variation_backward(
            loss_gradient, *ctx.saved_tensors, *ctx.shape
        )
        return gradient, None, None, None, None, None


_CUDA_THREADS = 64  # of a block in which each thread has a row of voxels

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(
    "total_variation(Tensor values, Tensor? mask, Tensor scales, int x, int y, int z) -> Tensor"
)
_library.define(
    "total_variation_backward(Tensor loss_gradient, Tensor values, Tensor? mask, Tensor scales, "
    "int x, int y, int z) -> Tensor"
)


def _pointers(values, mask, scales, *shape):  # type: ignore[no-untyped-def]
    """The arguments that both CPU kernels begin with."""
    pointer = 0 if mask is None else mask.data_ptr()
    return values.data_ptr(), pointer, scales.data_ptr(), *shape, values.shape[1]


def _total_variation_cpu(*task):  # type: ignore[no-untyped-def]
    loss = task[0].new_empty(())
    _native.cpu.total_variation(*_pointers(*task), loss.data_ptr(), _native.threads())
    return loss


def _total_variation_backward_cpu(loss_gradient, *task):  # type: ignore[no-untyped-def]
    gradient = torch.empty_like(task[0])
    _native.cpu.total_variation_backward(
        *_pointers(*task), loss_gradient.data_ptr(), gradient.data_ptr(), _native.threads()
    )
    return gradient


def _launch(name, values, mask, scales, *shape_and_rest):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    x, y, z, *arguments = shape_and_rest
    blocks = -(-x * y // _CUDA_THREADS)
    task = (values, mask, scales, x, y, z, values.shape[1], *arguments)
    cuda.launch(values.device, name, blocks, _CUDA_THREADS, *task)


def _total_variation_cuda(values, mask, scales, x, y, z):  # type: ignore[no-untyped-def]
    losses = scales.new_empty(x * y)
    _launch("curvox_total_variation", values, mask, scales, x, y, z, losses)
    return losses.sum().to(values.dtype)


def _total_variation_backward_cuda(loss_gradient, *task):  # type: ignore[no-untyped-def]
    gradient = torch.empty_like(task[0])
    _launch("curvox_total_variation_backward", *task, loss_gradient, gradient)
    return gradient


_library.impl("total_variation", _total_variation_cpu, "CPU")
_library.impl("total_variation_backward", _total_variation_backward_cpu, "CPU")
_library.impl("total_variation", _total_variation_cuda, "CUDA")
_library.impl("total_variation_backward", _total_variation_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::total_variation")
def _(values, mask, scales, x, y, z):  # type: ignore[no-untyped-def]
    return values.new_empty(())


@torch.library.register_fake("curvox::total_variation_backward")
def _(loss_gradient, values, mask, scales, x, y, z):  # type: ignore[no-untyped-def]
    return torch.empty_like(values)
