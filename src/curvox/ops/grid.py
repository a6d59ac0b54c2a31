"""Voxel grids as ops see them: checks, and where positions stand among grid points, in PyTorch.

A grid is a tensor of rows [V, C], V = X * Y * Z, row (x * Y + y) * Z + z, with its shape (X, Y, Z)
and its box [2, 3]: the positions of the first and of the last grid point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from curvox.ops.checks import check_box, check_float

__all__ = ["check_grid", "interpolate_reference"]

_MAX_POINTS = 2**31 - 1  # rows are counted in 32 bits by the kernels


def check_grid(name: str, values: Tensor, shape: Sequence[int], box: Tensor) -> None:
    """Raise ValueError or TypeError for a grid whose rows, shape and box do not fit together."""
    check_float(name, values)
    if len(shape) != 3 or min(shape) < 2:
        raise ValueError(f"shape must be three sizes of at least 2, got {list(shape)}")
    if values.ndim != 2 or values.shape[0] != math.prod(shape):
        raise ValueError(f"{name} must be [{math.prod(shape)}, C], got {list(values.shape)}")
    if values.shape[0] > _MAX_POINTS:
        raise ValueError(f"a grid has at most {_MAX_POINTS} points, got {list(shape)}")
    check_box("box", box, name, values)


def interpolate_reference(
    values: Tensor, shape: Sequence[int], box: Tensor, points: Tensor, sparse: bool = False
) -> Tensor:
    """:func:`curvox.ops.interpolate.interpolate` in plain PyTorch, after its checks."""
    last = torch.tensor([size - 1 for size in shape], dtype=points.dtype, device=points.device)
    coordinates = (points - box[0]) * (last / (box[1] - box[0]))  # [M, 3]
    # Comparisons that are false for what is not a number, so that it stands at 0.
    coordinates = torch.where(coordinates > 0, coordinates, 0.0)
    coordinates = torch.where(coordinates < last, coordinates, last)
    cells = torch.minimum(coordinates.long(), (last - 1).long())  # [M, 3]
    fractions = coordinates - cells
    result = values.new_zeros(points.shape[0], values.shape[1])
    for corner in range(8):
        steps = [corner >> 2, corner >> 1 & 1, corner & 1]
        x, y, z = (cells + torch.tensor(steps, device=points.device)).unbind(1)
        weights = [f if up else 1 - f for f, up in zip(fractions.unbind(1), steps, strict=True)]
        rows = (x * shape[1] + y) * shape[2] + z
        corners = torch.nn.functional.embedding(rows, values, sparse=sparse)  # [M, C]
        result = result + (weights[0] * weights[1] * weights[2])[:, None] * corners
    return result
