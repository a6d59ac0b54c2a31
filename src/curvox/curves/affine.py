"""Affine maps of the plane as [..., 2, 3] tensors: the last column is the translation."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["apply", "compose", "invert"]


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """Map points [..., P, 2] by matrices [..., 2, 3]; dimensions before that broadcast."""
    return points @ matrix[..., :2].mT + matrix[..., None, :, 2]


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """The map that does `inner` first and `outer` then, [..., 2, 3]."""
    product = outer[..., :2] @ inner
    return torch.cat([product[..., :2], product[..., 2:] + outer[..., 2:]], -1)


def invert(matrix: Tensor) -> Tensor:
    """The way back, [..., 2, 3]; infinite or NaN where there is none."""
    (a, b), (c, d) = (row.unbind(-1) for row in matrix[..., :2].unbind(-2))
    adjugate = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    linear = adjugate / (a * d - b * c)[..., None, None]
    return torch.cat([linear, -linear @ matrix[..., 2:]], -1)
