"""Sums of weighted values along rays: colours, depths, normals."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import (
    check_float,
    check_like,
    check_offset_values,
    check_offsets,
    runs_kernel,
)
from curvox.ops.ragged import ray_of_each

__all__ = ["composite", "composite_reference"]


def composite(
    weights: Tensor, values: Tensor, offsets: Tensor, *, backend: str | None = None
) -> Tensor:
    r"""Sum up what the samples of each ray show: :math:`\sum_i w_i v_i` (Max 1995).

    Args:
        weights: [M], float32 or float64, any value. Differentiable.
        values: [M, C], C at least 1, any value; one that is not finite makes its ray's sum so,
            with a weight of 0, too. Differentiable.
        offsets: [R + 1] int64 from 0 to M, never falling: ray r owns samples offsets[r] to
            offsets[r + 1] - 1, which may be none. On CUDA they may end before M: samples behind
            belong to no ray.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Returns:
        [R, C], zero for a ray that has no samples.

    Raises:
        ValueError: shapes, or (on the CPU) offsets that do not describe the list. On CUDA they are
            not read back: offsets must be right.
        TypeError: a dtype or device that does not fit.

    On the CPU results have the same bits for any number of threads.
    """
    if weights.dim() != 1:
        raise ValueError(f"weights must be [M], got {list(weights.shape)}")
    check_float("weights", weights)
    if values.dim() != 2 or values.shape[1] < 1:
        raise ValueError(f"values must be [M, C], C at least 1, got {list(values.shape)}")
    check_like("values", values, (len(weights), values.shape[1]), "weights", weights)
    check_offsets(offsets, "weights", weights)
    if not runs_kernel(weights, backend):
        check_offset_values(offsets, len(weights))
        return composite_reference(weights, values, offsets)
    sums: Tensor = _Composite.apply(weights, values, offsets)
    return sums


def composite_reference(weights: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
    """:func:`composite` in plain PyTorch, after its checks."""
    sums = values.new_zeros(len(offsets) - 1, values.shape[1])
    return sums.index_add(0, ray_of_each(offsets), weights[:, None] * values)


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights, values, offsets):  # type: ignore[no-untyped-def]
        weights, values, offsets = weights.contiguous(), values.contiguous(), offsets.contiguous()
        ctx.save_for_backward(weights, values, offsets)
        return torch.ops.curvox.composite(weights, values, offsets)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, sums_gradient):  # type: ignore[no-untyped-def]
        wanted = ctx.needs_input_grad[:2]
        gradients = torch.ops.curvox.composite_backward(
            sums_gradient.contiguous(), *ctx.saved_tensors, *wanted
        )
        return (*[g if w else None for g, w in zip(gradients, wanted, strict=True)], None)


_CUDA_THREADS = 128  # of a block
_WARP = 32

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define("composite(Tensor weights, Tensor values, Tensor offsets) -> Tensor")
_library.define(
    "composite_backward(Tensor sums_gradient, Tensor weights, Tensor values, Tensor offsets, "
    "bool weights_need_gradient, bool values_need_gradient) -> (Tensor, Tensor)"
)


def _composite_cpu(weights, values, offsets):  # type: ignore[no-untyped-def]
    count, channels = len(offsets) - 1, values.shape[1]
    sums = values.new_empty(count, channels)
    _native.cpu.composite(
        weights.data_ptr(),
        values.data_ptr(),
        offsets.data_ptr(),
        count,
        len(weights),
        channels,
        sums.data_ptr(),
        _native.threads(),
    )
    return sums


def _gradients_like(weights, values, *wanted):  # type: ignore[no-untyped-def]
    """Memory for both gradients, none for one that is not wanted."""
    tensors = zip((weights, values), wanted, strict=True)
    return tuple(torch.empty_like(t) if want else t.new_empty(0) for t, want in tensors)


def _composite_backward_cpu(sums_gradient, weights, values, offsets, *wanted):  # type: ignore[no-untyped-def]
    gradients = _gradients_like(weights, values, *wanted)
    _native.cpu.composite_backward(
        weights.data_ptr(),
        values.data_ptr(),
        offsets.data_ptr(),
        len(offsets) - 1,
        len(weights),
        values.shape[1],
        sums_gradient.data_ptr(),
        *[g.data_ptr() if want else 0 for g, want in zip(gradients, wanted, strict=True)],
        _native.threads(),
    )
    return gradients


def _composite_cuda(weights, values, offsets):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    count, channels = len(offsets) - 1, values.shape[1]
    sums = values.new_empty(count, channels)
    blocks = -(-count * channels // _CUDA_THREADS)
    task = (weights, values, offsets, count, channels)
    cuda.launch(values.device, "curvox_composite", blocks, _CUDA_THREADS, *task, sums)
    return sums


def _composite_backward_cuda(sums_gradient, weights, values, offsets, *wanted):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    gradients = _gradients_like(weights, values, *wanted)
    for gradient in gradients:
        gradient.zero_()  # behind the samples of the last ray, too
    count = len(offsets) - 1
    cuda.launch(
        values.device,
        "curvox_composite_backward",
        -(-count * _WARP // _CUDA_THREADS),
        _CUDA_THREADS,
        weights,
        values,
        offsets,
        count,
        values.shape[1],
        sums_gradient,
        *[g if want else None for g, want in zip(gradients, wanted, strict=True)],
    )
    return gradients


_library.impl("composite", _composite_cpu, "CPU")
_library.impl("composite_backward", _composite_backward_cpu, "CPU")
_library.impl("composite", _composite_cuda, "CUDA")
_library.impl("composite_backward", _composite_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::composite")
def _(weights, values, offsets):  # type: ignore[no-untyped-def]
    return values.new_empty(offsets.shape[0] - 1, values.shape[1])


@torch.library.register_fake("curvox::composite_backward")
def _(sums_gradient, weights, values, offsets, *wanted):  # type: ignore[no-untyped-def]
    return _gradients_like(weights, values, *wanted)
