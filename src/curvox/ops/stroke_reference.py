"""Strokes outlined in plain PyTorch, contour by contour: what the kernel is held to.

The rules are those of ``kernels/outline.h``, where they are explained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from curvox.ops.flatten import chords, corner_weights, pieces_within

__all__ = ["stroke_reference"]


def stroke_reference(
    segments: Tensor,
    contours: Tensor,
    closed: Tensor,
    widths: Tensor,
    caps: Tensor,
    joins: Tensor,
    miter_limits: Tensor,
    tolerances: Tensor,
) -> tuple[Tensor, Tensor]:
    """:func:`curvox.ops.stroke.stroke` in plain PyTorch, after its checks."""
    vertices, counts = [segments.new_zeros(0, 2)], [0]
    ends = contours.tolist()
    for c, (begin, end) in enumerate(pairwise(ends)):
        pen = _Pen(
            widths[c] / 2,
            int(caps[c]),
            int(joins[c]),
            float(miter_limits[c]),
            float(tolerances[c]),
        )
        loops = pen.outline(segments[begin:end], bool(closed[c]))
        for loop in loops + [[]] * (2 - len(loops)):
            vertices += [torch.stack(loop)] if loop else []
            counts.append(len(loop))
    return torch.cat(vertices), contours.new_tensor(counts).cumsum(0)


_HALVINGS = 6


@dataclass(frozen=True)
class _Stop:
    """A sample on the way: where it is, which way it goes, of which segment."""

    point: Tensor
    tangent: Tensor
    segment: int
    pieces: int  # of the segment
    t: float

    @property
    def normal(self) -> Tensor:
        return _quarter_turn(self.tangent)

    def back(self) -> _Stop:
        return replace(self, tangent=-self.tangent)


@dataclass(frozen=True)
class _Pen:
    half_width: Tensor
    cap: int
    join: int
    miter_limit: float
    tolerance: float

    def outline(self, segments: Tensor, closed: bool) -> list[list[Tensor]]:
        """The loops around a contour: none, one, or two."""
        if len(segments) == 0 or self.half_width == 0:
            return []
        samples = [stop for i, cubic in enumerate(segments) for stop in self._samples(i, cubic)]
        if not samples:
            point = segments[0, 0]
            samples = [_Stop(point, point.new_tensor([1.0, 0.0]), 0, 1, 0.0)]
        closed = closed and len(samples) > 1
        there, back = samples, [stop.back() for stop in reversed(samples)]
        sides = [self._side(stops, closed) for stops in (there, back)]
        if closed:
            return sides
        return [[*sides[0], *self._cap(there[-1]), *sides[1], *self._cap(back[-1])]]

    def _half_width(self) -> float:
        return float(self.half_width.detach())

    def _turn_step(self) -> float:
        return 2 * math.acos(max(1 - self.tolerance / max(self._half_width(), 1e-6), 0.5))

    def _arc_pieces(self, angle: Tensor) -> tuple[int, Tensor]:
        """Of how many pieces an arc is, and the rim of its inner corners, over half the width."""
        bend = angle.detach() ** 2 * self._half_width()
        within = int(pieces_within(bend, bend.new_tensor(self.tolerance)))
        pieces = max(within, math.ceil(float(angle.detach()) / (0.51 * math.pi)))
        ratio = angle / torch.sin(angle / pieces)
        rim = ratio / (1 + torch.sqrt(1 + max(pieces - 2, 0) * ratio))
        return pieces, rim

    def _samples(self, index: int, cubic: Tensor) -> list[_Stop]:
        if _direction(cubic, 0.0) is None:
            return []
        turn, before = 0.0, None
        for leg in cubic.detach().diff(dim=0):
            if leg.any():
                turn += 0.0 if before is None else abs(_turn(before, leg))
                before = leg
        tolerance = cubic.new_tensor([self.tolerance])
        pieces = max(int(chords(cubic[None], tolerance)), math.ceil(turn / self._turn_step()))
        stops = [_stop(index, cubic, pieces, 0.0)]
        for piece in range(pieces):
            following = _stop(index, cubic, pieces, (piece + 1) / pieces)
            stops += self._between(cubic, stops[-1], following, _HALVINGS)
            stops.append(following)
        return stops

    def _sharp(self, a: _Stop, b: _Stop) -> bool:
        """Whether directions are too far apart for neighbouring samples of a segment."""
        return float((a.tangent @ b.tangent).detach()) < math.cos(min(self._turn_step(), 1.5))

    def _between(self, cubic: Tensor, before: _Stop, after: _Stop, halvings: int) -> list[_Stop]:
        """Samples between two whose directions are too far apart."""
        if halvings == 0 or not self._sharp(before, after):
            return []
        stop = _stop(before.segment, cubic, before.pieces, (before.t + after.t) / 2)
        first = self._between(cubic, before, stop, halvings - 1)
        return [*first, stop, *self._between(cubic, stop, after, halvings - 1)]

    def _offset(self, stop: _Stop) -> Tensor:
        return stop.point + self.half_width * stop.normal

    def _side(self, stops: list[_Stop], closed: bool) -> list[Tensor]:
        """The vertices left of the way."""
        side = []
        for k, here in enumerate(stops):
            before = stops[k - 1] if k > 0 else None
            after = stops[k + 1] if k + 1 < len(stops) else None
            starts = closed if before is None else before.segment != here.segment
            ends = closed if after is None else after.segment != here.segment
            if ends:
                following = 0 if after is None else k + 1
                room = min(_chord(stops, k - 1), _chord(stops, following))
                side += self._joined(here, stops[following], room)
            elif not starts:
                side.append(self._offset(here))
            if after is not None and after.segment == here.segment:
                side += self._piece(here, after)
        return side

    def _joined(self, a: _Stop, b: _Stop, room: float) -> list[Tensor]:
        with torch.no_grad():
            turn, cosine = float(_cross(a.tangent, b.tangent)), float(a.tangent @ b.tangent)
        half_width = self._half_width()
        summed = a.normal + b.normal
        turns_round = 1 + cosine < 1e-5
        if turn > 0 and not turns_round:  # this side is the inner one
            if half_width * turn <= room * (1 + cosine):
                return [a.point + self.half_width * 2 * summed / (summed @ summed)]
            return [self._offset(a), a.point, self._offset(b)]
        miter = math.sqrt(2 / max(1 + cosine, 1e-5))
        flat = half_width * (miter - 1) <= 0.25 * self.tolerance
        if not turns_round and (flat or (self.join == 0 and miter <= self.miter_limit)):
            return [a.point + self.half_width * 2 * summed / (summed @ summed)]
        if self.join == 1:
            return self._arc(a, b)
        return [self._offset(a), self._offset(b)]

    def _arc(self, a: _Stop, b: _Stop) -> list[Tensor]:
        first = torch.atan2(a.tangent[1], a.tangent[0])
        angle = torch.atan2(_cross(a.tangent, b.tangent), a.tangent @ b.tangent)
        angle = torch.where(angle > 0, angle - 2 * math.pi, angle)
        pieces, rim = self._arc_pieces(-angle)
        inner = []
        for piece in range(1, pieces):
            turned = first + angle * piece / pieces
            normal = torch.stack([-torch.sin(turned), torch.cos(turned)])
            inner.append(a.point + self.half_width * rim * normal)
        return [self._offset(a), *inner, a.point + self.half_width * b.normal]

    def _piece(self, a: _Stop, b: _Stop) -> list[Tensor]:
        with torch.no_grad():
            turn, cosine = float(_cross(a.tangent, b.tangent)), float(a.tangent @ b.tangent)
        if self._sharp(a, b) and (turn <= 0 or 1 + cosine < 1e-5):
            return self._arc(a, b)
        chord = b.point - a.point
        if (chord + self.half_width * (b.normal - a.normal)) @ chord >= 0:
            return []
        here, there = self._offset(a), self._offset(b)
        return [here, a.point, there, here, b.point]

    def _cap(self, end: _Stop) -> list[Tensor]:
        if self.cap == 1:
            pieces, rim = self._arc_pieces(end.point.new_tensor(math.pi))
            angles = [math.pi * piece / pieces for piece in range(1, pieces)]
            ways = [rim * (math.cos(a) * end.normal + math.sin(a) * end.tangent) for a in angles]
        elif self.cap == 2:
            ways = [end.normal + end.tangent, end.tangent - end.normal]
        else:
            ways = []
        return [end.point + self.half_width * way for way in ways]


def _stop(index: int, cubic: Tensor, pieces: int, t: float) -> _Stop:
    direction = _direction(cubic, t)
    assert direction is not None
    point = corner_weights(cubic.new_tensor(t), torch.tensor(pieces)) @ cubic
    return _Stop(point, direction / direction.norm(), index, pieces, t)


def _direction(cubic: Tensor, t: float) -> Tensor | None:
    """The direction of a cubic at t; where it stands still, towards the next other point."""
    s = 1 - t
    along = [-3 * s * s, 3 * s * s - 6 * s * t, 6 * s * t - 3 * t * t, 3 * t * t]
    third = [-1, 0, 1, 0]
    aside = third if t < 0.5 else [0, -1, 0, 1]
    away = cubic - cubic[0]
    extent = away.detach().square().sum(1).max()
    for weights in (along, aside, [-1, 0, 0, 1], [-1, 1, 0, 0], third):
        direction = cubic.new_tensor(weights) @ away
        if direction @ direction > 1e-10 * extent:
            return direction
    return None


def _chord(stops: list[_Stop], k: int) -> float:
    return float((stops[k + 1].point - stops[k].point).detach().norm())


def _quarter_turn(vector: Tensor) -> Tensor:
    return torch.stack([-vector[1], vector[0]])


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[0] * b[1] - a[1] * b[0]


def _turn(a: Tensor, b: Tensor) -> float:
    return math.atan2(float(_cross(a, b)), float(a @ b))
