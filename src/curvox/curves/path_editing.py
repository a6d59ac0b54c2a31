"""Changing how many paths and segments there are, between the steps of an optimization."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox.curves.path_segments import is_closed, path_segments
from curvox.curves.regularizers import length_penalty
from curvox.ops.checks import check_like

__all__ = ["prune_paths", "split_paths", "visible_areas"]

_STEPS = 8  # lines that stand for a cubic where its area is asked for


def split_paths(control_points: Tensor, chosen: Tensor | None = None) -> Tensor:
    """Cut every segment of the chosen paths in two halves (de Casteljau), which draw the same.

    Args:
        control_points: [N, P, 2] in pixels: S cubics a path, P = 3 S if they are closed, 3 S + 1 if
            they are open. float32 or float64. Differentiable.
        chosen: [N] bool, or [K] int64 numbers of paths. None: all.

    Returns:
        [K, Q, 2]: the chosen paths, with 2 S segments each; Q = 6 S or 6 S + 1. Colours, opacities
        and widths stay as they were.

    Raises:
        ValueError: another shape, or a number of points that no such path has.
        TypeError: neither float32 nor float64.
    """
    _check_paths(control_points)
    if chosen is not None:
        control_points = control_points[chosen]
    a, b, c, d = path_segments(control_points).unbind(-2)
    ab, bc, cd = (a + b) / 2, (b + c) / 2, (c + d) / 2
    abc, bcd = (ab + bc) / 2, (bc + cd) / 2
    halves = torch.stack([a, ab, abc, (abc + bcd) / 2, bcd, cd], -2).flatten(-3, -2)
    if is_closed(control_points):
        return halves
    return torch.cat([halves, control_points[..., -1:, :]], -2)


def prune_paths(
    control_points: Tensor,
    threshold: float,
    *,
    opacities: Tensor | None = None,
    stroke_widths: Tensor | None = None,
    scores: Tensor | None = None,
) -> Tensor:
    """Which paths are worth keeping.

    Args:
        control_points: [N, P, 2] in pixels: cubics, P = 3 S if closed, 3 S + 1 if open.
        threshold: the least score that is kept; of areas, in square pixels.
        opacities, stroke_widths: [N], as :func:`visible_areas` takes them.
        scores: [N], taken instead of areas. None: those of `visible_areas`.

    Returns:
        [K] int64 numbers of the paths that are kept, rising; what has a score that is not a number
        is dropped. Index everything that belongs to paths with it: control points, colours,
        moments of the optimizer.

    Raises:
        ValueError: a tensor of another shape.
        TypeError: another dtype or device than that of `control_points`, float32 or float64.
    """
    _check_paths(control_points)
    if scores is None:
        scores = visible_areas(control_points, opacities=opacities, stroke_widths=stroke_widths)
    check_like("scores", scores, control_points.shape[:1], "control_points", control_points)
    return (scores >= threshold).nonzero()[:, 0]


@torch.no_grad()
def visible_areas(
    control_points: Tensor, *, opacities: Tensor | None = None, stroke_widths: Tensor | None = None
) -> Tensor:
    """How much each path could show: opacity times area, [N] in square pixels. No gradient.

    Of a filled path the area is that of all triangles between its outline and the middle of its
    points, without regard to their sign. That is what a convex shape covers, and never less than
    what any other does (loops that turn against each other do not cancel), but for the half
    percent that eight lines a cubic cut off. Of a stroke it is length times width, and the caps.
    What other paths hide, or lies outside of the picture, counts.

    Args:
        control_points: [N, P, 2] in pixels: cubics, P = 3 S if closed, 3 S + 1 if open.
        opacities: [N] in 0..1. None: opaque.
        stroke_widths: [N] in pixels. None: the paths are filled.

    Raises:
        ValueError: a tensor of another shape.
        TypeError: another dtype or device than that of `control_points`, float32 or float64.
    """
    _check_paths(control_points)
    shape = control_points.shape[:1]
    if stroke_widths is None:
        areas = _fan_areas(control_points)
    else:
        check_like("stroke_widths", stroke_widths, shape, "control_points", control_points)
        areas = stroke_widths * (length_penalty(control_points) + stroke_widths)
    if opacities is None:
        return areas
    check_like("opacities", opacities, shape, "control_points", control_points)
    return opacities * areas


def _fan_areas(control_points: Tensor) -> Tensor:
    t = torch.arange(_STEPS).to(control_points)[:, None] / _STEPS
    s = 1 - t
    basis = torch.cat([s**3, 3 * s * s * t, 3 * s * t * t, t**3], 1)
    corners = (basis @ path_segments(control_points)).flatten(1, 2)
    if not is_closed(control_points):
        corners = torch.cat([corners, control_points[:, -1:]], 1)
    spokes = corners - corners.mean(1, keepdim=True)
    following = spokes.roll(-1, 1)
    twice = spokes[..., 0] * following[..., 1] - spokes[..., 1] * following[..., 0]
    return twice.abs().sum(1) / 2


def _check_paths(control_points: Tensor) -> None:
    if control_points.ndim != 3:
        raise ValueError(f"control_points must be [N, P, 2], got {list(control_points.shape)}")
    is_closed(control_points)
