"""Gradients of an SVG file."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from curvox.curves.layers import Spread
from curvox.curves.paint import LinearGradient, Paint, RadialGradient, Stops, Units
from curvox.curves.svg.document import Document, link
from curvox.curves.svg.report import Report, local_name
from curvox.curves.svg.values import IDENTITY, Matrix, Viewport, colour, lengths, transform

__all__ = ["GradientReader", "matrix_tensor"]

_SPREADS = {"pad": Spread.PAD, "reflect": Spread.REFLECT, "repeat": Spread.REPEAT}
_KINDS = ("linearGradient", "radialGradient")


def matrix_tensor(matrix: Matrix) -> Tensor | None:
    """A transform of a scene; None for the identity."""
    if matrix == IDENTITY:
        return None
    a, b, c, d, e, f = matrix
    return torch.tensor([[a, c, e], [b, d, f]], dtype=torch.float32)


class GradientReader:
    """Reads gradients by their names; shapes that share one get the same paint."""

    def __init__(self, document: Document, report: Report) -> None:
        self._document = document
        self._report = report
        self._paints: dict[tuple[Element, Viewport], Paint | None] = {}

    def paint(self, reference: str, viewport: Viewport) -> tuple[Paint | None, bool]:
        """The gradient that "#id" names, and whether there is one: without stops it is None."""
        element = self._document.target(reference)
        if element is None or local_name(element) not in _KINDS:
            return None, False
        key = (element, viewport)
        if key not in self._paints:
            self._paints[key] = self._read(element, viewport)
        return self._paints[key], True

    def _templates(self, element: Element) -> Iterator[Element]:
        """A gradient and those that it takes from what it does not say itself."""
        seen: set[Element] = set()
        following: Element | None = element
        while following is not None and following not in seen:
            yield following
            seen.add(following)
            following = self._document.target(link(following))

    def _read(self, element: Element, viewport: Viewport) -> Paint | None:
        templates = list(self._templates(element))
        declared: dict[str, str] = {}
        for template in reversed(templates):
            declared |= self._document.own(template)
        if declared.get("color-interpolation") == "linearRGB":
            self._report.note("a gradient is blended in sRGB, not in linearRGB", element)
        stops = self._stops(templates)
        if not len(stops.offsets):
            return None
        units = Units.BOUNDING_BOX
        if declared.get("gradientUnits") == Units.USER_SPACE.value:
            units = Units.USER_SPACE
        scope = viewport if units is Units.USER_SPACE else None

        def number(name: str, axis: str, default: str) -> float:
            for text in (declared.get(name, default), default):
                try:
                    (value,) = lengths(text, scope, axis)
                    return value
                except ValueError:
                    self._report.note(f"{name} of {text[:60]!r} is not understood", element)
            raise AssertionError

        def point(names: tuple[str, str], defaults: tuple[str, str]) -> Tensor:
            places = zip(names, "xy", defaults, strict=True)
            return torch.tensor([number(*place) for place in places], dtype=torch.float32)

        matrix = None
        spread = _SPREADS.get(declared.get("spreadMethod", "pad"), Spread.PAD)
        try:
            matrix = matrix_tensor(transform(declared.get("gradientTransform", "none")))
        except ValueError:
            self._report.note("a gradientTransform is not understood", element)
        if local_name(element) == "linearGradient":
            start = point(("x1", "y1"), ("0%", "0%"))
            end = point(("x2", "y2"), ("100%", "0%"))
            return LinearGradient(start, end, stops, units, matrix, spread)
        radius, focal_radius = (number("r", "", "50%"), number("fr", "", "0%"))
        if radius < 0 or focal_radius < 0:
            self._report.note("a radius of a gradient is negative", element)
        focus = None
        if "fx" in declared or "fy" in declared:
            focus = point(("fx", "fy"), (declared.get("cx", "50%"), declared.get("cy", "50%")))
        centre = point(("cx", "cy"), ("50%", "50%"))
        if focus is not None and float((focus - centre).norm()) > max(radius - focal_radius, 0):
            self._report.note("a focal point outside of its gradient is moved inside", element)
        return RadialGradient(
            centre,
            torch.tensor(max(radius, 0.0)),
            stops,
            focus,
            torch.tensor(focal_radius) if focal_radius > 0 else 0.0,
            units,
            matrix,
            spread,
        )

    def _stops(self, templates: list[Element]) -> Stops:
        """Those of the first that has any."""
        stops: list[Element] = []
        for template in templates:
            stops = stops or [child for child in template if local_name(child) == "stop"]
        rows = [self._stop(stop) for stop in stops]
        values = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
        offsets, colours, opacities = values.split([1, 3, 1], 1)
        # What SVG says of offsets that fall, so that what is saved says the same.
        offsets = offsets.cummax(0).values if len(rows) else offsets
        return Stops(offsets[:, 0].clone(), colours.clone(), opacities[:, 0].clone())

    def _stop(self, element: Element) -> list[float]:
        style = self._document.style_in_place(element)

        def share(name: str, default: float) -> float:
            try:
                (value,) = lengths(style[name], None, "")
                return min(max(value, 0.0), 1.0)
            except KeyError:
                return default
            except ValueError:
                self._report.note(f"{name} of {style[name][:60]!r} is not understood", element)
                return default

        try:
            found = colour(style.get("stop-color", "black")) or colour(style.get("color", "black"))
        except ValueError:
            self._report.note("a stop-color is not understood", element)
            found = None
        values, alpha = found or ((0.0, 0.0, 0.0), 1.0)
        return [share("offset", 0.0), *values, alpha * share("stop-opacity", 1.0)]
