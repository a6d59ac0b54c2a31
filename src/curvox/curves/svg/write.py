"""A scene as the text of an SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

import torch
from torch import Tensor

from curvox.curves.layers import Cap, Join, Rule, Spread
from curvox.curves.paint import LinearGradient, Paint, Scalar, SolidPaint, Stops, Units
from curvox.curves.scene import Node, Scene
from curvox.curves.shapes import (
    Circle,
    Ellipse,
    Line,
    Path,
    Polygon,
    Polyline,
    Rectangle,
    Shape,
)
from curvox.curves.svg.decimals import Decimals

__all__ = ["to_svg"]

_CAPS = {Cap.ROUND: "round", Cap.SQUARE: "square"}
_JOINS = {Join.ROUND: "round", Join.BEVEL: "bevel"}
_SPREADS = {Spread.REFLECT: "reflect", Spread.REPEAT: "repeat"}

Attributes = dict[str, str]


def to_svg(scene: Scene, decimals: int | None = None) -> str:
    """The drawing as the text of an SVG file, that browsers show like :func:`curvox.curves.render`.

    Shapes stay what they are. Values that SVG does not know, such as colours and opacities out of
    0..1, are cut to what it does.

    Args:
        scene: of any dtype, on any device.
        decimals: of coordinates, 0 or more. None: as many as it takes to read back the very same
            numbers, colours included.

    Raises:
        ValueError: a tensor of the wrong shape.
    """
    return _Writer(Decimals(decimals)).document(scene)


class _Writer:
    def __init__(self, decimals: Decimals) -> None:
        self._decimals = decimals
        self._definitions: list[str] = []
        self._gradients: dict[int, str] = {}

    def document(self, scene: Scene) -> str:
        body = [line for node in scene.children for line in self._node(node)]
        width, height = self._decimals.exact(scene.width), self._decimals.exact(scene.height)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">'
        )
        definitions = ["<defs>", *self._definitions, "</defs>"] if self._definitions else []
        return "\n".join([head, *definitions, *body, "</svg>", ""])

    def _node(self, node: Node) -> list[str]:
        if isinstance(node, Shape):
            return [_element(*self._shape(node), self._look(node))]
        look = self._placed(node)
        if node.clip is not None:
            look["clip-path"] = f"url(#{self._clip(node.clip)})"
        children = [line for child in node.children for line in self._node(child)]
        return [_opening("g", look), *children, "</g>"]

    def _placed(self, node: Node) -> Attributes:
        """Transform and opacity of a shape or group."""
        return self._transform("transform", node.transform) | self._share("opacity", node.opacity)

    def _clip(self, shapes: Sequence[Shape]) -> str:
        rules = {Rule.NONZERO: {}, Rule.EVEN_ODD: {"clip-rule": "evenodd"}}
        parts = [
            _element(
                *self._shape(shape),
                rules[shape.fill_rule] | self._transform("transform", shape.transform),
            )
            for shape in shapes
        ]
        return self._define("clipPath", "c", {}, parts)

    def _define(self, tag: str, letter: str, attributes: Attributes, parts: list[str]) -> str:
        name = f"{letter}{len(self._definitions)}"
        opening = _opening(tag, {"id": name} | attributes)
        self._definitions.append(opening + "".join(parts) + f"</{tag}>")
        return name

    def _look(self, shape: Shape) -> Attributes:
        look: Attributes = {}
        if not isinstance(shape, Line):
            look |= self._paint("fill", shape.fill)
            if shape.fill is not None:
                look |= self._share("fill-opacity", shape.fill_opacity)
                if shape.fill_rule is Rule.EVEN_ODD:
                    look["fill-rule"] = "evenodd"
        stroke = shape.stroke
        if stroke is not None:
            number = self._decimals.exact
            look |= self._paint("stroke", stroke.paint)
            look |= _unless("stroke-width", number(stroke.width), "1")
            look |= self._share("stroke-opacity", stroke.opacity)
            look |= _unless("stroke-linecap", _CAPS.get(stroke.cap, ""), "")
            look |= _unless("stroke-linejoin", _JOINS.get(stroke.join, ""), "")
            look |= _unless("stroke-miterlimit", number(stroke.miter_limit), "4")
            if stroke.dashes is not None and len(stroke.dashes):
                look["stroke-dasharray"] = " ".join(self._decimals.each(stroke.dashes))
                look |= _unless("stroke-dashoffset", number(stroke.dash_offset), "0")
        return look | self._placed(shape)

    def _paint(self, name: str, paint: Paint | None) -> Attributes:
        if paint is None:
            return {} if name == "stroke" else {name: "none"}
        if isinstance(paint, SolidPaint):
            text = self._decimals.colour(paint.colour)
            return _unless(name, text, "#000" if name == "fill" else "")
        if id(paint) not in self._gradients:
            self._gradients[id(paint)] = self._gradient(paint)
        return {name: f"url(#{self._gradients[id(paint)]})"}

    def _gradient(self, paint: Paint) -> str:
        assert not isinstance(paint, SolidPaint)
        exact = self._decimals.exact
        if isinstance(paint, LinearGradient):
            tag, points = "linearGradient", {"1": paint.start, "2": paint.end}
            look = {
                f"{axis}{end}": text
                for end, point in points.items()
                for axis, text in zip("xy", self._decimals.each(point, exact=True), strict=True)
            }
        else:
            tag = "radialGradient"
            x, y = self._decimals.each(paint.centre, exact=True)
            look = {"cx": x, "cy": y, "r": exact(paint.radius)}
            if paint.focus is not None:
                look["fx"], look["fy"] = self._decimals.each(paint.focus, exact=True)
            look |= _unless("fr", exact(paint.focal_radius), "0")
        if paint.units is Units.USER_SPACE:
            look["gradientUnits"] = paint.units.value
        look |= self._transform("gradientTransform", paint.transform)
        look |= _unless("spreadMethod", _SPREADS.get(paint.spread, ""), "")
        return self._define(tag, "g", look, self._stops(paint.stops))

    def _stops(self, stops: Stops) -> list[str]:
        rows = zip(
            self._decimals.each(stops.offsets, exact=True),
            stops.colours,
            stops.opacities,
            strict=True,
        )
        return [
            _element(
                "stop",
                {"offset": offset},
                {"stop-color": self._decimals.colour(colour)}
                | self._share("stop-opacity", opacity),
            )
            for offset, colour, opacity in rows
        ]

    def _share(self, name: str, value: Scalar) -> Attributes:
        """An opacity. One that is 1 but may be optimized is nothing special in a file."""
        value = torch.as_tensor(value).detach().clamp(0, 1)
        return _unless(name, self._decimals.exact(value), "1")

    def _transform(self, name: str, matrix: Tensor | None) -> Attributes:
        if matrix is None:
            return {}
        return {name: f"matrix({' '.join(self._decimals.each(matrix.mT, exact=True))})"}

    def _shape(self, shape: Shape) -> tuple[str, Attributes]:
        """Tag and geometry."""
        each, number = self._decimals.each, self._decimals.number
        match shape:
            case Circle():
                return "circle", _named("cx cy r", [*each(shape.centre), number(shape.radius)])
            case Ellipse():
                return "ellipse", _named("cx cy rx ry", each(shape.centre) + each(shape.radii))
            case Rectangle():
                radii = [] if shape.corner_radii is None else each(shape.corner_radii)
                texts = each(shape.corner) + each(shape.size) + radii
                return "rect", _named("x y width height rx ry", texts)
            case Line():
                return "line", _named("x1 y1 x2 y2", each(shape.start) + each(shape.end))
            case Polygon() | Polyline():
                tag = "polygon" if isinstance(shape, Polygon) else "polyline"
                return tag, {"points": self._decimals.joined(each(shape.points))}
            case Path():
                return "path", {"d": "".join(map(self._decimals.contour, shape.contours()))}
        raise TypeError(f"a {type(shape).__name__} is no shape that SVG knows")


def _named(names: str, texts: Sequence[str]) -> Attributes:
    """Attributes without coordinates of zero, which SVG takes for missing ones. A missing radius
    would be another one's."""
    pairs = zip(names.split(), texts, strict=False)
    return {name: text for name, text in pairs if text != "0" or name[0] in "rwh"}


def _unless(name: str, text: str, default: str) -> Attributes:
    return {} if text == default else {name: text}


def _opening(tag: str, attributes: Attributes) -> str:
    return (
        "<"
        + " ".join([tag, *(f"{key}={quoteattr(text)}" for key, text in attributes.items())])
        + ">"
    )


def _element(tag: str, *attributes: Attributes) -> str:
    merged = {key: text for part in attributes for key, text in part.items()}
    return _opening(tag, merged)[:-1] + "/>"
