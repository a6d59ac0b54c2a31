"""An SVG document as a scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from curvox.curves.paint import Scalar
from curvox.curves.scene import Group, Node, Scene
from curvox.curves.shapes import Rectangle, Shape
from curvox.curves.svg.clips import ClipReader
from curvox.curves.svg.document import Document, is_svg, link
from curvox.curves.svg.geometry import SHAPES, read_shape
from curvox.curves.svg.gradients import GradientReader, matrix_tensor
from curvox.curves.svg.report import Report, local_name
from curvox.curves.svg.style import StyleReader
from curvox.curves.svg.values import (
    IDENTITY,
    Box,
    Matrix,
    Viewport,
    fit_view_box,
    lengths,
    multiply,
    transform,
    view_box,
)
from curvox.errors import InputError

__all__ = ["read_scene"]

_MOST_ELEMENTS = 200_000  # with every <use> put in place
_DEEPEST = 100
_LARGEST = 1e6  # sides of a canvas in pixels
_SILENT = {"defs", "title", "desc", "metadata", "style", "linearGradient", "radialGradient"}
_SILENT |= {"clipPath", "symbol", "pattern", "mask", "filter", "marker", "view", "cursor", "font"}
_SILENT |= {"font-face", "stop", "solidcolor"}
_MARKED = {"path", "line", "polyline", "polygon"}
_GROUPS = {"g", "a", "svg", "switch"}
# Properties that change the picture and that nothing here understands, with what leaves it alone.
_UNKNOWN = {
    "filter": "none",
    "mask": "none",
    "mix-blend-mode": "normal",
    "vector-effect": "none",
}
_MARKERS = ("marker", "marker-start", "marker-mid", "marker-end")


@dataclass(frozen=True)
class _Place:
    """Where in the drawing an element stands."""

    style: dict[str, str]
    viewport: Viewport
    uses: tuple[Element, ...] = ()
    depth: int = 0


def read_scene(document: Document, name: str, report: Report) -> Scene:
    """The drawing of a document. What cannot be drawn is noted.

    Raises:
        InputError: no size, or an absurd one; too many shapes; a `use` of itself.
    """
    width, height = _size(document, name, report)
    reader = _Reader(document, name, report)
    children = reader.canvas(document.root, width, height)
    return Scene(tuple(children), width, height)


def _size(document: Document, name: str, report: Report) -> tuple[float, float]:
    """Of the canvas: what is declared, else of the viewBox, else 300 × 150 as in browsers."""
    root = document.root
    style = document.style(root, {})
    box = _view_box(root, style, report)
    whole = Viewport(300.0, 150.0) if box is None else Viewport(box[2], box[3])
    sides: dict[str, float] = {}
    for side, axis in (("width", "x"), ("height", "y")):
        text = style.get(side, "auto")
        try:
            sides |= {} if text == "auto" else {side: lengths(text, whole, axis)[0]}
        except (ValueError, IndexError):
            report.note(f"{side} of {text[:60]!r} is not understood and left aside", root)
    # A side alone keeps the shape of the viewBox.
    scale = 1.0
    if box is not None and len(sides) == 1:
        scale = sides["width"] / box[2] if "width" in sides else sides["height"] / box[3]
    width = sides.get("width", whole.width * scale)
    height = sides.get("height", whole.height * scale)
    if not (0 < width < _LARGEST and 0 < height < _LARGEST):
        raise InputError(f"{name} has a size that cannot be drawn: {width:g} × {height:g}")
    return width, height


def _view_box(element: Element, style: dict[str, str], report: Report) -> Box | None:
    text = style.get("viewBox")
    try:
        return view_box(text) if text else None
    except ValueError as error:
        report.note(f"the viewBox {error}, so it is left aside", element)
        return None


class _Reader:
    """Walks through a document."""

    def __init__(self, document: Document, name: str, report: Report) -> None:
        self._document = document
        self._name = name
        self._report = report
        self._gradients = GradientReader(document, report)
        self._clips = ClipReader(document, self._gradients, report)
        self._elements = 0

    def canvas(self, root: Element, width: float, height: float) -> list[Node]:
        """What the outermost element holds, in pixels."""
        style = self._document.style(root, {})
        matrix, viewport = self._view(root, style, width, height)
        place = _Place(style, viewport, (root,))
        content = self._group(self._children(root, place), matrix)
        return self._finish(root, content, IDENTITY, place)

    def _view(
        self, element: Element, style: dict[str, str], width: float, height: float
    ) -> tuple[Matrix, Viewport]:
        """From the coordinates inside an element with a viewBox to its viewport's."""
        box = _view_box(element, style, self._report)
        if box is None:
            return IDENTITY, Viewport(width, height, _em(style))
        aspect = style.get("preserveAspectRatio")
        try:
            matrix = fit_view_box(box, aspect, width, height)
        except ValueError as error:
            self._report.note(f"{error} and left aside", element)
            matrix = fit_view_box(box, None, width, height)
        return matrix, Viewport(box[2], box[3], _em(style))

    def _children(self, element: Element, place: _Place) -> list[Node]:
        nodes: list[Node] = []
        for child in element:
            drawn = self._element(child, place)
            nodes += drawn
            if drawn and local_name(element) == "switch":
                break
        return nodes

    def _element(self, element: Element, outer: _Place) -> list[Node]:
        """What one element draws."""
        tag = local_name(element)
        if not is_svg(element) or tag in _SILENT:
            return []
        style = self._document.style(element, outer.style)
        if style.get("display") == "none":
            return []
        place = replace(outer, style=style, depth=outer.depth + 1)
        self._elements += 1
        if place.depth > _DEEPEST or self._elements > _MOST_ELEMENTS:
            raise InputError(
                f"{self._name} is too large to be drawn: with every <use> put in place, there are "
                f"more than {_MOST_ELEMENTS:,} elements, or more than {_DEEPEST} inside one another"
            )
        place = replace(place, viewport=replace(place.viewport, em=_em(style)))
        if tag in SHAPES:
            return self._shape(element, place)
        if tag == "use":
            return self._use(element, place)
        if tag in _GROUPS:
            matrix = self._transform(element, style)
            nested = tag == "svg"
            nodes = self._nested(element, place) if nested else self._children(element, place)
            return self._finish(element, nodes, matrix, place)
        if style.get("visibility", "visible") == "visible":
            self._report.note(f"<{tag}> is not drawn", element)
        return []

    def _shape(self, element: Element, place: _Place) -> list[Node]:
        style = place.style
        if style.get("visibility", "visible") != "visible":
            return []
        reader = StyleReader(style, element, place.viewport, self._gradients, self._report)
        fill, stroke = reader.fill(), reader.stroke()
        if not fill and stroke is None:
            return []
        matrix = self._transform(element, style)
        order = style.get("paint-order", "").split()
        stroke_first = "stroke" in order and "fill" not in order[: order.index("stroke")]
        looks = [fill | {"stroke": stroke}]
        if stroke_first and fill and stroke is not None:
            looks = [{"stroke": stroke}, fill]
        if len(looks) == 1 and style.get("clip-path", "none") == "none":
            looks[0] |= {"opacity": reader.opacity("opacity"), "transform": matrix_tensor(matrix)}
            self._note_unknown(element, style)
            shape = read_shape(element, reader, looks[0], self._report)
            return [] if shape is None else [shape]
        shapes = [read_shape(element, reader, look, self._report) for look in looks]
        return self._finish(element, [shape for shape in shapes if shape], matrix, place)

    def _use(self, element: Element, place: _Place) -> list[Node]:
        """Draw what another place of the file holds."""
        target = self._document.target(link(element))
        if target is None:
            self._report.note(f"what {link(element)!r} names is missing", element)
            return []
        if target in place.uses:
            raise InputError(f"{self._name} has a <use> of itself, {link(element)!r}")
        reader = self._reader(element, place)
        inner = replace(place, uses=(*place.uses, target))
        if local_name(target) in ("symbol", "svg"):
            style = self._document.style(target, place.style)
            sizes = {name: place.style[name] for name in ("width", "height") if name in place.style}
            inner = replace(inner, style=style | sizes)
            if style.get("display") == "none":
                return []
            nodes = self._finish(target, self._nested(target, inner), IDENTITY, inner)
        else:
            nodes = self._element(target, inner)
        moved: Matrix = (1, 0, 0, 1, reader.length("x", "x", 0.0), reader.length("y", "y", 0.0))
        matrix = multiply(self._transform(element, place.style), moved)
        return self._finish(element, nodes, matrix, place)

    def _nested(self, element: Element, place: _Place) -> list[Node]:
        """What an <svg> or a <symbol> inside the drawing holds: a canvas of its own."""
        reader = self._reader(element, place)
        width = reader.length("width", "x", place.viewport.width)
        height = reader.length("height", "y", place.viewport.height)
        if not (width > 0 and height > 0):
            return []
        matrix, viewport = self._view(element, place.style, width, height)
        content = self._group(self._children(element, replace(place, viewport=viewport)), matrix)
        clip = None
        if place.style.get("overflow", "hidden") not in ("visible", "auto"):
            clip = (Rectangle(torch.zeros(2), torch.tensor([width, height])),)
        corner: Matrix = IDENTITY
        if local_name(element) == "svg":
            corner = (1, 0, 0, 1, reader.length("x", "x", 0.0), reader.length("y", "y", 0.0))
        return self._group(content, corner, clip=clip)

    def _finish(
        self, element: Element, nodes: list[Node], matrix: Matrix, place: _Place
    ) -> list[Node]:
        """What an element does to all that it holds: transform, opacity, clip."""
        if not nodes:
            return []
        self._note_unknown(element, place.style)
        clips: list[tuple[Shape, ...]] = []
        text = place.style.get("clip-path", "none")
        if text != "none":
            clips = self._clips.read(text, element, place.viewport, nodes)
        for clip in clips[1:]:
            nodes = self._group(nodes, IDENTITY, clip=clip)
        opacity = self._reader(element, place).opacity("opacity")
        return self._group(nodes, matrix, opacity, clips[0] if clips else None)

    @staticmethod
    def _group(
        nodes: Sequence[Node],
        matrix: Matrix,
        opacity: Scalar = 1.0,
        clip: tuple[Shape, ...] | None = None,
    ) -> list[Node]:
        """The nodes as a group, where it would differ from them."""
        plain = matrix == IDENTITY and clip is None and not isinstance(opacity, Tensor)
        if plain or not nodes:
            return list(nodes)
        return [Group(tuple(nodes), matrix_tensor(matrix), opacity, clip)]

    def _reader(self, element: Element, place: _Place) -> StyleReader:
        return StyleReader(place.style, element, place.viewport, self._gradients, self._report)

    def _transform(self, element: Element, style: dict[str, str]) -> Matrix:
        try:
            return transform(style.get("transform", "none"))
        except ValueError as error:
            self._report.note(f"{error}, so it is left aside", element)
            return IDENTITY

    def _note_unknown(self, element: Element, style: dict[str, str]) -> None:
        names = [
            name for name, harmless in _UNKNOWN.items() if style.get(name, harmless) != harmless
        ]
        if local_name(element) in _MARKED:
            names += [name for name in _MARKERS if style.get(name, "none") != "none"]
        own = self._document.own(element)
        if "transform" in own and "transform-origin" in own:
            names.append("transform-origin")
        if (
            element.get("pathLength") is not None
            and style.get("stroke-dasharray", "none") != "none"
        ):
            names.append("pathLength")
        for name in names:
            self._report.note(f"{name} is left aside", element)


def _em(style: dict[str, str]) -> float:
    """The size of the font in pixels, where it is given so that no parent matters."""
    try:
        (size,) = lengths(style.get("font-size", ""), Viewport(16.0, 16.0), "x")
    except ValueError:
        return 16.0
    return size
