"""From the alphas along each ray to the weights of its samples, and the light that is left."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_float, check_offset_values, check_offsets, runs_kernel
from curvox.ops.ragged import Padded

__all__ = ["alpha_to_weights", "alpha_to_weights_reference"]


def alpha_to_weights(
    alpha: Tensor, offsets: Tensor, stop: float = 1e-3, *, backend: str | None = None
) -> tuple[Tensor, Tensor]:
    r"""Composite the samples of each ray front to back (Max 1995), and end it where little is left.

    .. math::
        w_i = \alpha_i T_i, \quad T_i = \prod_{j < i} (1 - \alpha_j)

    over the samples of one ray. The sample that takes T under `stop` is the ray's last: those
    behind it have weight 0, take no light and get no gradient.

    Args:
        alpha: [M], float32 or float64, in [0, 1], both ends included; other values are neither
            looked for nor changed, NaN goes on to the end of its ray. Differentiable.
        offsets: [R + 1] int64 from 0 to M, never falling: ray r owns samples offsets[r] to
            offsets[r + 1] - 1, which may be none.
        stop: the transmittance at which rays end, in [0, 1]. 0: they never do.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Returns:
        The weights [M], and the transmittance [R] behind each ray's last sample (1 for a ray that
        has none). Both are differentiable in `alpha`; the gradient divides by nothing and so holds
        where alpha is 1.

    Raises:
        ValueError: shapes, `stop` out of range, or (on the CPU) offsets that do not describe the
            list. On CUDA they are not read back: offsets must be right.
        TypeError: a dtype or device that does not fit.

    On the CPU results have the same bits for any number of threads.
    """
    if alpha.dim() != 1:
        raise ValueError(f"alpha must be [M], got {list(alpha.shape)}")
    check_float("alpha", alpha)
    check_offsets(offsets, "alpha", alpha)
    if not 0 <= stop <= 1:
        raise ValueError(f"stop must lie in [0, 1], got {stop}")
    if not runs_kernel(alpha, backend):
        check_offset_values(offsets, len(alpha))
        return alpha_to_weights_reference(alpha, offsets, stop)
    weights, last_transmittance = _AlphaToWeights.apply(alpha, offsets, stop)
    return weights, last_transmittance


def alpha_to_weights_reference(
    alpha: Tensor, offsets: Tensor, stop: float
) -> tuple[Tensor, Tensor]:
    """:func:`alpha_to_weights` in plain PyTorch, after its checks."""
    padded = Padded(offsets)
    table = padded.spread(alpha)
    with torch.no_grad():
        # cumsum: a ray that has ended stays so, whatever NaN stands behind its end.
        ended = ((1 - table).cumprod(1) < stop).cumsum(1) > 0
        ended_before = torch.cat([torch.zeros_like(ended[:, :1]), ended[:, :-1]], 1)
    table = torch.where(ended_before, 0, table)
    behind = (1 - table).cumprod(1)  # [R, longest]
    ones = behind.new_ones(len(behind), 1)
    before = torch.cat([ones, behind], 1)  # [R, longest + 1]
    return padded.collect(table * before[:, :-1]), before[:, -1]


class _AlphaToWeights(torch.autograd.Function):
    @staticmethod
    def forward(ctx, alpha, offsets, stop):  # type: ignore[no-untyped-def]
        alpha, offsets = alpha.contiguous(), offsets.contiguous()
        weights, last_transmittance, ends = torch.ops.curvox.alpha_to_weights(alpha, offsets, stop)
        ctx.save_for_backward(alpha, offsets, ends)
        return weights, last_transmittance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, weights_gradient, last_gradient):  # type: ignore[no-untyped-def]
        gradient = torch.ops.curvox.alpha_to_weights_backward(
            weights_gradient.contiguous(), last_gradient.contiguous(), *ctx.saved_tensors
        )
        return gradient, None, None


_CUDA_THREADS = 64  # of a block in which each thread has one ray

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(
    "alpha_to_weights(Tensor alpha, Tensor offsets, float stop) -> (Tensor, Tensor, Tensor)"
)
_library.define(
    "alpha_to_weights_backward(Tensor weights_gradient, Tensor last_gradient, Tensor alpha, "
    "Tensor offsets, Tensor ends) -> Tensor"
)


def _results_like(alpha, offsets):  # type: ignore[no-untyped-def]
    """Memory for the weights, the last transmittance, and where each ray ends."""
    count = offsets.shape[0] - 1
    return torch.empty_like(alpha), alpha.new_empty(count), offsets.new_empty(count)


def _alpha_to_weights_cpu(alpha, offsets, stop):  # type: ignore[no-untyped-def]
    results = _results_like(alpha, offsets)
    _native.cpu.alpha_to_weights(
        alpha.data_ptr(),
        offsets.data_ptr(),
        len(offsets) - 1,
        len(alpha),
        stop,
        *[tensor.data_ptr() for tensor in results],
        _native.threads(),
    )
    return results


def _alpha_to_weights_backward_cpu(weights_gradient, last_gradient, alpha, offsets, ends):  # type: ignore[no-untyped-def]
    gradient = torch.empty_like(alpha)
    _native.cpu.alpha_to_weights_backward(
        alpha.data_ptr(),
        offsets.data_ptr(),
        len(offsets) - 1,
        len(alpha),
        ends.data_ptr(),
        weights_gradient.data_ptr(),
        last_gradient.data_ptr(),
        gradient.data_ptr(),
        _native.threads(),
    )
    return gradient


def _launch(name, alpha, offsets, *arguments):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    count = len(offsets) - 1
    blocks = -(-count // _CUDA_THREADS)
    task = (alpha, offsets, count, *arguments)
    cuda.launch(alpha.device, name, blocks, _CUDA_THREADS, *task)


def _alpha_to_weights_cuda(alpha, offsets, stop):  # type: ignore[no-untyped-def]
    results = _results_like(alpha, offsets)
    _launch("curvox_alpha_to_weights", alpha, offsets, stop, *results)
    return results


def _alpha_to_weights_backward_cuda(weights_gradient, last_gradient, alpha, offsets, ends):  # type: ignore[no-untyped-def]
    gradient = torch.empty_like(alpha)
    arguments = (ends, weights_gradient, last_gradient, gradient)
    _launch("curvox_alpha_to_weights_backward", alpha, offsets, *arguments)
    return gradient


_library.impl("alpha_to_weights", _alpha_to_weights_cpu, "CPU")
_library.impl("alpha_to_weights_backward", _alpha_to_weights_backward_cpu, "CPU")
_library.impl("alpha_to_weights", _alpha_to_weights_cuda, "CUDA")
_library.impl("alpha_to_weights_backward", _alpha_to_weights_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::alpha_to_weights")
def _(alpha, offsets, stop):  # type: ignore[no-untyped-def]
    return _results_like(alpha, offsets)


@torch.library.register_fake("curvox::alpha_to_weights_backward")
def _(weights_gradient, last_gradient, alpha, offsets, ends):  # type: ignore[no-untyped-def]
    return torch.empty_like(alpha)
