"""Many paths of one kind at once, as tensors: what learning works with."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from curvox.curves.bezier import elevate
from curvox.curves.layers import Cap, Join, Rule, Step
from curvox.curves.render_layers import TOLERANCE
from curvox.ops.checks import runs_kernel
from curvox.ops.flatten import check_tolerance, flatten
from curvox.ops.paint import paint_layers
from curvox.ops.path_picture import PathKind, paint_paths
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
    pictures = None
    if control_points.ndim == 4:
        pictures, control_points = len(control_points), control_points.flatten(0, 1)
        if pictures == 0:
            raise ValueError("a batch must hold at least one picture")
        colours = colours.flatten(0, 1)
        stroke_widths = None if stroke_widths is None else stroke_widths.flatten()
        opacities = None if opacities is None else opacities.flatten()
    points = _cubics(control_points, degree, closed)
    kind = PathKind(
        pictures,
        len(points),
        points.shape[1] // 3,
        closed,
        stroke_widths is not None,
        rule,
        cap,
        join,
        miter_limit,
        check_tolerance(tolerance),
    )
    opacities = points.new_ones(kind.paths) if opacities is None else opacities
    drawing = points, stroke_widths, colours, opacities, background, kind, height, width
    if runs_kernel(points, backend) and points.device.type == "cpu":
        return paint_paths(*drawing)
    return _paint_apart(*drawing, backend)


def _paint_apart(
    points: Tensor,
    widths: Tensor | None,
    colours: Tensor,
    opacities: Tensor,
    background: Tensor | None,
    kind: PathKind,
    height: int,
    width: int,
    backend: str | None,
) -> Tensor:
    """:func:`curvox.ops.path_picture.paint_paths`, op by op."""
    if kind.closed:
        points = torch.cat([points, points[:, :1]], 1)
    segments = points.unfold(1, 4, 3).transpose(2, 3).flatten(0, 1)  # [N S, 4, 2]
    plan = _plan(kind._replace(miter_limit=0, tolerance=0), points.device)
    tolerance = kind.tolerance
    if widths is None:
        vertices, offsets = flatten(segments, plan.contours, tolerance=tolerance, backend=backend)
    else:
        limits = segments.new_full((kind.paths,), kind.miter_limit)
        pens = (plan.closed, widths, plan.caps, plan.joins, limits)
        vertices, offsets = stroke(
            segments, plan.contours, *pens, tolerance=tolerance, backend=backend
        )
    image = paint_layers(
        vertices,
        torch.stack([offsets[:-1], offsets[1:]], 1),
        plan.layer_loops,
        plan.rules,
        colours,
        opacities,
        height,
        width,
        gradient_ids=plan.gradient_ids,
        steps=plan.steps,
        scene_steps=plan.scene_steps,
        background=background,
        backend=backend,
    )
    return image.squeeze(0) if kind.pictures is None else image  # whose gradient is a view


class _Plan(NamedTuple):
    """What does not change from one step of an optimization to the next."""

    contours: Tensor
    closed: Tensor
    caps: Tensor
    joins: Tensor
    layer_loops: Tensor
    rules: Tensor
    gradient_ids: Tensor
    steps: Tensor
    scene_steps: Tensor


@torch.compiler.disable
@lru_cache(maxsize=64)
@torch.inference_mode(False)  # or those who learn later could not save it
def _plan(kind: PathKind, device: torch.device) -> _Plan:
    paths, pictures = kind.paths, 1 if kind.pictures is None else kind.pictures
    numbers = torch.arange(paths + 1, device=device)
    steps = torch.stack([numbers, numbers, numbers], 1)[:paths].int()
    steps[:, 0], steps[:, 2] = Step.DRAW, -1

    def codes(value: int) -> Tensor:
        return torch.full((paths,), value, dtype=torch.uint8, device=device)

    return _Plan(
        contours=kind.segments * numbers,
        closed=torch.full((paths,), kind.closed, device=device),
        caps=codes(kind.cap),
        joins=codes(kind.join),
        layer_loops=2 * numbers if kind.stroked else numbers,  # strokes have two each
        rules=codes(Rule.NONZERO if kind.stroked else kind.rule),
        gradient_ids=torch.full((paths,), -1, dtype=torch.int32, device=device),
        steps=steps,
        scene_steps=torch.arange(pictures + 1, device=device) * (paths // max(pictures, 1)),
    )


def _cubics(control_points: Tensor, degree: int, closed: bool) -> Tensor:
    """The same paths made of cubics: [N, 3 S, 2] if they are closed, or else [N, 3 S + 1, 2]."""
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
    if degree == 3:
        return control_points
    ends = control_points[:, :1] if closed else control_points[:, -1:]
    if closed:
        control_points = torch.cat([control_points, ends], 1)
    segments = control_points.unfold(1, degree + 1, degree).transpose(2, 3)  # [N, S, D + 1, 2]
    cubics = elevate(segments.flatten(0, 1), 3).unflatten(0, segments.shape[:2])
    cubics = cubics[:, :, :3].flatten(1, 2)  # without ends, which are the next one's beginnings
    return cubics if closed else torch.cat([cubics, ends], 1)
