"""Paints of a scene as colours and gradients of layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from curvox.curves.affine import compose, invert
from curvox.curves.layers import Gradients, Spread
from curvox.curves.lowering_rows import as_tensor
from curvox.curves.paint import (
    LinearGradient,
    Paint,
    RadialGradient,
    Scalar,
    SolidPaint,
    Units,
    plain,
)
from curvox.curves.shapes import checked

__all__ = ["GradientList", "Painted"]

_INSIDE = 1 - 1e-4  # how close to its circle a focal circle may come


@dataclass(frozen=True)
class Painted:
    """What a layer looks like."""

    colour: Tensor | None
    """[3], None where there is a gradient."""
    opacity: Scalar
    gradient: int
    """Its number, or -1."""


class GradientList:
    """Collects the gradients of a scene."""

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self._rows: list[tuple[bool, Tensor, Tensor, Tensor, Spread]] = []
        self._counts = [0]
        self._positions: list[Tensor] = []
        self._colours: list[Tensor] = []

    def paint(
        self, paint: Paint, matrix: Tensor | None, box: Callable[[], Tensor]
    ) -> Painted | None:
        """What a layer needs to be painted so; None where nothing is seen of it.

        Args:
            paint: in the coordinates of the shape.
            matrix: from those to pixels.
            box: around the shape, [2, 2], in those.

        Raises:
            ValueError: a tensor of the wrong shape.
        """
        if isinstance(paint, SolidPaint):
            return Painted(checked("colour", paint.colour, (3,)), 1.0, -1)
        stops = paint.stops
        count = len(checked("offsets", stops.offsets, (None,)))
        checked("colours of stops", stops.colours, (count, 3))
        checked("opacities of stops", stops.opacities, (count,))
        if count == 0:
            return None
        if isinstance(paint, LinearGradient):
            unit, focus, focal_radius = _linear(paint)
        else:
            unit, focus, focal_radius = _radial(paint)
        parts = (unit, focus, focal_radius, stops.offsets, stops.colours, stops.opacities)
        if not bool(torch.cat([part.flatten() for part in parts]).isfinite().all()):
            raise ValueError("the numbers of a gradient must be finite")
        if count == 1 or _flat(unit):
            return Painted(stops.colours[-1], stops.opacities[-1], -1)
        if paint.transform is not None:
            unit = compose(checked("transform", paint.transform, (2, 3)), unit)
        if paint.units is Units.BOUNDING_BOX:
            low, high = box().unbind(0)
            unit = compose(torch.cat([(high - low).diag(), low[:, None]], 1), unit)
        if matrix is not None:
            unit = compose(matrix, unit)
        if _flat(unit) or plain(focal_radius) >= 1:
            return None
        radial = isinstance(paint, RadialGradient)
        self._rows.append((radial, unit, focus, focal_radius, paint.spread))
        self._counts.append(count)
        self._positions.append(stops.offsets.clamp(0, 1).cummax(0).values)
        self._colours.append(torch.cat([stops.colours, stops.opacities[:, None]], 1))
        return Painted(None, 1.0, len(self._rows) - 1)

    def finish(self) -> Gradients | None:
        """All of them; None where there are none."""
        if not self._rows:
            return None
        radial, units, foci, focal_radii, spreads = zip(*self._rows, strict=True)
        device = self._like.device
        return Gradients(
            radial=torch.tensor(radial, device=device),
            to_unit=invert(torch.stack(units)),
            focus=torch.stack(foci),
            focal_radius=torch.stack(focal_radii),
            spreads=torch.tensor(spreads, dtype=torch.uint8, device=device),
            stops=torch.tensor(self._counts, device=device).cumsum(0),
            positions=torch.cat(self._positions),
            colours=torch.cat(self._colours),
        )


def _flat(matrix: Tensor) -> bool:
    """Whether a map [2, 3] leaves no area, so that nothing leads back."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return a * d - b * c == 0


def _linear(paint: LinearGradient) -> tuple[Tensor, Tensor, Tensor]:
    """From the unit space of a linear gradient to its own: [2, 3]; a focus and a radius of zero."""
    start = checked("start of the gradient", paint.start, (2,))
    along = checked("end of the gradient", paint.end, (2,)) - start
    across = torch.stack([-along[1], along[0]])
    return torch.stack([along, across, start], 1), torch.zeros_like(start), start.new_zeros(())


def _radial(paint: RadialGradient) -> tuple[Tensor, Tensor, Tensor]:
    """From the unit space of a radial gradient to its own: [2, 3]; the focus and its radius there.

    The focal circle is moved towards the centre until it lies within the unit circle.
    """
    centre = checked("centre of the gradient", paint.centre, (2,))
    radius = checked("radius of the gradient", as_tensor(paint.radius, centre), ())
    focal_radius = checked("focal_radius", as_tensor(paint.focal_radius, centre), ())
    if plain(radius) < 0 or plain(focal_radius) < 0:
        raise ValueError("radii of a gradient must not be negative")
    unit = torch.cat([radius * torch.eye(2).to(centre), centre[:, None]], 1)
    if plain(radius) == 0:
        return unit, torch.zeros_like(centre), torch.zeros_like(radius)
    focal_radius = focal_radius / radius
    if paint.focus is None:
        return unit, torch.zeros_like(centre), focal_radius
    focus = (checked("focus of the gradient", paint.focus, (2,)) - centre) / radius
    distance, room = focus.norm(), (1 - focal_radius) * _INSIDE
    if plain(distance) > plain(room):
        focus = focus / distance * room
    return unit, focus, focal_radius
