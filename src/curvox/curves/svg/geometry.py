"""Elements that are shapes: where they lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from curvox.curves.shapes import Circle, Ellipse, Line, Path, Polygon, Polyline, Rectangle, Shape
from curvox.curves.svg.path_data import contours_of
from curvox.curves.svg.report import Report, local_name
from curvox.curves.svg.style import StyleReader, scalar
from curvox.curves.svg.values import numbers

__all__ = ["SHAPES", "read_shape"]

Look = dict[str, Any]
"""Keywords of :class:`Shape`: fill, stroke and so on."""


def read_shape(element: Element, style: StyleReader, look: Look, report: Report) -> Shape | None:
    """The shape that an element is; None where it has nothing to draw.

    Args:
        element: its tag is one of :data:`SHAPES`.
        style: what is declared for it, geometry included.
        look: keywords for the shape.
        report: where what cannot be read is noted.
    """
    return SHAPES[local_name(element)](element, style, look, report)


def _rectangle(element: Element, style: StyleReader, look: Look, report: Report) -> Shape | None:
    size = _pair(style, "width", "height")
    if not (size > 0).all():
        return None
    x = style.length("rx", "x", -1.0)  # as "auto" is: less than zero
    y = style.length("ry", "y", -1.0)
    x, y = (x if x >= 0 else max(y, 0.0)), (y if y >= 0 else max(x, 0.0))
    radii = torch.tensor([x, y], dtype=torch.float32) if x > 0 and y > 0 else None
    return Rectangle(_pair(style, "x", "y"), size, radii, **look)


def _circle(element: Element, style: StyleReader, look: Look, report: Report) -> Shape | None:
    radius = style.length("r", "", 0.0)
    return Circle(_pair(style, "cx", "cy"), scalar(radius), **look) if radius > 0 else None


def _ellipse(element: Element, style: StyleReader, look: Look, report: Report) -> Shape | None:
    x, y = style.length("rx", "x", -1.0), style.length("ry", "y", -1.0)
    radii = torch.tensor([x if x >= 0 else y, y if y >= 0 else x], dtype=torch.float32)
    return Ellipse(_pair(style, "cx", "cy"), radii, **look) if (radii > 0).all() else None


def _line(element: Element, style: StyleReader, look: Look, report: Report) -> Shape | None:
    if look.get("stroke") is None:
        return None
    look = {name: value for name, value in look.items() if not name.startswith("fill")}
    return Line(_pair(style, "x1", "y1"), _pair(style, "x2", "y2"), **look)


def _polygon(element: Element, style: StyleReader, look: Look, report: Report) -> Shape | None:
    points = _points(element, report)
    return Polygon(points, **look) if len(points) else None


def _polyline(element: Element, style: StyleReader, look: Look, report: Report) -> Shape | None:
    points = _points(element, report)
    return Polyline(points, **look) if len(points) > 1 else None


def _path(element: Element, style: StyleReader, look: Look, report: Report) -> Shape | None:
    text = style.get("d", str, "")
    if text.startswith("path("):  # as a property of CSS
        text = text[5:].rstrip(" )").strip("\"'")
    pieces, problem = contours_of("" if text == "none" else text)
    if problem:
        report.note("the path is drawn up to an error in its data", element)
    return Path(pieces, **look) if pieces else None


SHAPES: dict[str, Callable[[Element, StyleReader, Look, Report], Shape | None]] = {
    "circle": _circle,
    "ellipse": _ellipse,
    "line": _line,
    "path": _path,
    "polygon": _polygon,
    "polyline": _polyline,
    "rect": _rectangle,
}
"""Readers by tag."""


def _pair(style: StyleReader, first: str, second: str) -> Tensor:
    pair = (style.length(first, "x", 0.0), style.length(second, "y", 0.0))
    return torch.tensor(pair, dtype=torch.float32)


def _points(element: Element, report: Report) -> Tensor:
    """The points up to an error, [P, 2]."""
    text = element.get("points", "")
    try:
        values = numbers(text)
    except ValueError:
        values = []
    if len(values) % 2 or (text.strip() and not values):
        report.note("the list of points has an error", element)
    return torch.tensor(values[: len(values) // 2 * 2], dtype=torch.float32).reshape(-1, 2)
