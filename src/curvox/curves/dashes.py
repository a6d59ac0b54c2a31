"""Dashed lines: outlines cut by arc length, differentiably."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from curvox.curves.cubics import Cubics
from curvox.curves.paint import Scalar, plain

__all__ = ["arc_lengths", "dashed"]

_MOST_PIECES = 64  # that stand for a curve's length
_MOST_DASHES = 1_000_000


def arc_lengths(segments: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """Lengths along cubics [S, 4, 2]: [S] of each, and [S, K + 1] up to equal steps of parameter.

    A chord of a piece of a cubic leaves it by at most |second difference| · 6 / 8 K², so K pieces
    are as many as keep that below `tolerance`, up to 64.
    """
    bends = (segments[:, 2:] - 2 * segments[:, 1:-1] + segments[:, :-2]).detach()
    bend = float(bends.norm(dim=-1).amax()) if len(segments) else 0.0
    pieces = min(max(math.ceil(math.sqrt(0.75 * bend / tolerance)), 1), _MOST_PIECES)
    t = torch.linspace(0, 1, pieces + 1, dtype=segments.dtype, device=segments.device)[:, None]
    a, b, c, d = (segments[:, None, k] for k in range(4))
    s = 1 - t
    points = s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d  # [S, K + 1, 2]
    chords = (points[:, 1:] - points[:, :-1]).norm(dim=-1)
    knots = torch.cat([torch.zeros_like(chords[:, :1]), chords.cumsum(1)], 1)
    return knots[:, -1], knots


def dashed(line: Cubics, dashes: Tensor, offset: Scalar, tolerance: float) -> Cubics | None:
    """The dashes of a line as open contours, each a part of its curves.

    Lengths are those of chords, see :func:`arc_lengths`. On a closed contour the last dash runs on
    into the first. Differentiable in everything but the number of dashes.

    Args:
        line: what is dashed; every contour begins with the pattern anew.
        dashes: [D], not negative.
        offset: where in the pattern a contour begins.
        tolerance: of the lengths, in the units of the line.

    Returns:
        The dashes; the line itself where the pattern has no length; None where no dash is left.

    Raises:
        ValueError: more than a million dashes.
    """
    pattern = dashes if len(dashes) % 2 == 0 else torch.cat([dashes, dashes])
    period = pattern.sum()
    if not plain(period) > 0:
        return line
    lengths, knots = arc_lengths(line.segments, tolerance)
    if not plain(lengths.sum()) / plain(period) * len(pattern) / 2 <= _MOST_DASHES:
        raise ValueError(f"the dashes are so short that there are more than {_MOST_DASHES:,}")
    corners = torch.cat([pattern.new_zeros(1), pattern.cumsum(0)])
    on = torch.stack([corners[:-1:2], corners[1::2]], 1)  # [D / 2, 2] where dashes start and end
    parts, whole, first = [], [], 0
    for count, closed in zip(line.counts.tolist(), line.closed.tolist(), strict=True):
        of_contour = lengths[first : first + count]
        spans = _spans(on, period, offset, of_contour.sum(), closed, tolerance / 16)
        if len(spans):
            parts.append(_cut(line.segments, knots, first, count, spans))
            # A dash as long as a closed contour has no ends.
            alone = len(spans) == 1 and bool((spans[0, 1] - spans[0, 0]) >= of_contour.sum())
            whole.append(np.full(len(spans), closed and alone))
        first += count
    if not parts:
        return None
    counts = np.concatenate([counts for _, counts in parts])
    return Cubics(torch.cat([cut for cut, _ in parts]), counts, np.concatenate(whole))


def _spans(
    on: Tensor, period: Tensor, offset: Scalar, length: Tensor, closed: bool, least: float
) -> Tensor:
    """Starts and ends of the dashes on a contour, [M, 2]; what ends beyond it goes round.

    Dashes without length are dots under caps. They are given the `least` that has a direction.
    """
    shift = torch.as_tensor(offset, dtype=on.dtype, device=on.device)
    first = math.floor(plain(shift) / plain(period))
    last = math.floor(plain(shift + length) / plain(period))
    rounds = torch.arange(first, last + 1, dtype=on.dtype, device=on.device)
    spans = (on + (rounds * period)[:, None, None] - shift).flatten(0, 1)
    starts, stops = spans.unbind(1)
    spans = torch.stack([starts, torch.maximum(stops, starts + least)], 1)
    spans = spans[(stops >= 0) & (spans[:, 1] > 0) & (starts < length - least)]
    spans = torch.minimum(spans.clamp_min(0), length)
    if closed and len(spans) > 1 and plain(spans[0, 0]) == 0 and bool(spans[-1, 1] == length):
        joined = torch.stack([spans[-1, 0], length + spans[0, 1]])
        spans = torch.cat([spans[1:-1], joined[None]])
    return spans


def _cut(
    segments: Tensor, knots: Tensor, first: int, count: int, spans: Tensor
) -> tuple[Tensor, np.ndarray]:
    """Parts of a contour's cubics between arc lengths [M, 2], and how many cubics each has."""
    own = knots[first : first + count]  # [count, K + 1]
    pieces = own.shape[1] - 1
    before = own[:, -1].cumsum(0) - own[:, -1]
    ladder = torch.cat([(before[:, None] + own[:, :-1]).flatten(), own[:, -1].sum()[None]])
    length = ladder[-1]
    with torch.no_grad():
        wraps = spans > length
        rung = torch.searchsorted(ladder, (spans - wraps * length).contiguous(), right=True) - 1
        # An end belongs to the piece before it, a start to the one behind it.
        ends = (torch.searchsorted(ladder, (spans - wraps * length).contiguous()) - 1)[:, 1]
        rung = torch.stack([rung[:, 0], torch.maximum(ends, ends.new_zeros(()))], 1)
        rung = rung.clamp(0, len(ladder) - 2)
    low, high = ladder[rung], ladder[rung + 1]
    share = (spans - wraps * length - low) / (high - low).clamp_min(torch.finfo(low.dtype).tiny)
    places = (rung + share) / pieces + wraps * count  # segment + parameter
    with torch.no_grad():
        start = (rung[:, 0] // pieces) + wraps[:, 0] * count
        stop = (rung[:, 1] // pieces) + wraps[:, 1] * count
        counts = (stop - start).clamp_min(0) + 1
        dash = torch.repeat_interleave(counts)
        index = torch.arange(len(dash), device=dash.device)
        index = start[dash] + index - (counts.cumsum(0) - counts)[dash]
    begin = (places[dash, 0] - index).clamp(0, 1)
    end = torch.maximum((places[dash, 1] - index).clamp(0, 1), begin)
    return _between(segments[first + index % count], begin, end), counts.cpu().numpy()


def _between(curves: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """The parts of cubics [M, 4, 2] between two parameters [M], as cubics (their blossoms)."""
    corners = []
    for stops in range(4):
        points = curves
        for parameter in [start] * (3 - stops) + [stop] * stops:
            points = torch.lerp(points[:, :-1], points[:, 1:], parameter[:, None, None])
        corners.append(points[:, 0])
    return torch.stack(corners, 1)
