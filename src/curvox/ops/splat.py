"""Bézier curves drawn as soft ink: the image, and the gradients of every curve parameter."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_float, check_like, runs_kernel
from curvox.ops.splat_levels import draw_levels, plan_levels

__all__ = [
    "check_splat_shapes",
    "check_splat_values",
    "pixel_centres",
    "sample_bezier",
    "splat",
    "splat_reference",
]

_DEFAULT_TOLERANCE = 1e-4
_ENOUGH_BLOCKS = 2048  # to keep a large GPU busy
_MOST_TOGETHER = 8  # runs of samples of a curve in one block


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

    .. math::
        I(p) = \sum_c w_c \sum_{k=0}^{K-1} \exp(-|p - B_c(t_k)|^2 / 2\sigma_c^2),
        \quad t_k = k / (K-1)

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
        cutoff: half-width of the window around a sample in sigmas, beyond which a Gaussian may be
            cut. None: as wide as `tolerance` asks for.
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

    On the CPU the image and the gradients have the same bits for any number of threads. Many wide
    curves are drawn thin there and blurred together, where an estimate from sizes and sigmas says
    that it costs less (:mod:`curvox.ops.splat_levels`): as near to the reference within the same
    tolerance, with a `cutoff` nearer than the windows alone. The gradient of a sigma then carries a
    rounding error of up to 2e-5 of what it would be if no terms cancelled in it.
    """
    check_splat_shapes(control_points, weights, sigmas, height, width, steps, cutoff, tolerance)
    if not runs_kernel(control_points, backend):
        check_splat_values(control_points, weights, sigmas)
        return splat_reference(control_points, weights, sigmas, height, width, steps=steps)
    per_sample = tolerance / max(control_points.shape[0] * steps, 1)
    settings = (height, width, steps, cutoff or 0.0, per_sample)
    # A look at the values: not while torch.compile traces, nor on CUDA, which would have to wait.
    if control_points.device.type == "cpu" and not torch.compiler.is_compiling():
        levels = plan_levels(weights, sigmas, *settings)
        if levels:
            check_splat_values(control_points, weights, sigmas)
            return draw_levels(control_points, weights, sigmas, *settings, levels)
    image: Tensor = _Splat.apply(control_points, weights, sigmas, *settings)
    return image


def check_splat_shapes(
    control_points: Tensor,
    weights: Tensor,
    sigmas: Tensor,
    height: int,
    width: int,
    steps: int,
    cutoff: float | None,
    tolerance: float,
) -> None:
    """Raise ValueError or TypeError for arguments that :func:`splat` cannot take."""
    shape = control_points.shape
    if len(shape) != 3 or shape[2] != 2 or not 2 <= shape[1] <= 4:
        raise ValueError(f"control_points must be [N, P, 2] with P = 2, 3 or 4, got {list(shape)}")
    check_float("control_points", control_points)
    check_like("weights", weights, (shape[0],), "control_points", control_points)
    check_like("sigmas", sigmas, (shape[0],), "control_points", control_points)
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be at least 1, got {height} and {width}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if cutoff is not None and not 0 < cutoff < math.inf:
        raise ValueError(f"cutoff must be positive and finite, got {cutoff}")
    if not 0 < tolerance < math.inf:
        raise ValueError(f"tolerance must be positive and finite, got {tolerance}")


def check_splat_values(control_points: Tensor, weights: Tensor, sigmas: Tensor) -> None:
    """Raise ValueError for values that :func:`splat` cannot draw. CPU only: nothing is read back
    from a GPU. (The CPU kernel makes the same checks itself.)
    """
    if control_points.device.type != "cpu":
        return
    named = {"control_points": control_points, "weight": weights, "sigma": sigmas}
    for name, tensor in named.items():
        if not tensor.isfinite().all():
            curve = int((~tensor.isfinite()).nonzero()[0, 0])
            raise ValueError(f"{name} of curve {curve} is not finite")
    if (sigmas <= 0).any():
        curve = int((sigmas <= 0).nonzero()[0, 0])
        raise ValueError(f"sigma of curve {curve} must be positive, got {float(sigmas[curve]):f}")


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
            control_points, weights, sigmas, height, width, steps, cutoff, tolerance, 0, 0.0
        )

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, image_gradient):  # type: ignore[no-untyped-def]
        gradients = torch.ops.curvox.splat_backward(
            image_gradient.contiguous(),
            *ctx.saved_tensors,
            *ctx.settings,
            0,
            0.0,
            ctx.needs_input_grad[2],
        )
        sigmas_gradient = gradients[2] if ctx.needs_input_grad[2] else None
        return (*gradients[:2], sigmas_gradient, None, None, None, None, None)


_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(
    "splat(Tensor control_points, Tensor weights, Tensor sigmas, int height, int width, "
    "int steps, float cutoff, float tolerance, int margin, float blurred) -> Tensor"
)
_library.define(
    "splat_backward(Tensor image_gradient, Tensor control_points, Tensor weights, Tensor sigmas, "
    "int steps, float cutoff, float tolerance, int margin, float blurred, "
    "bool sigmas_need_gradient) "
    "-> (Tensor, Tensor, Tensor)"
)


def _splat_cpu(control_points, weights, sigmas, height, width, steps, *settings):  # type: ignore[no-untyped-def]
    image = control_points.new_empty(height, width)
    _native.cpu.splat_forward(
        control_points.data_ptr(),
        weights.data_ptr(),
        sigmas.data_ptr(),
        *control_points.shape[:2],
        steps,
        height,
        width,
        *settings,
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
    image_gradient, control_points, weights, sigmas, steps, *settings
):
    *settings, sigmas_need_gradient = settings
    gradients = _gradients_like(control_points, weights, sigmas, sigmas_need_gradient)
    _native.cpu.splat_backward(
        control_points.data_ptr(),
        weights.data_ptr(),
        sigmas.data_ptr(),
        *control_points.shape[:2],
        steps,
        *image_gradient.shape,
        *settings,
        image_gradient.data_ptr(),
        gradients[0].data_ptr(),
        gradients[1].data_ptr(),
        gradients[2].data_ptr() if sigmas_need_gradient else 0,
        _native.threads(),
    )
    return gradients


def _launch(name: str, blocks: int, threads: int, curves: tuple[Tensor, ...], *arguments) -> None:  # type: ignore[no-untyped-def]
    """Launch a splat kernel, whose parameters begin with the curves and how many there are."""
    from curvox._native import cuda

    cuda.launch(curves[0].device, name, blocks, threads, *curves, *curves[0].shape[:2], *arguments)


def _splat_cuda(control_points, weights, sigmas, height, width, steps, *settings):  # type: ignore[no-untyped-def]
    curves = (control_points, weights, sigmas)
    task = (steps, height, width, *settings)
    image = control_points.new_empty(height, width)
    tile = _native.cpu.SPLAT_TILE
    tiles = -(-height // tile) * -(-width // tile)
    _launch("curvox_splat_tiles", tiles, _native.cpu.SPLAT_TILE_THREADS, curves, *task, image)
    return image


def _splat_backward_cuda(  # type: ignore[no-untyped-def]
    image_gradient, control_points, weights, sigmas, steps, *settings
):
    *settings, sigmas_need_gradient = settings
    curves = (control_points, weights, sigmas)
    size = image_gradient.shape
    count = control_points.shape[0]
    # A block prepares its curve and adds up its share once: as many runs as leave enough blocks.
    run_length = _native.cpu.SPLAT_RUN_LENGTH
    together = max(1, min(_MOST_TOGETHER, count * -(-steps // run_length) // _ENOUGH_BLOCKS))
    blocks = count * -(-steps // (run_length * together))
    shares = control_points.new_empty(blocks * _native.cpu.SPLAT_SHARE_BYTES, dtype=torch.uint8)
    kernel = "curvox_splat_shares_sigma" if sigmas_need_gradient else "curvox_splat_shares"
    task = (steps, *size, *settings, together)
    threads = _native.cpu.SPLAT_SHARE_THREADS
    _launch(kernel, blocks, threads, curves, *task, image_gradient, shares)
    gradients = _gradients_like(*curves, sigmas_need_gradient)
    outputs = (*gradients[:2], gradients[2] if sigmas_need_gradient else None)
    task = (-(-steps // together), *size, *settings)  # as many runs as there are shares
    threads = _native.cpu.SPLAT_REDUCE_THREADS
    blocks = -(-count // threads)
    _launch("curvox_splat_reduce", blocks, threads, curves, *task, shares, *outputs)
    return gradients


_library.impl("splat", _splat_cpu, "CPU")
_library.impl("splat_backward", _splat_backward_cpu, "CPU")
_library.impl("splat", _splat_cuda, "CUDA")
_library.impl("splat_backward", _splat_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::splat")
def _(control_points, weights, sigmas, height, width, steps, *settings):  # type: ignore[no-untyped-def]
    return control_points.new_empty(height, width)


@torch.library.register_fake("curvox::splat_backward")
def _(  # type: ignore[no-untyped-def]
    image_gradient, control_points, weights, sigmas, steps, *settings
):
    return _gradients_like(control_points, weights, sigmas, settings[-1])
