"""One call from control points to an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from curvox.curves.bezier import concatenate
from curvox.curves.methods import METHODS, Canvas
from curvox.ops.splat import check_splat_shapes, check_splat_values

__all__ = ["rasterize"]


def rasterize(
    control_points: Tensor | Sequence[Tensor],
    *,
    height: int = 512,
    width: int | None = None,
    sigma: float | Tensor = 0.01,
    weight: float | Tensor = 1.0,
    steps: int = 128,
    method: str = "fused",
    cutoff: float | None = None,
    tolerance: float = 1e-4,
) -> Tensor:
    """Draw Bézier curves as soft ink: a Gaussian on each of `steps` samples of every curve.

    Every curve is sampled at evenly spaced parameters in [0, 1]. On each sample stands a Gaussian
    of peak `weight` and standard deviation `sigma`, and the image is their sum.

    Coordinates and sigmas are in units of the canvas's longer side, x to the right and y down: the
    unit square is a square canvas. Pixel (i, j) has its centre at ((j + 0.5), (i + 0.5)) / longer.

    Args:
        control_points: [N, P, 2], or [P, 2] for a single curve, with P = 2 (lines), 3 (quadratic)
            or 4 (cubic); or a sequence of such tensors of any degrees, which are raised to the
            highest one among them. float32 or float64. Differentiable.
        height, width: the canvas in pixels. A width of None makes it square.
        sigma: one number, or [N], positive. Differentiable.
        weight: one number, or [N]. Differentiable.
        steps: samples a curve.
        method: ``"fused"`` (one kernel each way), or a rung of the ladder that leads to it:
            ``"base"``, ``"half"``, ``"bounded"``, ``"tiled"``, ``"shrunk"``.
        cutoff: where a Gaussian may be cut, in sigmas. None: where `tolerance` allows it.
            ``base`` and ``half`` never cut; ``fused`` cuts many wide curves further out, which it
            draws thin and blurs together.
        tolerance: with ``cutoff=None``, the most that all cuts together may take from a pixel.

    Returns:
        [height, width], the dtype and device of `control_points`.

    Raises:
        ValueError: shapes, sizes, an unknown method; on the CPU also values that are not finite or
            sigmas that are not positive.
        TypeError: dtypes or devices that differ.

    Every method agrees with ``base`` within `tolerance` (``half``: within 0.5 % of the image's
    largest value, gradients within 1 %).
    """
    points = _batch(control_points)
    weights, sigmas = _per_curve(weight, points, "weight"), _per_curve(sigma, points, "sigma")
    width = height if width is None else width
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    check_splat_shapes(points, weights, sigmas, height, width, steps, cutoff, tolerance)
    if method != "fused":
        check_splat_values(points, weights, sigmas)
    return METHODS[method](points, weights, sigmas, Canvas(height, width, steps, cutoff, tolerance))


def _batch(control_points: Tensor | Sequence[Tensor]) -> Tensor:
    if not isinstance(control_points, Tensor):
        return concatenate(control_points)
    return control_points[None] if control_points.ndim == 2 else control_points


def _per_curve(value: float | Tensor, points: Tensor, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        return torch.full(points.shape[:1], float(value), dtype=points.dtype, device=points.device)
    return value.expand(points.shape[:1]) if value.ndim == 0 else value
