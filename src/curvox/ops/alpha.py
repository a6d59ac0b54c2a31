"""From raw density to alpha, the share of light that a step through a volume takes away."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_float, runs_kernel

__all__ = ["density_to_alpha", "density_to_alpha_reference"]


def density_to_alpha(
    density: Tensor, shift: float, interval: float, *, backend: str | None = None
) -> Tensor:
    r"""Turn raw density into alpha (the post-activation of Sun et al. 2022, equations 2 and 5).

    .. math::
        \alpha = 1 - \exp(-interval \cdot \mathrm{softplus}(density + shift))
               = 1 - (1 + e^{density + shift})^{-interval}

    Args:
        density: any shape, float32 or float64, any value: far below zero alpha is next to 0 (not
            under 1.8e-35 times the interval), far above it is 1. NaN stays NaN. Differentiable.
        shift: added to every density, finite.
        interval: length of a step in units of the density's, positive.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Returns:
        The shape of `density`, in [0, 1], with a relative error of a few units in the last place
        where alpha is tiny, too. The gradient is exact for every density: written with a sigmoid,
        nothing overflows that would have to be clamped.

    Raises:
        ValueError: `shift` is not finite, `interval` not positive and finite.
        TypeError: `density` is neither float32 nor float64.
    """
    check_float("density", density)
    if not math.isfinite(shift):
        raise ValueError(f"shift must be finite, got {shift}")
    if not 0 < interval < math.inf:
        raise ValueError(f"interval must be positive and finite, got {interval}")
    if not runs_kernel(density, backend):
        return density_to_alpha_reference(density, shift, interval)
    alpha: Tensor = _DensityToAlpha.apply(density, shift, interval)
    return alpha


def density_to_alpha_reference(density: Tensor, shift: float, interval: float) -> Tensor:
    """:func:`density_to_alpha` in plain PyTorch, after its checks."""
    # threshold: where softplus(x) is x to the last bit of float64.
    softplus = torch.nn.functional.softplus(density + shift, threshold=40)
    return -torch.expm1(-interval * softplus)


class _DensityToAlpha(torch.autograd.Function):
    @staticmethod
    def forward(ctx, density, shift, interval):  # type: ignore[no-untyped-def]
        density = density.contiguous()
        ctx.save_for_backward(density)
        ctx.settings = (shift, interval)
        return torch.ops.curvox.density_to_alpha(density, shift, interval)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, alpha_gradient):  # type: ignore[no-untyped-def]
        gradient = torch.ops.curvox.density_to_alpha_backward(
            alpha_gradient.contiguous(), *ctx.saved_tensors, *ctx.settings
        )
        return gradient, None, None


_CUDA_THREADS = 256  # of a block

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define("density_to_alpha(Tensor density, float shift, float interval) -> Tensor")
_library.define(
    "density_to_alpha_backward(Tensor alpha_gradient, Tensor density, float shift, float interval) "
    "-> Tensor"
)


def _density_to_alpha_cpu(density, shift, interval):  # type: ignore[no-untyped-def]
    alpha = torch.empty_like(density)
    _native.cpu.density_to_alpha(
        density.data_ptr(), density.numel(), shift, interval, alpha.data_ptr(), _native.threads()
    )
    return alpha


def _density_to_alpha_backward_cpu(alpha_gradient, density, shift, interval):  # type: ignore[no-untyped-def]
    gradient = torch.empty_like(density)
    _native.cpu.density_to_alpha_backward(
        density.data_ptr(),
        density.numel(),
        shift,
        interval,
        alpha_gradient.data_ptr(),
        gradient.data_ptr(),
        _native.threads(),
    )
    return gradient


def _launch(name, density, *arguments):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    blocks = -(-density.numel() // _CUDA_THREADS)
    task = (density, density.numel(), *arguments)
    cuda.launch(density.device, name, blocks, _CUDA_THREADS, *task)


def _density_to_alpha_cuda(density, shift, interval):  # type: ignore[no-untyped-def]
    alpha = torch.empty_like(density)
    _launch("curvox_density_to_alpha", density, shift, interval, alpha)
    return alpha


def _density_to_alpha_backward_cuda(alpha_gradient, density, shift, interval):  # type: ignore[no-untyped-def]
    gradient = torch.empty_like(density)
    arguments = (shift, interval, alpha_gradient, gradient)
    _launch("curvox_density_to_alpha_backward", density, *arguments)
    return gradient


_library.impl("density_to_alpha", _density_to_alpha_cpu, "CPU")
_library.impl("density_to_alpha_backward", _density_to_alpha_backward_cpu, "CPU")
_library.impl("density_to_alpha", _density_to_alpha_cuda, "CUDA")
_library.impl("density_to_alpha_backward", _density_to_alpha_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::density_to_alpha")
def _(density, shift, interval):  # type: ignore[no-untyped-def]
    return torch.empty_like(density)


@torch.library.register_fake("curvox::density_to_alpha_backward")
def _(alpha_gradient, density, shift, interval):  # type: ignore[no-untyped-def]
    return torch.empty_like(density)
