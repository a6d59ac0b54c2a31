"""Where new paths are worth most: discs of the colour that a drawing lacks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d

__all__ = ["Disc", "place_discs"]

_SIZES = (1.0, 0.6, 0.36)  # of the radius that is asked for
_PASSES = 6

Disc = tuple[Tensor, Tensor, Tensor]
"""Centres [N, 2], radii [N], both in pixels, and what they add to the colour [N, 3]."""


def place_discs(missing: Tensor, count: int, radius: float) -> Disc:
    """The discs that take the most squared error away.

    A disc of area A over which the picture lacks m on the average lowers the squared error by
    A |m|² if it adds m: known at every pixel from one convolution for each size. The places of the
    greatest gain are taken, as far as they do not touch each other, what they explain is taken
    away, and so on.

    Args:
        missing: [H, W, 3] float32 on the CPU: target minus drawing.
        count: how many discs; fewer are found where nothing is lacking.
        radius: of the largest, in pixels.
    """
    left = missing.permute(2, 0, 1).contiguous()  # [3, H, W]
    none = missing.new_zeros(0)
    found: list[Disc] = [(none.view(0, 2), none, none.view(0, 3))]
    for turn in range(_PASSES):
        wanted = count - sum(len(radii) for _, radii, _ in found)
        if turn + 1 < _PASSES:
            wanted = -(-wanted // 2)
        disc = _best(left, wanted, radius)
        if len(disc[0]) == 0:
            break
        found.append(disc)
        left = left - _painted(disc, left)
    centres, radii, colours = (torch.cat(parts) for parts in zip(*found, strict=True))
    return centres, radii, colours


def _stamp(radius: float) -> Tensor:
    """A disc as a picture of ones, [2 reach + 1, 2 reach + 1]."""
    reach = int(radius)
    axis = torch.arange(-reach, reach + 1, dtype=torch.float32)
    return (axis[:, None] ** 2 + axis**2 <= radius * radius).float()


def _best(left: Tensor, wanted: int, radius: float) -> Disc:
    """Up to `wanted` discs, the best of their neighbourhoods."""
    places = []
    for size in _SIZES:
        reach = max(radius * size, 1.0)
        stamp = _stamp(reach)
        pad = stamp.shape[0] // 2
        # A disc beyond the border counts with the part of it that is seen.
        sums = conv2d(left[:, None], stamp[None, None], padding=pad)[:, 0]
        seen = conv2d(torch.ones_like(left[:1])[:, None], stamp[None, None], padding=pad)[0, 0]
        gain = sums.square().sum(0) / seen
        best = gain == max_pool2d(gain[None], 2 * pad + 1, 1, pad)[0]
        rows, columns = (best & (gain > 0)).nonzero().T
        values = gain[rows, columns]
        colour = (sums[:, rows, columns] / seen[rows, columns]).T
        centre = torch.stack([columns + 0.5, rows + 0.5], 1).float()
        places.append((values, centre, torch.full_like(values, reach), colour))
    values, centres, radii, colours = (torch.cat(parts) for parts in zip(*places, strict=True))
    order = values.argsort(descending=True, stable=True)[: 4 * wanted]
    chosen = _apart(centres[order], radii[order], wanted)
    taken = order[chosen]
    return centres[taken], radii[taken], colours[taken]


def _apart(centres: Tensor, radii: Tensor, wanted: int) -> Tensor:
    """The first of the discs that do not touch an earlier one that is taken."""
    near = torch.cdist(centres, centres) < 0.8 * (radii[:, None] + radii)
    blocked = torch.zeros(len(centres), dtype=torch.bool)
    chosen: list[int] = []
    for index in range(len(centres)):
        if not blocked[index]:
            chosen.append(index)
            blocked |= near[index]
        if len(chosen) == wanted:
            break
    return torch.tensor(chosen, dtype=torch.int64)


def _painted(disc: Disc, like: Tensor) -> Tensor:
    """What the discs add to a picture, [3, H, W]."""
    picture = torch.zeros_like(like)
    height, width = like.shape[1:]
    for (x, y), radius, colour in zip(disc[0].tolist(), disc[1].tolist(), disc[2], strict=True):
        top, bottom = max(int(y - radius), 0), min(int(y + radius) + 1, height)
        first, last = max(int(x - radius), 0), min(int(x + radius) + 1, width)
        rows = torch.arange(top, bottom)[:, None] + 0.5 - y
        columns = torch.arange(first, last) + 0.5 - x
        inside = rows**2 + columns**2 <= radius * radius
        picture[:, top:bottom, first:last] += colour[:, None, None] * inside
    return picture
