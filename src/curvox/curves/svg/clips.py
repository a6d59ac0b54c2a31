"""Clip paths of an SVG file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from curvox.curves.affine import apply
from curvox.curves.cubics import bounding_box, cubics
from curvox.curves.layers import Rule
from curvox.curves.scene import Group, Node
from curvox.curves.shapes import Shape
from curvox.curves.svg.document import Document, link
from curvox.curves.svg.geometry import SHAPES, read_shape
from curvox.curves.svg.gradients import GradientReader, matrix_tensor
from curvox.curves.svg.report import Report, local_name
from curvox.curves.svg.style import StyleReader, reference_in
from curvox.curves.svg.values import IDENTITY, Matrix, Viewport, multiply, transform

__all__ = ["ClipReader"]


class ClipReader:
    """Reads clip paths by their names."""

    def __init__(self, document: Document, gradients: GradientReader, report: Report) -> None:
        self._document = document
        self._gradients = gradients
        self._report = report

    def read(
        self, text: str, element: Element, viewport: Viewport, nodes: Sequence[Node]
    ) -> list[tuple[Shape, ...]]:
        """The clips that hold at once: a clip path may be clipped itself.

        Args:
            text: the property ``clip-path``.
            element: what it clips.
            viewport: what percentages refer to.
            nodes: what the element draws, in the coordinates that the clips are to have.
        """
        clips: list[tuple[Shape, ...]] = []
        seen: set[Element] = set()
        while text != "none":
            reference = reference_in(text)
            target = self._document.target(reference[0]) if reference else None
            if target is None or local_name(target) != "clipPath" or target in seen:
                self._report.note(f"clip-path of {text[:60]!r} is left aside", element)
                break
            seen.add(target)
            clips.append(self._shapes(target, viewport, nodes))
            text = self._document.own(target).get("clip-path", "none")
        return clips

    def _shapes(
        self, target: Element, viewport: Viewport, nodes: Sequence[Node]
    ) -> tuple[Shape, ...]:
        own = self._document.own(target)
        outer = self._matrix(target)
        if own.get("clipPathUnits") == "objectBoundingBox":
            low, high = _box(nodes).tolist()
            size = (high[0] - low[0], 0, 0, high[1] - low[1], low[0], low[1])
            outer = multiply(size, outer)
            viewport = Viewport(1, 1)
        shapes = [
            shape for child in target for shape in self._child(child, target, outer, viewport)
        ]
        if len(shapes) > 1 and any(shape.fill_rule is not Rule.NONZERO for shape in shapes):
            self._report.note("a clip path of several shapes is filled by the nonzero rule", target)
            shapes = [replace(shape, fill_rule=Rule.NONZERO) for shape in shapes]
        return tuple(shapes)

    def _child(
        self, child: Element, parent: Element, outer: Matrix, viewport: Viewport
    ) -> Iterator[Shape]:
        """A shape, or the one that a <use> names."""
        style = self._document.style(child, self._document.style_in_place(parent))
        if style.get("display") == "none" or style.get("visibility", "visible") != "visible":
            return
        matrix = multiply(outer, self._matrix(child))
        reader = StyleReader(style, child, viewport, self._gradients, self._report)
        if style.get("clip-path", "none") != "none":
            self._report.note("the clip of a part of a clip path is left aside", child)
        shape = child
        if local_name(child) == "use":
            moved = (1, 0, 0, 1, reader.length("x", "x", 0.0), reader.length("y", "y", 0.0))
            found = self._document.target(link(child))
            if found is not None and local_name(found) in SHAPES:
                shape, matrix = found, multiply(multiply(matrix, moved), self._matrix(found))
                style = self._document.style(shape, style)
                reader = StyleReader(style, shape, viewport, self._gradients, self._report)
        if local_name(shape) not in SHAPES:
            if local_name(shape) not in ("title", "desc", "metadata", ""):
                self._report.note(f"<{local_name(shape)}> in a clip path is left aside", shape)
            return
        look = {"fill_rule": reader.rule("clip-rule"), "transform": matrix_tensor(matrix)}
        found_shape = read_shape(shape, reader, look, self._report)
        if found_shape is not None:
            yield found_shape

    def _matrix(self, element: Element) -> Matrix:
        text = self._document.own(element).get("transform", "none")
        try:
            return transform(text)
        except ValueError as error:
            self._report.note(f"{error}, so it is left aside", element)
            return IDENTITY


def _box(nodes: Sequence[Node]) -> Tensor:
    """Around all shapes, without their strokes: [2, 2], at least one."""
    points = torch.cat(list(_extent(nodes, [])) or [torch.zeros(1, 2)])
    return torch.stack([points.amin(0), points.amax(0)])


def _extent(nodes: Sequence[Node], matrices: list[Tensor]) -> Iterator[Tensor]:
    """Corners of the boxes of shapes, the curves mapped by the matrices, the last one first."""
    for node in nodes:
        inner = matrices if node.transform is None else [*matrices, node.transform]
        if isinstance(node, Group):
            yield from _extent(node.children, inner)
        elif contours := node.contours():
            segments = cubics(contours).segments
            for matrix in reversed(inner):
                segments = apply(matrix, segments)
            yield bounding_box(segments)
