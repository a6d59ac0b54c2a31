"""The ``d`` of a path: its contours."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import torch

from curvox.curves.shapes import Contour, unit_arc
from curvox.curves.svg.values import NUMBER

__all__ = ["contours_of"]

_KINDS = {"M": "nn", "L": "nn", "H": "n", "V": "n", "C": "nnnnnn", "S": "nnnn", "Q": "nnnn"}
_KINDS |= {"T": "nn", "A": "nnnffnn", "Z": ""}
_LARGEST = 1e15
_ROUNDING = 4e-7  # a few steps of float32


def _pattern(kinds: str) -> re.Pattern[str]:
    """All arguments of a command. Looking ahead first keeps a number from being split in two."""
    atoms = [
        "([01])" if kind == "f" else rf"(?=(?P<a{place}>{NUMBER}))(?P=a{place})"
        for place, kind in enumerate(kinds)
    ]
    return re.compile(r"\s*" + r"[\s,]*".join(atoms) + r"[\s,]*")


_ARGUMENTS = {command: _pattern(kinds) for command, kinds in _KINDS.items()}
_SPACE = re.compile(r"\s*")


def contours_of(text: str) -> tuple[tuple[Contour, ...], str | None]:
    """The contours of path data, arcs as cubics, and what is wrong with it, if anything.

    As SVG prescribes, everything before an error is drawn.
    """
    pen = _Pen()
    problem = None
    try:
        for command, arguments in _commands(text):
            pen.draw(command, arguments)
    except ValueError as error:
        problem = str(error)
    pen.begin()
    return tuple(pen.contours), problem


def _commands(text: str) -> Iterator[tuple[str, list[float]]]:
    place = _SPACE.match(text).end()  # type: ignore[union-attr]
    first = True
    while place < len(text):
        command = text[place]
        pattern = _ARGUMENTS.get(command.upper())
        if pattern is None or (first and command not in "Mm"):
            raise ValueError(f"{text[place : place + 20]!r} at {place} is not a command")
        first = False
        match = pattern.match(text, place + 1)
        if match is None:
            raise ValueError(f"{text[place : place + 20]!r} at {place} is not complete")
        while match is not None:
            place = match.end()
            arguments = [float(number) for number in match.groups()]
            if not all(abs(number) < _LARGEST for number in arguments):
                raise ValueError(f"a number before {place} is out of range")
            yield command, arguments
            # More arguments repeat the command; behind a move they are lines.
            command = {"M": "L", "m": "l"}.get(command, command)
            match = pattern.match(text, place) if arguments else None


class _Pen:
    """Draws contours."""

    def __init__(self) -> None:
        self.contours: list[Contour] = []
        self._points: list[tuple[float, float]] = []
        self._degrees: list[int] = []
        self._start = self._here = (0.0, 0.0)
        self._handle: tuple[str, tuple[float, float]] | None = None

    def begin(self) -> None:
        """End the contour without closing it."""
        self._finish(False)

    def draw(self, command: str, arguments: list[float]) -> None:
        kind = command.upper()
        if command.islower():
            arguments = self._absolute(kind, arguments)
        handle, self._handle = self._handle, None
        if kind == "H":
            arguments = [arguments[0], self._here[1]]
        elif kind == "V":
            arguments = [self._here[0], arguments[0]]
        if kind == "M":
            self.begin()
            self._start = self._here = (arguments[0], arguments[1])
        elif kind == "Z":
            self._close()
        elif kind == "A":
            self._arc(arguments)
        else:
            points = list(zip(arguments[::2], arguments[1::2], strict=True))
            if kind in "ST":
                family = "C" if kind == "S" else "Q"
                points.insert(0, self._reflected(handle, family))
                kind = family
            self._add(points)
            if kind in "CQ":
                self._handle = (kind, points[-2])

    def _absolute(self, kind: str, arguments: list[float]) -> list[float]:
        x, y = self._here
        if kind == "V":
            return [arguments[0] + y]
        if kind == "A":
            return [*arguments[:5], arguments[5] + x, arguments[6] + y]
        return [number + (y if place % 2 else x) for place, number in enumerate(arguments)]

    def _reflected(
        self, handle: tuple[str, tuple[float, float]] | None, family: str
    ) -> tuple[float, float]:
        if handle is None or handle[0] != family:
            return self._here
        (x, y), (u, v) = self._here, handle[1]
        return 2 * x - u, 2 * y - v

    def _add(self, points: list[tuple[float, float]]) -> None:
        if not self._points:
            self._points.append(self._here)
        self._points += points
        self._degrees.append(len(points))
        self._here = points[-1]

    def _close(self) -> None:
        if not self._points:
            self._points.append(self._here)
        (x, y), (u, v) = self._points[-1], self._start
        # Sums of relative steps that should end in the first point do so but for rounding.
        if self._degrees and abs(x - u) + abs(y - v) <= _ROUNDING * (abs(u) + abs(v)):
            self._points.pop()
        else:
            self._degrees.append(1)
        self._finish(True)
        self._here = self._start

    def _finish(self, closed: bool) -> None:
        if self._degrees:
            points = torch.tensor(self._points, dtype=torch.float32)
            self.contours.append(Contour(points, tuple(self._degrees), closed))
        self._points, self._degrees = [], []

    def _arc(self, arguments: list[float]) -> None:
        """An elliptical arc, as in SVG's implementation notes."""
        rx, ry, rotation, large, sweep, x, y = arguments
        rx, ry, turn = abs(rx), abs(ry), math.radians(rotation)
        start, end = complex(*self._here), complex(x, y)
        if start == end:
            return
        if not (rx and ry):
            self._add([(x, y)])
            return
        axis = complex(math.cos(turn), math.sin(turn))

        def to_circle(point: complex) -> complex:
            point *= axis.conjugate()
            return complex(point.real / rx, point.imag / ry)

        half = to_circle((start - end) / 2)
        distance = abs(half)
        if distance > 1:  # radii that do not reach are scaled up
            rx, ry, half, distance = rx * distance, ry * distance, half / distance, 1.0
        side = -1 if large == sweep else 1
        # The centre in circle coordinates, seen from the middle of the chord.
        centre = side * math.sqrt(max(1 / distance**2 - 1, 0)) * half * -1j
        first, last = half - centre, -half - centre
        begin = math.atan2(first.imag, first.real)
        angle = math.atan2(last.imag, last.real) - begin
        if sweep and angle < 0:
            angle += 2 * math.pi
        elif not sweep and angle > 0:
            angle -= 2 * math.pi
        middle = (start + end) / 2 + axis * complex(centre.real * rx, centre.imag * ry)
        points = []
        for u, v in unit_arc(begin, begin + angle)[1:]:
            point = middle + axis * complex(u * rx, v * ry)
            points.append((point.real, point.imag))
        points[-1] = (x, y)  # exactly
        for place in range(0, len(points), 3):
            self._add(points[place : place + 3])
