"""Colour gradients, linear and radial: the table that the painting of layers reads."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from curvox.ops.checks import check_codes, check_like

__all__ = ["GradientTable", "check_gradients", "gradient_colours", "no_gradients"]


class GradientTable(NamedTuple):
    """G colour gradients; floating-point tensors are differentiable.

    In its unit space a linear gradient runs along x from 0 to 1, a radial one from a circle around
    a focus to the unit circle around the origin.

    Attributes:
        radial: [G] uint8, 1 for radial ones.
        geometry: [G, 9]: the affine map from pixels to unit space, row by row (6), the focus (2),
            the radius of the circle around it (1). Focus and circle lie inside the unit circle.
        spreads: [G] uint8, what shows outside the stops: 0 the nearest one, 1 the gradient mirrored
            again and again, 2 repeated.
        stops: [G + 1] int64: gradient g has stops stops[g] to stops[g + 1] - 1, at least one.
        positions: [K] in [0, 1], not falling within a gradient.
        colours: [K, 4] RGBA, colour not multiplied by alpha. Between stops all four change
            linearly, as SVG prescribes.
    """

    radial: Tensor
    geometry: Tensor
    spreads: Tensor
    stops: Tensor
    positions: Tensor
    colours: Tensor


@cache
@torch.inference_mode(False)  # or those who learn later could not save it
def no_gradients(dtype: torch.dtype, device: torch.device) -> GradientTable:
    """An empty table."""
    codes = torch.empty(0, dtype=torch.uint8, device=device)
    none = torch.empty(0, dtype=dtype, device=device)
    stops = torch.zeros(1, dtype=torch.int64, device=device)
    return GradientTable(codes, none.view(0, 9), codes, stops, none, none.view(0, 4))


def check_gradients(gradients: GradientTable, other_name: str, other: Tensor) -> None:
    """Raise ValueError or TypeError if shapes, dtypes or devices do not fit each other."""
    count, stops = len(gradients.radial), len(gradients.positions)
    check_like("geometry", gradients.geometry, (count, 9), other_name, other)
    check_like("positions", gradients.positions, (stops,), other_name, other)
    check_like("stop colours", gradients.colours, (stops, 4), other_name, other)
    for name, tensor, length, dtype in (
        ("radial", gradients.radial, count, torch.uint8),
        ("spreads", gradients.spreads, count, torch.uint8),
        ("stops", gradients.stops, count + 1, torch.int64),
    ):
        check_codes(name, tensor, (length,), dtype, other_name, other)


def gradient_colours(gradients: GradientTable, index: int, points: Tensor) -> Tensor:
    """What gradient `index` shows at points [..., 2], in plain PyTorch; RGBA [..., 4]."""
    begin, end = (int(stop) for stop in gradients.stops[index : index + 2])
    positions = gradients.positions[begin:end]
    colours = gradients.colours[begin:end]
    place = _along(gradients, index, points)
    spread = int(gradients.spreads[index])
    if spread == 1:
        place = place - 2 * torch.floor(place / 2)
        place = torch.where(place > 1, 2 - place, place)
    elif spread == 2:
        place = place - torch.floor(place)
    second = torch.searchsorted(positions.detach(), place.detach().contiguous(), right=True)
    inside = (second > 0) & (second < len(positions)) & (place > positions[0])
    second = second.clamp(1, max(len(positions) - 1, 1))
    if len(positions) == 1:
        return colours[0].expand(*place.shape, 4)
    first = second - 1
    width = positions[second] - positions[first]
    safe = torch.where(inside, width, torch.ones_like(width))
    share = torch.where(inside, (place - positions[first]) / safe, torch.zeros_like(place))
    mixed = colours[first] + share[..., None] * (colours[second] - colours[first])
    ends = torch.where((place > positions[0])[..., None], colours[-1], colours[0])
    return torch.where(inside[..., None], mixed, ends)


def _along(gradients: GradientTable, index: int, points: Tensor) -> Tensor:
    """Where points lie along a gradient, see ``kernels/gradient_paint.h``."""
    geometry = gradients.geometry[index]
    unit = points @ geometry[:6].view(2, 3)[:, :2].T + geometry[:6].view(2, 3)[:, 2]
    if not int(gradients.radial[index]):
        return unit[..., 0]
    focus, radius = geometry[6:8], geometry[8]
    away = unit - focus
    a = (1 - radius) ** 2 - focus @ focus
    b = radius * (1 - radius) - away @ focus
    c = away.square().sum(-1) - radius**2
    return (torch.sqrt((b * b + a * c).clamp_min(1e-12)) - b) / a
