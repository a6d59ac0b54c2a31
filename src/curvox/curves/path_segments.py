"""Paths of cubics as the points that they share, and as segments."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox.ops.checks import check_float

__all__ = ["is_closed", "path_segments"]


def is_closed(control_points: Tensor) -> bool:
    """Whether paths [..., P, 2] are closed: S cubics have 3 S points then, and 3 S + 1 if open.

    Raises:
        ValueError: another shape, or a number of points that is neither.
        TypeError: neither float32 nor float64.
    """
    if control_points.ndim < 2 or control_points.shape[-1] != 2:
        raise ValueError(f"control_points must be [..., P, 2], got {list(control_points.shape)}")
    check_float("control_points", control_points)
    points = control_points.shape[-2]
    if points < 3 or points % 3 == 2:
        raise ValueError(
            f"paths of S cubics have 3 S points if closed and 3 S + 1 if open, got {points}"
        )
    return points % 3 == 0


def path_segments(control_points: Tensor) -> Tensor:
    """The cubics [..., S, 4, 2] of paths [..., P, 2]. Differentiable; raises what `is_closed` does.

    Their ends are those of their neighbours.
    """
    if is_closed(control_points):
        control_points = torch.cat([control_points, control_points[..., :1, :]], -2)
    return control_points.unfold(-2, 4, 3).transpose(-1, -2)
