"""Shapes of a scene: what each looks like, and its outline as curves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from curvox.curves.layers import Rule
from curvox.curves.paint import Paint, Scalar, Stroke

__all__ = [
    "Circle",
    "Contour",
    "Ellipse",
    "Line",
    "Path",
    "Polygon",
    "Polyline",
    "Rectangle",
    "Shape",
    "checked",
    "unit_arc",
]


@dataclass(frozen=True, eq=False)
class Contour:
    """Segments end to end: lines, quadratics and cubics."""

    points: Tensor
    """[P, 2]: where the first segment starts, then for each segment its control points and its end.
    The last segment of a closed contour ends where the first starts, which is not repeated: P is
    the sum of the degrees, for an open one 1 more."""
    degrees: tuple[int, ...]
    """Of each segment: 1, 2 or 3."""
    closed: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Shape:
    """What all shapes have. Coordinates are the enclosing group's, x right and y down."""

    fill: Paint | None = None
    fill_rule: Rule = Rule.NONZERO
    fill_opacity: Scalar = 1.0
    """In 0..1, like the other one."""
    stroke: Stroke | None = None
    """Painted over the fill."""
    opacity: Scalar = 1.0
    """Of fill and stroke together: the fill does not shine through the stroke."""
    transform: Tensor | None = None
    """[2, 3], from the shape's own coordinates to the enclosing group's. None: they are."""

    def contours(self) -> tuple[Contour, ...]:
        """The outline, differentiable.

        Raises:
            ValueError: a tensor of the wrong shape, or a negative radius.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Path(Shape):
    """Any outline."""

    pieces: tuple[Contour, ...]

    def contours(self) -> tuple[Contour, ...]:
        for contour in self.pieces:
            count = sum(contour.degrees) + (not contour.closed)
            checked("points", contour.points, (count, 2))
            if not (contour.degrees and set(contour.degrees) <= {1, 2, 3}):
                raise ValueError("a contour needs segments, of degrees 1, 2 or 3")
        return self.pieces


@dataclass(frozen=True, eq=False)
class Circle(Shape):
    """A circle, as eight cubics that leave it by less than 5 millionths of the radius."""

    centre: Tensor
    """[2]."""
    radius: Scalar
    """Not negative."""

    def contours(self) -> tuple[Contour, ...]:
        radius = _not_negative("radius", self.radius, self.centre)
        return (_ring(checked("centre", self.centre, (2,)), checked("radius", radius, ())),)


@dataclass(frozen=True, eq=False)
class Ellipse(Shape):
    """An ellipse along the axes, as eight cubics; see :class:`Circle`."""

    centre: Tensor
    """[2]."""
    radii: Tensor
    """[2], not negative."""

    def contours(self) -> tuple[Contour, ...]:
        radii = _not_negative("radii", self.radii, self.centre)
        return (_ring(checked("centre", self.centre, (2,)), checked("radii", radii, (2,))),)


@dataclass(frozen=True, eq=False)
class Rectangle(Shape):
    """A rectangle along the axes, its corners rounded if you like."""

    corner: Tensor
    """[2], the least x and y."""
    size: Tensor
    """[2], width and height, not negative."""
    corner_radii: Tensor | None = None
    """[2], not negative, cut to half the size. None: sharp corners."""

    def contours(self) -> tuple[Contour, ...]:
        corner = checked("corner", self.corner, (2,))
        size = checked("size", _not_negative("size", self.size, corner), (2,))
        signs = corner.new_tensor([[1.0, 0], [1, 1], [0, 1], [0, 0]])  # clockwise from the right
        if self.corner_radii is None:
            return (Contour(corner + size * signs.roll(1, 0), (1,) * 4, True),)
        radii = checked("corner_radii", self.corner_radii, (2,))
        radii = torch.minimum(_not_negative("corner_radii", radii, corner), size / 2)
        centres = corner + radii + (size - 2 * radii) * signs
        quarters = [unit_arc(math.pi / 2 * k, math.pi / 2 * (k + 1)) for k in (-1, 0, 1, 2)]
        arcs = centres[:, None] + radii * corner.new_tensor(quarters)  # [4, 7, 2]
        # The contour starts behind the upper left corner, with the line to the next one.
        points = arcs.flatten(0, 1).roll(1, 0)
        return (Contour(points, (1, 3, 3) * 4, True),)


@dataclass(frozen=True, eq=False)
class Polygon(Shape):
    """Straight lines between points, and back to the first."""

    points: Tensor
    """[P, 2]."""

    def contours(self) -> tuple[Contour, ...]:
        points = checked("points", self.points, (None, 2))
        return (Contour(points, (1,) * len(points), True),) if len(points) else ()


@dataclass(frozen=True, eq=False)
class Polyline(Shape):
    """Straight lines between points. Its fill is closed, its stroke is not."""

    points: Tensor
    """[P, 2]."""

    def contours(self) -> tuple[Contour, ...]:
        points = checked("points", self.points, (None, 2))
        return (Contour(points, (1,) * (len(points) - 1)),) if len(points) > 1 else ()


@dataclass(frozen=True, eq=False)
class Line(Shape):
    """A straight line. Only its stroke is seen."""

    start: Tensor
    """[2]."""
    end: Tensor
    """[2]."""

    def contours(self) -> tuple[Contour, ...]:
        ends = (checked("start", self.start, (2,)), checked("end", self.end, (2,)))
        return (Contour(torch.stack(ends), (1,)),)


def checked(name: str, value: Tensor, shape: tuple[int | None, ...]) -> Tensor:
    """`value`, if it has the shape; None stands for any length.

    Raises:
        ValueError: otherwise, naming it.
    """
    fits = len(value.shape) == len(shape) and all(
        want in (None, have) for want, have in zip(shape, value.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("N" if length is None else str(length) for length in shape)
        raise ValueError(f"{name} must have the shape [{wanted}], not {list(value.shape)}")
    return value


def unit_arc(start: float, stop: float) -> list[tuple[float, float]]:
    """An arc of the unit circle as cubics over at most an eighth of it: control points, 3 n + 1.

    Angles in radians, from x towards y. An eighth leaves the circle by less than 5e-6, as its
    handles are 4/3 tan(angle / 4) long.
    """
    pieces = max(math.ceil(abs(stop - start) / (math.pi / 4) - 1e-9), 1)
    step = (stop - start) / pieces
    handle = 4 / 3 * math.tan(step / 4)
    points = [(math.cos(start), math.sin(start))]
    for piece in range(pieces):
        here, there = start + piece * step, start + (piece + 1) * step
        c, s = math.cos(here), math.sin(here)
        x, y = math.cos(there), math.sin(there)
        points += [(c - handle * s, s + handle * c), (x + handle * y, y - handle * x), (x, y)]
    return points


_CIRCLE = unit_arc(0.0, 2 * math.pi)[:-1]


def _ring(centre: Tensor, radii: Tensor) -> Contour:
    return Contour(centre + radii * centre.new_tensor(_CIRCLE), (3,) * 8, True)


def _not_negative(name: str, value: Scalar, like: Tensor) -> Tensor:
    """The number as a tensor of the dtype and on the device of `like`."""
    value = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    if (value < 0).any():
        raise ValueError(f"{name} must not be negative, not {value.detach().tolist()}")
    return value
