"""The distortion loss: how far the weights along a ray are spread out."""

from __future__ import annotations

import math

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
from curvox.ops.ragged import Padded

__all__ = ["distortion", "distortion_reference"]


def distortion(
    weights: Tensor,
    distances: Tensor,
    widths: float | Tensor,
    offsets: Tensor,
    *,
    backend: str | None = None,
) -> Tensor:
    r"""The distortion loss of each ray (mip-NeRF 360, Barron et al. 2022, equation 15).

    .. math::
        \sum_{i,j} w_i w_j |d_i - d_j| + \frac{1}{3} \sum_i w_i^2 \delta_i

    It takes time in proportion to the number of samples: they are in order, so that from one to the
    next the sum over all before grows by the weight passed times the gap.

    Args:
        weights: [M], float32 or float64, not negative. Differentiable.
        distances: [M], the samples' middles :math:`d_i`, ascending along each ray: their order is
            not looked at, and in any other one the result means nothing. Not differentiable.
        widths: the samples' lengths :math:`\delta_i`, one for all or [M], not negative, in the
            units of `distances`. Not differentiable.
        offsets: [R + 1] int64 from 0 to M, never falling: ray r owns samples offsets[r] to
            offsets[r + 1] - 1, which may be none.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Returns:
        [R], zero for a ray that has no samples; NaN and infinity stay in their ray.

    Raises:
        ValueError: shapes, a `widths` that is negative or not finite, or (on the CPU) offsets that
            do not describe the list. On CUDA they are not read back: offsets must be right.
        TypeError: a dtype or device that does not fit.

    On the CPU results have the same bits for any number of threads.
    """
    if weights.dim() != 1:
        raise ValueError(f"weights must be [M], got {list(weights.shape)}")
    check_float("weights", weights)
    check_like("distances", distances, (len(weights),), "weights", weights)
    if isinstance(widths, Tensor):
        check_like("widths", widths, (len(weights),), "weights", weights)
        widths = widths.detach()
    elif not 0 <= widths < math.inf:
        raise ValueError(f"widths must not be negative, and finite, got {widths}")
    check_offsets(offsets, "weights", weights)
    if not runs_kernel(weights, backend):
        check_offset_values(offsets, len(weights))
        return distortion_reference(weights, distances.detach(), widths, offsets)
    losses: Tensor = _Distortion.apply(weights, distances, widths, offsets)
    return losses


def distortion_reference(
    weights: Tensor, distances: Tensor, widths: float | Tensor, offsets: Tensor
) -> Tensor:
    """:func:`distortion` in plain PyTorch, after its checks."""
    padded = Padded(offsets)
    table = padded.spread(weights)  # [R, longest]
    gaps = padded.spread(distances).diff(dim=1).abs()
    spread = (table.cumsum(1)[:, :-1] * gaps).cumsum(1)
    within = padded.spread(weights**2 * widths).sum(1)
    return 2 * (table[:, 1:] * spread).sum(1) + within / 3


class _Distortion(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights, distances, widths, offsets):  # type: ignore[no-untyped-def]
        one_width = not isinstance(widths, Tensor)
        each_width = None if one_width else widths.contiguous()
        ctx.width = float(widths) if one_width else 0.0
        tensors = (weights.contiguous(), distances.contiguous(), each_width, offsets.contiguous())
        ctx.save_for_backward(*tensors)
        return torch.ops.curvox.distortion(*tensors, ctx.width)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, losses_gradient):  # type: ignore[no-untyped-def]
        gradient = torch.ops.curvox.distortion_backward(
            losses_gradient.contiguous(), *ctx.saved_tensors, ctx.width
        )
        return gradient, None, None, None


_CUDA_THREADS = 64  # of a block in which each thread has one ray

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(
    "distortion(Tensor weights, Tensor distances, Tensor? widths, Tensor offsets, float width) "
    "-> Tensor"
)
_library.define(
    "distortion_backward(Tensor losses_gradient, Tensor weights, Tensor distances, "
    "Tensor? widths, Tensor offsets, float width) -> Tensor"
)


def _pointers(weights, distances, widths, offsets, width):  # type: ignore[no-untyped-def]
    """The arguments that both CPU kernels begin with."""
    tensors = (weights, distances, widths, offsets)
    pointers = [0 if tensor is None else tensor.data_ptr() for tensor in tensors]
    return *pointers, len(offsets) - 1, len(weights), width


def _distortion_cpu(weights, distances, widths, offsets, width):  # type: ignore[no-untyped-def]
    losses = weights.new_empty(len(offsets) - 1)
    task = _pointers(weights, distances, widths, offsets, width)
    _native.cpu.distortion(*task, losses.data_ptr(), _native.threads())
    return losses


def _distortion_backward_cpu(losses_gradient, weights, *task):  # type: ignore[no-untyped-def]
    gradient = torch.empty_like(weights)
    pointers = _pointers(weights, *task)
    _native.cpu.distortion_backward(
        *pointers, losses_gradient.data_ptr(), gradient.data_ptr(), _native.threads()
    )
    return gradient


def _launch(name, weights, distances, widths, offsets, width, *arguments):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    count = len(offsets) - 1
    blocks = -(-count // _CUDA_THREADS)
    task = (weights, distances, widths, offsets, count, width, *arguments)
    cuda.launch(weights.device, name, blocks, _CUDA_THREADS, *task)


def _distortion_cuda(weights, distances, widths, offsets, width):  # type: ignore[no-untyped-def]
    losses = weights.new_empty(len(offsets) - 1)
    _launch("curvox_distortion", weights, distances, widths, offsets, width, losses)
    return losses


def _distortion_backward_cuda(losses_gradient, weights, *task):  # type: ignore[no-untyped-def]
    gradient = torch.zeros_like(weights)  # behind the samples of the last ray, too
    _launch("curvox_distortion_backward", weights, *task, losses_gradient, gradient)
    return gradient


_library.impl("distortion", _distortion_cpu, "CPU")
_library.impl("distortion_backward", _distortion_backward_cpu, "CPU")
_library.impl("distortion", _distortion_cuda, "CUDA")
_library.impl("distortion_backward", _distortion_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::distortion")
def _(weights, distances, widths, offsets, width):  # type: ignore[no-untyped-def]
    return weights.new_empty(offsets.shape[0] - 1)


@torch.library.register_fake("curvox::distortion_backward")
def _(losses_gradient, weights, distances, widths, offsets, width):  # type: ignore[no-untyped-def]
    return torch.empty_like(weights)
