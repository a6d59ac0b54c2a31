"""Many paths of one kind at once, as tensors: what learning works with."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from curvox.curves.bezier import elevate
from curvox.curves.layers import Cap, Join, Rule, Step
from curvox.curves.render_layers import TOLERANCE
from curvox.ops.flatten import flatten
from curvox.ops.paint import paint_layers
from curvox.ops.stroke import stroke

__all__ = ["render_paths"]


def render_paths(
    control_points: Tensor,
    height: int,
    width: int,
    *,
    colours: Tensor,
    opacities: Tensor | None = None,
    stroke_widths: Tensor | None = None,
    closed: bool | None = None,
    degree: int = 3,
    rule: Rule = Rule.NONZERO,
    cap: Cap = Cap.ROUND,
    join: Join = Join.ROUND,
    miter_limit: float = 4.0,
    background: Tensor | None = None,
    tolerance: float = TOLERANCE,
    backend: str | None = None,
) -> Tensor:
    """Draw N paths of equally many Bézier segments, filled or stroked, the first at the bottom.

    Args:
        control_points: [N, P, 2], or [B, N, P, 2] for B pictures at once, in pixels, x right and y
            down. Neighbouring segments share their ends: S segments of a degree D have P = D S
            points where the paths are closed and P = D S + 1 where they are open. Differentiable,
            as are all other tensors.
        height, width: of the image in pixels.
        colours: [N, 3] or [B, N, 3] RGB in 0..1, sRGB values.
        opacities: [N] or [B, N] in 0..1. None: opaque.
        stroke_widths: [N] or [B, N] in pixels, not negative: the paths are stroked. None: they are
            filled.
        closed: whether the paths come back to their first point. None: those that are filled do.
        degree: 1, 2 or 3, of the segments.
        rule: what lies inside of a filled path.
        cap, join, miter_limit: of strokes.
        background: [3] RGB. None: nothing.
        tolerance: pixels that curves may be away from the polygons that stand for them.
        backend: ``"torch"`` runs the references of all ops.

    Returns:
        [height, width, 4] RGBA, colour multiplied by alpha, or over a background [height, width,
        3]; [B, height, width, C] for B pictures.

    Raises:
        ValueError: a shape or a number out of range, on the CPU values that are not finite.
        TypeError: another dtype or device.
    """
    closed = stroke_widths is None if closed is None else closed
    batched = control_points.ndim == 4
    if batched:
        pictures, control_points = len(control_points), control_points.flatten(0, 1)
        colours = colours.flatten(0, 1)
    segments = _cubics(control_points, degree, closed)
    paths = len(control_points)
    pieces = len(segments) // max(paths, 1)
    plan = _plan(
        paths, pieces, pictures if batched else 1, rule, cap, join, closed, segments.device
    )
    if stroke_widths is None:
        vertices, offsets = flatten(segments, plan.contours, tolerance=tolerance, backend=backend)
    else:
        limits = segments.new_full((paths,), miter_limit)
        pens = (plan.closed, stroke_widths.flatten(), plan.caps, plan.joins, limits)
        vertices, offsets = stroke(
            segments, plan.contours, *pens, tolerance=tolerance, backend=backend
        )
    image = paint_layers(
        vertices,
        torch.stack([offsets[:-1], offsets[1:]], 1),
        plan.numbers if stroke_widths is None else plan.pairs,
        plan.rules if stroke_widths is None else plan.nonzero,
        colours,
        segments.new_ones(paths) if opacities is None else opacities.flatten(),
        height,
        width,
        gradient_ids=plan.gradient_ids,
        steps=plan.steps,
        scene_steps=plan.scene_steps,
        background=background,
        backend=backend,
    )
    return image if batched else image.squeeze(0)  # whose gradient is a view


class _Plan(NamedTuple):
    """What does not change from one step of an optimization to the next."""

    contours: Tensor
    closed: Tensor
    caps: Tensor
    joins: Tensor
    numbers: Tensor
    pairs: Tensor
    rules: Tensor
    nonzero: Tensor
    gradient_ids: Tensor
    steps: Tensor
    scene_steps: Tensor


@torch.compiler.disable
@lru_cache(maxsize=64)
@torch.inference_mode(False)  # or those who learn later could not save it
def _plan(
    paths: int,
    pieces: int,
    pictures: int,
    rule: Rule,
    cap: Cap,
    join: Join,
    closed: bool,
    device: torch.device,
) -> _Plan:
    numbers = torch.arange(paths + 1, device=device)
    steps = torch.stack([numbers, numbers, numbers], 1)[:paths].int()
    steps[:, 0], steps[:, 2] = Step.DRAW, -1

    def codes(value: int) -> Tensor:
        return torch.full((paths,), value, dtype=torch.uint8, device=device)

    return _Plan(
        contours=pieces * numbers,
        closed=torch.full((paths,), closed, device=device),
        caps=codes(cap),
        joins=codes(join),
        numbers=numbers,
        pairs=2 * numbers,
        rules=codes(rule),
        nonzero=codes(Rule.NONZERO),
        gradient_ids=torch.full((paths,), -1, dtype=torch.int32, device=device),
        steps=steps,
        scene_steps=torch.arange(pictures + 1, device=device) * (paths // max(pictures, 1)),
    )


def _cubics(control_points: Tensor, degree: int, closed: bool) -> Tensor:
    """Segments [N S, 4, 2] of paths whose neighbouring segments share their ends."""
    if control_points.ndim != 3 or control_points.shape[2] != 2:
        raise ValueError(
            f"control_points must be [N, P, 2] or [B, N, P, 2], got {list(control_points.shape)}"
        )
    if degree not in (1, 2, 3):
        raise ValueError(f"degree must be 1, 2 or 3, got {degree}")
    points = control_points.shape[1]
    if (points < degree if closed else points <= degree) or points % degree != (
        0 if closed or degree == 1 else 1
    ):
        kind = "closed paths need D S" if closed else "open paths need D S + 1"
        raise ValueError(f"{kind} points for S segments of degree D = {degree}, got {points}")
    if closed:
        control_points = torch.cat([control_points, control_points[:, :1]], 1)
    segments = control_points.unfold(1, degree + 1, degree).transpose(2, 3)  # [N, S, D + 1, 2]
    return elevate(segments.flatten(0, 1), 3)
