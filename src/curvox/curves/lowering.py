"""From the object form of a drawing to the flat one: scenes to layers."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from curvox.curves.affine import compose
from curvox.curves.cubics import Cubics, bounding_box, concatenate, cubics, oriented
from curvox.curves.dashes import dashed
from curvox.curves.layers import Layers, Rule, Step
from curvox.curves.lowering_paint import GradientList
from curvox.curves.lowering_rows import Row, as_tensor, assemble
from curvox.curves.paint import Paint, Scalar, Stroke, plain
from curvox.curves.scene import Group, Node, Scene, tensors
from curvox.curves.shapes import Line, Shape, checked

__all__ = ["scene_to_layers"]

_DASH_TOLERANCE = 1 / 32  # of lengths along dashed lines, in pixels


def scene_to_layers(
    scene: Scene, height: float | None = None, width: float | None = None
) -> Layers:
    """The drawing as tensors in one batch, differentiable in every tensor of the scene.

    Fills are mapped to pixels. Strokes keep the coordinates of their shape and come with the
    matrix that leads from those to pixels, so that their outlines are scaled as a whole. Shapes
    that nothing is seen of are left out.

    Args:
        scene: of any floating-point dtype, on any device; so are the layers.
        height, width: of the canvas in pixels. One that is None follows from the other, to keep
            the shape of the scene; both None: one unit of the scene is a pixel.

    Raises:
        ValueError: a tensor of the wrong shape, a number that is not finite, a negative radius or
            width. The message names the shape by its place: "shape 3.0" is the first child of the
            fourth child of the scene.
    """
    found = tensors(scene)
    like = found[0].detach() if found else torch.zeros(())
    for tensor in found:
        if tensor.dtype != like.dtype or tensor.device != like.device:
            raise ValueError(
                f"all tensors of a scene must have one dtype and one device: there are "
                f"{like.dtype} on {like.device} and {tensor.dtype} on {tensor.device}"
            )
    if not (0 < scene.width < math.inf and 0 < scene.height < math.inf):
        raise ValueError(f"the size of a scene must be positive, not {scene.width, scene.height}")
    if width is None:
        width = scene.width if height is None else scene.width * height / scene.height
    if height is None:
        height = scene.height * width / scene.width
    matrix = None
    if (width, height) != (scene.width, scene.height):
        matrix = like.new_tensor([[width / scene.width, 0, 0], [0, height / scene.height, 0]])
    lowering = _Lowering(like)
    lowering.nodes(scene.children, matrix, "")
    return assemble(
        lowering.rows, lowering.steps, lowering.group_opacities, lowering.gradients.finish(), like
    )


class _Lowering:
    """Collects layers and steps on a walk through a scene."""

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self.rows: list[Row] = []
        self.steps: list[tuple[int, int, int]] = []
        self.group_opacities: list[Scalar] = []
        self.gradients = GradientList(like)

    def nodes(self, nodes: Sequence[Node], matrix: Tensor | None, place: str) -> None:
        """Paint what a group holds; `place` is what the numbers of its children begin with."""
        for number, node in enumerate(nodes):
            if isinstance(node, Group):
                self._group(node, matrix, f"{place}{number}")
            else:
                label = f"shape {place}{number} ({type(node).__name__})"
                try:
                    self._shape(node, matrix, label)
                except ValueError as error:
                    raise ValueError(f"{label}: {error}") from error

    def _group(self, group: Group, matrix: Tensor | None, place: str) -> None:
        try:
            hidden = _invisible(group.opacity)
            matrix = _inner(matrix, group.transform)
        except ValueError as error:
            raise ValueError(f"group {place}: {error}") from error
        if hidden:
            return
        row, step = len(self.rows), len(self.steps)
        self.nodes(group.children, matrix, f"{place}.")
        clip = -1
        if group.clip is not None:
            if not group.clip or len(self.steps) == step:
                del self.rows[row:], self.steps[step:]
                return
            clip = self._clip(group.clip, matrix, f"clip of group {place}")
        self._fade(step, group.opacity, clip)

    def _fade(self, first: int, opacity: Scalar, clip: int = -1) -> None:
        """Make a group of the steps from `first` on, where one layer's opacity will not do."""
        steps = self.steps[first:]
        if not steps or (clip < 0 and _constant(opacity, 1.0)):
            return
        if clip < 0 and len(steps) == 1:
            row = self.rows[steps[0][1]]
            row.opacity = row.opacity * opacity
            return
        push, pop = (Step.PUSH, 0, -1), (Step.POP, len(self.group_opacities), clip)
        self.group_opacities.append(opacity)
        self.steps[first:] = [push, *steps, pop]

    def _clip(self, shapes: Sequence[Shape], matrix: Tensor | None, label: str) -> int:
        """The number of a layer that covers what lies in any of the shapes."""
        try:
            if len(shapes) > 1 and any(shape.fill_rule is not Rule.NONZERO for shape in shapes):
                raise ValueError("several shapes must have the fill rule NONZERO")
            outlines = [(shape.contours(), shape.transform) for shape in shapes]
            parts = [cubics(c).transformed(_inner(None, t)) for c, t in outlines if c]
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from error
        if len(parts) > 1:  # all wound one way, they do not cancel where they overlap
            parts = [oriented(part) for part in parts]
        line = concatenate(parts) if parts else Cubics.none(self._like)
        self.rows.append(Row(label, line, matrix, shapes[0].fill_rule))
        return len(self.rows) - 1

    def _shape(self, shape: Shape, matrix: Tensor | None, label: str) -> None:
        hidden = _invisible(shape.opacity)
        contours = shape.contours()
        if not contours or hidden:
            return
        matrix = _inner(matrix, shape.transform)
        line, first = cubics(contours), len(self.steps)

        @functools.cache
        def box() -> Tensor:
            return bounding_box(line.segments)

        def draw(row: Row, paint: Paint) -> None:
            painted = self.gradients.paint(paint, matrix, box)
            if painted is None:
                return
            row.colour, row.gradient = painted.colour, painted.gradient
            row.opacity = row.opacity * painted.opacity
            if not _invisible(row.opacity):
                self.steps.append((Step.DRAW, len(self.rows), -1))
                self.rows.append(row)

        if shape.fill is not None and not isinstance(shape, Line):
            row = Row(label, line, matrix, shape.fill_rule, opacity=shape.fill_opacity)
            draw(row, shape.fill)
        stroke = shape.stroke
        if stroke is not None:
            width = as_tensor(stroke.width, self._like)
            pieces = _dashes(line, stroke, matrix)
            if pieces is not None and not _constant(checked("width", width, ()), 0.0):
                row = Row(label, pieces, matrix, stroke=stroke, opacity=stroke.opacity)
                draw(row, stroke.paint)
        self._fade(first, shape.opacity)


def _dashes(line: Cubics, stroke: Stroke, matrix: Tensor | None) -> Cubics | None:
    """The line that is stroked, or what dashes leave of it."""
    if stroke.dashes is None or not len(stroke.dashes):
        return line
    dashes = checked("dashes", stroke.dashes, (None,))
    numbers = torch.cat([dashes, as_tensor(stroke.dash_offset, dashes).reshape(1)])
    if not bool(numbers.isfinite().all()) or bool((dashes < 0).any()):
        raise ValueError("dashes must be finite and not negative")
    if not bool(line.segments.isfinite().all()):
        raise ValueError("points must be finite")
    scale = 1.0 if matrix is None else float(matrix[:, :2].detach().norm())
    return dashed(line, dashes, stroke.dash_offset, _DASH_TOLERANCE / max(scale, 1e-6))


def _inner(outer: Tensor | None, transform: Tensor | None) -> Tensor | None:
    """The map of what lies in a group or shape with `transform`; None where nothing is mapped."""
    if transform is None:
        return outer
    checked("transform", transform, (2, 3))
    if not bool(transform.isfinite().all()):
        raise ValueError("transform must be finite")
    return transform if outer is None else compose(outer, transform)


def _constant(value: Scalar, number: float) -> bool:
    """Whether a value is that number, and not to be optimized."""
    return not (isinstance(value, Tensor) and value.requires_grad) and plain(value) == number


def _invisible(opacity: Scalar) -> bool:
    if isinstance(opacity, Tensor):
        checked("opacity", opacity, ())
    if not math.isfinite(plain(opacity)):
        raise ValueError("opacity must be finite")
    return _constant(opacity, 0.0)
