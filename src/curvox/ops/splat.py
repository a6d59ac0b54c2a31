"""Bézier curves drawn as soft ink: the image, and the gradients of every curve parameter."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from curvox import _native

__all__ = ["sample_bezier", "splat", "splat_reference"]

_DEFAULT_TOLERANCE = 1e-4


def splat(
    control_points: Tensor,
    weights: Tensor,
    sigmas: Tensor,
    height: int,
    width: int,
    *,
    steps: int = 128,
    cutoff: float | None = None,
    tolerance: float = _DEFAULT_TOLERANCE,
    backend: str | None = None,
) -> Tensor:
    r"""Draw Bézier curves as sums of Gaussians standing on evenly spaced parameters.

    .. math:: I(p) = \sum_c w_c \sum_{k=0}^{K-1} \exp\left(-\frac{|p - B_c(t_k)|^2}{2\sigma_c^2}\right),
              \quad t_k = \frac{k}{K-1}

    Coordinates and sigmas are in units of the canvas's longer side, x to the right and y down, so
    the unit square is the canvas where it is square. Pixel (i, j) has its centre at
    ((j + 0.5), (i + 0.5)) / max(height, width).

    Args:
        control_points: [N, P, 2], float32 or float64, P = 2 (lines), 3 (quadratic) or 4 (cubic).
            Any finite position; what lies outside the canvas costs little. Differentiable.
        weights: [N], any finite value. Differentiable.
        sigmas: [N], positive. Differentiable.
        height, width: size of the canvas in pixels, at least 1.
        steps: samples a curve, K in the formula, at least 1 (one step stands at t = 0).
        cutoff: half-width of the window around a sample in sigmas. None: as wide as `tolerance`
            asks for.
        tolerance: with ``cutoff=None``, the most that the cut may take from any pixel, all samples
            together.
        backend: ``"torch"`` runs the dense reference. None takes the fused kernels for float32 on
            CPU and CUDA and the reference for everything else.

    Returns:
        [height, width], the dtype and device of `control_points`.

    Raises:
        ValueError: a shape, a size, or (on the CPU) a value that is not finite or a sigma that is
            not positive. On CUDA nothing is read back to look: NaN shows up in the image.
        TypeError: a dtype or device that differs from that of `control_points`.

    On the CPU the image and the gradients have the same bits for any number of threads.
    """
    _check(control_points, weights, sigmas, height, width, steps)
    if cutoff is not None and not cutoff > 0:
        raise ValueError(f"cutoff must be positive, got {cutoff}")
    if not 0 < tolerance < math.inf:
        raise ValueError(f"tolerance must be positive and finite, got {tolerance}")
    if backend not in (None, "torch"):
        raise ValueError(f"backend must be None or 'torch', got {backend!r}")
    fused = control_points.dtype == torch.float32 and control_points.device.type in ("cpu", "cuda")
    if backend == "torch" or not fused:
        return splat_reference(control_points, weights, sigmas, height, width, steps=steps)
    per_sample = tolerance / max(control_points.shape[0] * steps, 1)
    image: Tensor = _Splat.apply(
        control_points, weights, sigmas, height, width, steps, cutoff or 0.0, per_sample
    )
    return image


def _check(
    control_points: Tensor, weights: Tensor, sigmas: Tensor, height: int, width: int, steps: int
) -> None:
    shape = control_points.shape
    if len(shape) != 3 or shape[2] != 2 or not 2 <= shape[1] <= 4:
        raise ValueError(
            f"control_points must be [N, P, 2] with P = 2, 3 or 4, got {list(shape)}"
        )
    for name, tensor in (("weights", weights), ("sigmas", sigmas)):
        if tensor.shape != shape[:1]:
            raise ValueError(f"{name} must be [{shape[0]}], got {list(tensor.shape)}")
        if tensor.dtype != control_points.dtype:
            raise TypeError(f"{name} is {tensor.dtype}, control_points {control_points.dtype}")
        if tensor.device != control_points.device:
            raise TypeError(f"{name} is on {tensor.device}, control_points {control_points.device}")
    if not control_points.dtype.is_floating_point:
        raise TypeError(f"control_points must be floating point, got {control_points.dtype}")
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be at least 1, got {height} and {width}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")


def sample_bezier(control_points: Tensor, steps: int) -> Tensor:
    """Points of Bézier curves at evenly spaced parameters (de Casteljau's construction).

    Args:
        control_points: [N, P, 2], any floating dtype, P >= 1. Differentiable.
        steps: parameters in [0, 1], ends included.

    Returns:
        [N, steps, 2].
    """
    t = torch.linspace(0, 1, steps, dtype=control_points.dtype, device=control_points.device)
    t = t[:, None]  # [steps, 1]
    points = control_points[:, :, None, :]  # [N, P, 1, 2]
    while points.shape[1] > 1:
        points = points[:, :-1] * (1 - t) + points[:, 1:] * t
    return points[:, 0].expand(-1, steps, -1)


def pixel_centres(count: int, longer_side: int, like: Tensor) -> Tensor:
    """Coordinates of pixel centres along one axis, [count], in units of the longer side."""
    return (torch.arange(count, dtype=like.dtype, device=like.device) + 0.5) / longer_side


def splat_reference(
    control_points: Tensor,
    weights: Tensor,
    sigmas: Tensor,
    height: int,
    width: int,
    *,
    steps: int = 128,
) -> Tensor:
    """:func:`splat` written out: every pixel against every sample, in the dtype of its input."""
    longer = max(height, width)
    points = sample_bezier(control_points, steps).reshape(-1, 1, 1, 2)  # [N * steps, 1, 1, 2]
    x = pixel_centres(width, longer, control_points)
    y = pixel_centres(height, longer, control_points)[:, None]
    weight = weights.repeat_interleave(steps)[:, None, None]
    sigma = sigmas.repeat_interleave(steps)[:, None, None]
    x_distance = (x - points[..., 0]).expand(-1, height, -1)  # [N * steps, height, width]
    y_distance = (y - points[..., 1]).expand(-1, -1, width)
    squared = x_distance**2 + y_distance**2
    return (weight * torch.exp(-squared / (2 * sigma**2))).sum(0)


class _Splat(torch.autograd.Function):
    @staticmethod
    def forward(ctx, control_points, weights, sigmas, height, width, steps, cutoff, tolerance):  # type: ignore[no-untyped-def]
        control_points = control_points.contiguous()
        weights, sigmas = weights.contiguous(), sigmas.contiguous()
        ctx.save_for_backward(control_points, weights, sigmas)
        ctx.settings = (steps, cutoff, tolerance)
        return torch.ops.curvox.splat(
            control_points, weights, sigmas, height, width, steps, cutoff, tolerance
        )

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, image_gradient):  # type: ignore[no-untyped-def]
        gradients = torch.ops.curvox.splat_backward(
            image_gradient.contiguous(),
            *ctx.saved_tensors,
            *ctx.settings,
            ctx.needs_input_grad[2],
        )
        sigmas_gradient = gradients[2] if ctx.needs_input_grad[2] else None
        return (*gradients[:2], sigmas_gradient, None, None, None, None, None)


_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(
    "splat(Tensor control_points, Tensor weights, Tensor sigmas, int height, int width, "
    "int steps, float cutoff, float tolerance) -> Tensor"
)
_library.define(
    "splat_backward(Tensor image_gradient, Tensor control_points, Tensor weights, Tensor sigmas, "
    "int steps, float cutoff, float tolerance, bool sigmas_need_gradient) "
    "-> (Tensor, Tensor, Tensor)"
)


def _splat_cpu(control_points, weights, sigmas, height, width, steps, cutoff, tolerance):  # type: ignore[no-untyped-def]
    image = control_points.new_empty(height, width)
    _native.cpu.splat_forward(
        control_points.data_ptr(),
        weights.data_ptr(),
        sigmas.data_ptr(),
        *control_points.shape[:2],
        steps,
        height,
        width,
        cutoff,
        tolerance,
        image.data_ptr(),
        _native.threads(),
    )
    return image


def _gradients_like(  # type: ignore[no-untyped-def]
    control_points, weights, sigmas, sigmas_need_gradient
):
    sigmas_gradient = torch.empty_like(sigmas) if sigmas_need_gradient else sigmas.new_empty(0)
    return torch.empty_like(control_points), torch.empty_like(weights), sigmas_gradient


def _splat_backward_cpu(  # type: ignore[no-untyped-def]
    image_gradient, control_points, weights, sigmas, steps, cutoff, tolerance, sigmas_need_gradient
):
    gradients = _gradients_like(control_points, weights, sigmas, sigmas_need_gradient)
    _native.cpu.splat_backward(
        control_points.data_ptr(),
        weights.data_ptr(),
        sigmas.data_ptr(),
        *control_points.shape[:2],
        steps,
        *image_gradient.shape,
        cutoff,
        tolerance,
        image_gradient.data_ptr(),
        gradients[0].data_ptr(),
        gradients[1].data_ptr(),
        gradients[2].data_ptr() if sigmas_need_gradient else 0,
        _native.threads(),
    )
    return gradients


_library.impl("splat", _splat_cpu, "CPU")
_library.impl("splat_backward", _splat_backward_cpu, "CPU")


@torch.library.register_fake("curvox::splat")
def _(control_points, weights, sigmas, height, width, steps, cutoff, tolerance):  # type: ignore[no-untyped-def]
    return control_points.new_empty(height, width)


@torch.library.register_fake("curvox::splat_backward")
def _(  # type: ignore[no-untyped-def]
    image_gradient, control_points, weights, sigmas, steps, cutoff, tolerance, sigmas_need_gradient
):
    return _gradients_like(control_points, weights, sigmas, sigmas_need_gradient)
