"""What shapes are filled and stroked with: colours, gradients, strokes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from torch import Tensor

from curvox.curves.layers import Cap, Join, Spread

__all__ = [
    "LinearGradient",
    "Paint",
    "RadialGradient",
    "Scalar",
    "SolidPaint",
    "Stops",
    "Stroke",
    "Units",
    "plain",
]

Scalar: TypeAlias = Tensor | float
"""A number that may be differentiated: a tensor without dimensions, or a float that is constant."""


def plain(value: Scalar) -> float:
    """The number itself, which nothing is differentiated through."""
    return float(value.detach()) if isinstance(value, Tensor) else value


class Units(Enum):
    """What the coordinates of a gradient count in. The values are SVG's words."""

    USER_SPACE = "userSpaceOnUse"
    """The coordinates of the shape that is painted."""
    BOUNDING_BOX = "objectBoundingBox"
    """From (0, 0) to (1, 1) over the box around the shape's outline, without its stroke."""


@dataclass(frozen=True, eq=False)
class SolidPaint:
    """One colour."""

    colour: Tensor
    """[3] RGB in 0..1, sRGB values."""


@dataclass(frozen=True, eq=False)
class Stops:
    """Colours along a gradient, blended linearly between neighbours.

    No stops paint nothing, a single one paints its colour everywhere.
    """

    offsets: Tensor
    """[K] in 0..1. One that is less than an earlier one counts as that, as in SVG."""
    colours: Tensor
    """[K, 3] RGB in 0..1, sRGB values."""
    opacities: Tensor
    """[K] in 0..1."""


@dataclass(frozen=True, eq=False)
class LinearGradient:
    """Colours along the line from `start` to `end`. Where both are one point: the last colour."""

    start: Tensor
    """[2]."""
    end: Tensor
    """[2]."""
    stops: Stops
    units: Units = Units.USER_SPACE
    transform: Tensor | None = None
    """[2, 3], from the gradient's coordinates to those that `units` names."""
    spread: Spread = Spread.PAD


@dataclass(frozen=True, eq=False)
class RadialGradient:
    """Colours from a focal circle (a point, if its radius is 0) to the circle around `centre`.

    A focal circle that sticks out of the other one is moved inside, as SVG 1.1 has it. A radius of
    zero paints the last colour.
    """

    centre: Tensor
    """[2]."""
    radius: Scalar
    """Not negative."""
    stops: Stops
    focus: Tensor | None = None
    """[2]. None: the centre."""
    focal_radius: Scalar = 0.0
    """Not negative. From `radius` on, nothing is painted."""
    units: Units = Units.USER_SPACE
    transform: Tensor | None = None
    """[2, 3], from the gradient's coordinates to those that `units` names."""
    spread: Spread = Spread.PAD


Paint: TypeAlias = SolidPaint | LinearGradient | RadialGradient


@dataclass(frozen=True, eq=False)
class Stroke:
    """A line along a shape's outline. It is transformed with the shape, its width too."""

    paint: Paint
    width: Scalar = 1.0
    """Not negative; 0 draws nothing."""
    cap: Cap = Cap.BUTT
    join: Join = Join.MITER
    miter_limit: float = 4.0
    """At least 1: longest miter in widths; sharper corners are bevelled."""
    dashes: Tensor | None = None
    """[D], not negative: lengths of dashes and gaps in turn, repeated (twice over if D is odd).
    None, or a sum of 0: a line without gaps."""
    dash_offset: Scalar = 0.0
    """How far into the dashes the line begins."""
    opacity: Scalar = 1.0
    """In 0..1."""
