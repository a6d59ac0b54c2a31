"""The style of an element as paints and strokes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from curvox.curves.layers import Cap, Join, Rule
from curvox.curves.paint import Paint, Scalar, SolidPaint, Stroke
from curvox.curves.svg.gradients import GradientReader
from curvox.curves.svg.report import Report
from curvox.curves.svg.values import Viewport, colour, lengths

__all__ = ["StyleReader", "scalar"]

Value = TypeVar("Value")

_REFERENCE = re.compile(r"""url\(\s*["']?(#[^"')]+)["']?\s*\)\s*(.*)""", re.DOTALL)
_CAPS = {"butt": Cap.BUTT, "round": Cap.ROUND, "square": Cap.SQUARE}
_JOINS = {"miter": Join.MITER, "round": Join.ROUND, "bevel": Join.BEVEL}
_RULES = {"nonzero": Rule.NONZERO, "evenodd": Rule.EVEN_ODD}


def scalar(value: float) -> Tensor:
    """A number that can be optimized."""
    return torch.tensor(value, dtype=torch.float32)


def reference_in(text: str) -> tuple[str, str] | None:
    """The "#id" of url(#id) and what follows."""
    match = _REFERENCE.fullmatch(text.strip())
    return (match[1].strip(), match[2].strip()) if match else None


class StyleReader:
    """Reads the style of one element.

    Args:
        style: its declarations, those that it inherits included.
        element: what messages name.
        viewport: what percentages refer to.
        gradients: where paints that url(#id) names are found.
        report: where what cannot be read is noted; the default of SVG stands for it.
    """

    def __init__(
        self,
        style: dict[str, str],
        element: Element,
        viewport: Viewport,
        gradients: GradientReader,
        report: Report,
    ) -> None:
        self._style = style
        self._element = element
        self._viewport = viewport
        self._gradients = gradients
        self._report = report

    def get(self, name: str, read: Callable[[str], Value], default: Value) -> Value:
        """A declaration, read; the default where there is none or it cannot be read."""
        text = self._style.get(name)
        if text is None or not text:
            return default
        try:
            return read(text)
        except (ValueError, KeyError):
            what = f"{name} of {text[:60]!r} is not understood and left aside"
            self._report.note(what, self._element)
            return default

    def length(self, name: str, axis: str, default: float) -> float:
        """A length in user units."""
        return self.get(name, lambda text: _single(lengths(text, self._viewport, axis)), default)

    def opacity(self, name: str) -> Scalar:
        """A number or percentage, cut to 0..1: 1.0, or a tensor that can be optimized."""
        value = self.get(name, lambda text: _single(lengths(text, None, "")), 1.0)
        return 1.0 if value >= 1 else scalar(max(value, 0.0))

    def rule(self, name: str) -> Rule:
        return self.get(name, _RULES.__getitem__, Rule.NONZERO)

    def fill(self) -> dict[str, Any]:
        """What of a shape's keywords concerns the fill."""
        paint, opacity = self._paint("fill", "black")
        if paint is None:
            return {}
        return {"fill": paint, "fill_rule": self.rule("fill-rule"), "fill_opacity": opacity}

    def stroke(self) -> Stroke | None:
        paint, opacity = self._paint("stroke", "none")
        width = self.get("stroke-width", self._positive, 1.0)
        if paint is None or not width:
            return None
        offset = self.length("stroke-dashoffset", "", 0.0)
        dashes = self.get("stroke-dasharray", self._dashes, None)
        return Stroke(
            paint,
            scalar(width),
            self.get("stroke-linecap", _CAPS.__getitem__, Cap.BUTT),
            self.get("stroke-linejoin", _JOINS.__getitem__, Join.MITER),
            self.get("stroke-miterlimit", _miter_limit, 4.0),
            dashes,
            scalar(offset) if dashes is not None and offset else 0.0,
            opacity,
        )

    def _positive(self, text: str) -> float:
        value = _single(lengths(text, self._viewport, ""))
        if value < 0:
            raise ValueError
        return value

    def _dashes(self, text: str) -> Tensor | None:
        values = [] if text == "none" else lengths(text, self._viewport, "")
        if any(value < 0 for value in values):
            raise ValueError
        return torch.tensor(values, dtype=torch.float32) if sum(values) > 0 else None

    def _paint(self, name: str, default: str) -> tuple[Paint | None, Scalar]:
        """The paint of fill or stroke, and its opacity."""
        opacity = self.opacity(f"{name}-opacity")
        text = self._style.get(name) or default
        reference = reference_in(text)
        if reference is not None:
            paint, found = self._gradients.paint(reference[0], self._viewport)
            if found:
                return paint, opacity
            if not reference[1]:
                what = f"the paint {reference[0]!r} is no gradient, so nothing is painted"
                self._report.note(what, self._element)
                return None, opacity
            text = reference[1]
        if text == "none":
            return None, opacity
        try:
            found_colour = colour(text) or colour(self._style.get("color") or "black")
        except ValueError:
            self._report.note(f"{name} of {text[:60]!r} is not understood", self._element)
            found_colour = colour(default) if default != "none" else None
        if found_colour is None:
            return None, opacity
        values, alpha = found_colour
        return SolidPaint(torch.tensor(values)), opacity if alpha == 1 else opacity * scalar(alpha)


def _single(values: list[float]) -> float:
    (value,) = values
    return value


def _miter_limit(text: str) -> float:
    value = _single(lengths(text, None, ""))
    if value < 1:
        raise ValueError
    return value
