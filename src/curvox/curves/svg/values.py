"""Values as SVG and CSS write them: numbers, lengths, transforms, view boxes, colours."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass

import tinycss2.color4

__all__ = [
    "IDENTITY",
    "NUMBER",
    "Box",
    "Matrix",
    "Viewport",
    "colour",
    "fit_view_box",
    "lengths",
    "multiply",
    "numbers",
    "transform",
    "view_box",
]

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER = re.compile(NUMBER)
_BETWEEN = " \t\r\n\f,"
_LENGTH = re.compile(rf"({NUMBER})(%|[a-zA-Z]*)")
_PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0}
_PIXELS |= {"cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6}
_LARGEST = 1e15  # products of a few still fit float32

Matrix = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f as in SVG: x' = a x + c y + e, y' = b x + d y + f."""
Box = tuple[float, float, float, float]
"""Left, top, width, height."""
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Viewport:
    """What percentages refer to."""

    width: float
    height: float
    em: float = 16.0

    def hundred_percent(self, axis: str) -> float:
        """Of the width for "x", of the height for "y", else of the diagonal as SVG takes it."""
        diagonal = math.hypot(self.width, self.height) / math.sqrt(2)
        return {"x": self.width, "y": self.height}.get(axis, diagonal)


def numbers(text: str) -> list[float]:
    """A list of plain numbers between spaces and commas.

    Raises:
        ValueError: for anything else, like all functions here.
    """
    values = [float(number) for number in _NUMBER.findall(text)]
    if _NUMBER.sub("", text).strip(_BETWEEN) or not all(abs(value) < _LARGEST for value in values):
        raise ValueError(f"{text[:60]!r} is not a list of numbers in range")
    return values


def lengths(text: str, viewport: Viewport | None, axis: str) -> list[float]:
    """A list of lengths in user units; percentages of an axis, "x", "y" or "" for the diagonal.

    Without a viewport, percentages are fractions and units are refused: what a box is measured in.
    """
    return [_length(item, viewport, axis, "%") for item in _items(text)]


def _items(text: str) -> list[str]:
    """What stands between spaces and commas; numbers may also touch, as in 1-2."""
    items, end = [], 0
    for match in _LENGTH.finditer(text):
        if text[end : match.start()].strip(_BETWEEN):
            raise ValueError(f"{text[:60]!r} is not a list of numbers")
        items.append(match[0])
        end = match.end()
    if text[end:].strip(_BETWEEN):
        raise ValueError(f"{text[:60]!r} is not a list of numbers")
    return items


def _length(text: str, viewport: Viewport | None, axis: str, units: str = "") -> float:
    match = _LENGTH.fullmatch(text)
    value = float(match[1]) if match else math.inf
    unit = match[2].lower() if match else ""
    if not abs(value) < _LARGEST:
        raise ValueError(f"{text!r} is out of range")
    if not unit:
        return value
    if units and unit == "%":
        return value / 100 * (1 if viewport is None else viewport.hundred_percent(axis))
    if units and viewport is not None:
        ems = {"em": viewport.em, "ex": viewport.em / 2, "rem": 16.0}
        scale = _PIXELS.get(unit) or ems.get(unit)
        if scale is not None:
            return value * scale
    raise ValueError(f"{text!r} has a unit that is not known here")


def multiply(outer: Matrix, inner: Matrix) -> Matrix:
    """The map that does `inner` first."""
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (
        a * g + c * h,
        b * g + d * h,
        a * i + c * j,
        b * i + d * j,
        a * k + c * m + e,
        b * k + d * m + f,
    )


_FUNCTION = re.compile(r"[\s,]*([a-zA-Z]+)\s*\(([^()]*)\)")
_ANGLES = {"deg": 1.0, "": 1.0, "rad": 180 / math.pi, "grad": 0.9, "turn": 360.0}


def transform(text: str) -> Matrix:
    """A list of transforms, of the attribute or of CSS, as one matrix."""
    matrix, end = IDENTITY, 0
    if text.strip() == "none":
        return IDENTITY
    while match := _FUNCTION.match(text, end):
        matrix = multiply(matrix, _function(match[1], match[2]))
        end = match.end()
    if text[end:].strip(_BETWEEN):
        raise ValueError(f"{text[:60]!r} is not a list of transforms")
    if not all(abs(entry) < _LARGEST for entry in matrix):
        raise ValueError(f"{text[:60]!r} is out of range")
    return matrix


def _function(name: str, text: str) -> Matrix:
    unit = _ANGLES if name in ("rotate", "skewX", "skewY") else _PIXELS
    given: list[float] = []
    for item in _items(text):
        number, suffix = _LENGTH.fullmatch(item).groups()  # type: ignore[union-attr]
        if suffix not in unit or (unit is _PIXELS and name in ("matrix", "scale") and suffix):
            raise ValueError(f"{item!r} has a unit that is not known here")
        given.append(_length(number, None, "") * (1 if given and unit is _ANGLES else unit[suffix]))
    match name, given:
        case "matrix", [a, b, c, d, e, f]:
            return (a, b, c, d, e, f)
        case (("translate" | "translateX"), [x]):
            return (1, 0, 0, 1, x, 0)
        case "translateY", [y]:
            return (1, 0, 0, 1, 0, y)
        case "translate", [x, y]:
            return (1, 0, 0, 1, x, y)
        case "scale", [s]:
            return (s, 0, 0, s, 0, 0)
        case "scaleX", [x]:
            return (x, 0, 0, 1, 0, 0)
        case "scaleY", [y]:
            return (1, 0, 0, y, 0, 0)
        case "scale", [x, y]:
            return (x, 0, 0, y, 0, 0)
        case "rotate", [angle]:
            c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            return (c, s, -s, c, 0, 0)
        case "rotate", [angle, x, y]:
            turn = multiply((1, 0, 0, 1, x, y), _function("rotate", str(angle)))
            return multiply(turn, (1, 0, 0, 1, -x, -y))
        case "skewX", [angle]:
            return (1, 0, math.tan(math.radians(angle)), 1, 0, 0)
        case "skewY", [angle]:
            return (1, math.tan(math.radians(angle)), 0, 1, 0, 0)
    raise ValueError(f"{name}({text[:60]}) is not a transform that is known here")


def view_box(text: str) -> Box:
    """Left, top, width and height, the last two positive."""
    box = numbers(text)
    if len(box) != 4 or not (box[2] > 0 and box[3] > 0):
        raise ValueError(f"{text[:60]!r} is not four numbers, the last two positive")
    return (box[0], box[1], box[2], box[3])


def fit_view_box(box: Box, aspect: str | None, width: float, height: float) -> Matrix:
    """From the coordinates of a viewBox to a viewport at the origin, by preserveAspectRatio.

    Raises:
        ValueError: preserveAspectRatio cannot be read.
    """
    left, top, box_width, box_height = box
    words = [word for word in (aspect or "").split() if word != "defer"] or ["xMidYMid"]
    x, y = width / box_width, height / box_height
    if words[0] == "none":
        return (x, 0, 0, y, -left * x, -top * y)
    places = {"Min": 0.0, "Mid": 0.5, "Max": 1.0}
    if not re.fullmatch("x(Min|Mid|Max)Y(Min|Mid|Max)", words[0]):
        raise ValueError(f"preserveAspectRatio {aspect!r} is not known")
    scale = max(x, y) if words[1:] == ["slice"] else min(x, y)
    e = (width - box_width * scale) * places[words[0][1:4]] - left * scale
    f = (height - box_height * scale) * places[words[0][5:8]] - top * scale
    return (scale, 0, 0, scale, e, f)


@functools.lru_cache(maxsize=4096)
def colour(text: str) -> tuple[tuple[float, float, float], float] | None:
    """Red, green, blue and opacity in 0..1; None for currentColor."""
    found = tinycss2.color4.parse_color(text)
    if found == "currentcolor":
        return None
    try:
        red, green, blue, alpha = found.to("srgb")
    except (AttributeError, NotImplementedError, TypeError):
        raise ValueError(f"{text[:60]!r} is not a colour that is known here") from None
    red, green, blue = (min(max(float(value), 0.0), 1.0) for value in (red, green, blue))
    return (red, green, blue), min(max(float(alpha), 0.0), 1.0)
