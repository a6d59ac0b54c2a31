"""Algebra of Bézier curves given by their control points."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["concatenate", "elevate"]


def elevate(control_points: Tensor, degree: int) -> Tensor:
    """The same curves written with more control points (degree elevation; exact).

    Args:
        control_points: [N, P, 2], P >= 2, floating point. Differentiable.
        degree: at least P - 1.

    Returns:
        [N, degree + 1, 2].

    Raises:
        ValueError: `degree` is lower than that of the curves.
    """
    if degree < control_points.shape[1] - 1:
        raise ValueError(
            f"curves of degree {control_points.shape[1] - 1} cannot be lowered to {degree}"
        )
    while control_points.shape[1] <= degree:
        raised = control_points.shape[1]
        share = torch.arange(1, raised, dtype=control_points.dtype, device=control_points.device)
        share = share[:, None] / raised  # [raised - 1, 1]
        inner = share * control_points[:, :-1] + (1 - share) * control_points[:, 1:]
        control_points = torch.cat([control_points[:, :1], inner, control_points[:, -1:]], 1)
    return control_points


def concatenate(curves: Sequence[Tensor]) -> Tensor:
    """Curves of any degrees as one batch of the highest degree among them.

    Args:
        curves: tensors [P, 2] or [N, P, 2], P >= 2, one dtype and device. Differentiable.

    Returns:
        [M, P, 2] with the largest P, curves in the order given.

    Raises:
        ValueError: an empty sequence, or a shape that is no curve.
        TypeError: dtypes or devices that differ.
    """
    if len(curves) == 0:
        raise ValueError("there must be at least one curve")
    for curve in curves:
        if curve.ndim not in (2, 3) or curve.shape[-1] != 2 or curve.shape[-2] < 2:
            raise ValueError(f"a curve must be [P, 2] or [N, P, 2], got {list(curve.shape)}")
        if curve.dtype != curves[0].dtype or curve.device != curves[0].device:
            raise TypeError(
                f"curves are {curves[0].dtype} on {curves[0].device} "
                f"and {curve.dtype} on {curve.device}"
            )
    batches = [curve if curve.ndim == 3 else curve[None] for curve in curves]
    degree = max(batch.shape[1] for batch in batches) - 1
    return torch.cat([elevate(batch, degree) for batch in batches])
