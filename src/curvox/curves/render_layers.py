"""Layers to pixels: curves to polygons, strokes to their outlines, all of them painted."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox.curves.layers import Gradients, Layers
from curvox.ops.flatten import flatten
from curvox.ops.gradient_paint import GradientTable
from curvox.ops.paint import paint_layers
from curvox.ops.stroke import stroke

__all__ = ["TOLERANCE", "render_layers"]

TOLERANCE = 1 / 16
"""Pixels that a polygon may be away from its curve, unless a caller says otherwise."""


def render_layers(
    layers: Layers,
    height: int,
    width: int,
    *,
    background: Tensor | None = None,
    scene_steps: Tensor | None = None,
    tolerance: float = TOLERANCE,
    backend: str | None = None,
) -> Tensor:
    """Paint layers, differentiable in everything that is continuous.

    Args:
        layers: what is painted.
        height, width: of the image in pixels.
        background: [3] RGB. None: nothing.
        scene_steps: [B + 1] int64: the layers make several pictures, picture b of steps
            scene_steps[b] to scene_steps[b + 1] - 1. None: one.
        tolerance: pixels that curves may be away from the polygons that stand for them.
        backend: ``"torch"`` runs the references of all ops.

    Returns:
        [height, width, 4] RGBA in 0..1, colour multiplied by alpha, or over a background [height,
        width, 3]. With `scene_steps` one such image for each picture, [B, height, width, C].

    Raises:
        ValueError: a shape or a number out of range.
        TypeError: another dtype or device.
    """
    counts = layers.paths.diff()  # contours a layer
    layer_of = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
    vertices, loops = _polygons(layers, layer_of, tolerance, backend)
    image = paint_layers(
        vertices,
        loops,
        2 * layers.paths,
        layers.rules,
        layers.colours,
        layers.opacities,
        height,
        width,
        gradient_ids=layers.gradient_ids,
        gradients=None if layers.gradients is None else _table(layers.gradients),
        steps=layers.steps,
        scene_steps=scene_steps,
        group_opacities=layers.group_opacities,
        background=background,
        backend=backend,
    )
    return image if scene_steps is not None else image.squeeze(0)


def _polygons(
    layers: Layers, layer_of: Tensor, tolerance: float, backend: str | None
) -> tuple[Tensor, Tensor]:
    """Vertices [V, 2] on the canvas, and loops [2 C, 2]: two for each contour, as of strokes."""
    stroked = layers.stroked[layer_of]
    parts = []
    for kind in (False, True):
        chosen = (stroked == kind).nonzero()[:, 0]
        if len(chosen):
            parts.append(_outlined(layers, layer_of, chosen, kind, tolerance, backend))
    loops = layer_of.new_zeros(len(layer_of), 2, 2)
    vertices = [layers.segments.new_zeros(0, 2)]
    first = 0
    for chosen, points, spans in parts:
        loops[chosen] = spans + first
        vertices.append(points)
        first += len(points)
    return torch.cat(vertices) if len(parts) != 1 else vertices[1], loops.view(-1, 2)


def _outlined(
    layers: Layers,
    layer_of: Tensor,
    chosen: Tensor,
    stroked: bool,
    tolerance: float,
    backend: str | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The chosen contours, all filled or all stroked: their numbers, vertices, two loops each."""
    segments, contours, layer_of = _selected(layers, layer_of, chosen)
    local: float | Tensor = tolerance
    if layers.transforms is not None:
        matrices = layers.transforms[layer_of]
        # How much a matrix enlarges, or a little more; within reason, for those that are flat.
        scale = matrices[:, :, :2].detach().square().sum((1, 2)).sqrt().clamp(1e-3, 1e3)
        local = tolerance / scale
    if stroked:
        style = (layers.caps, layers.joins, layers.miter_limits)
        vertices, offsets = stroke(
            segments,
            contours,
            layers.closed[chosen],
            layers.widths[layer_of],
            *(values[layer_of] for values in style),
            tolerance=local,
            backend=backend,
        )
        spans = torch.stack([offsets[:-1], offsets[1:]], 1).view(-1, 2, 2)
    else:
        vertices, offsets = flatten(segments, contours, tolerance=local, backend=backend)
        ends = offsets[1:]
        spans = torch.stack([offsets[:-1], ends, ends, ends], 1).view(-1, 2, 2)
    if layers.transforms is not None:
        matrix = matrices.repeat_interleave(spans[:, 1, 1] - spans[:, 0, 0], 0)
        vertices = (matrix[:, :, :2] * vertices[:, None]).sum(2) + matrix[:, :, 2]
    return chosen, vertices, spans


def _selected(layers: Layers, layer_of: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Segments, contours and layers of some of the contours."""
    if len(chosen) == len(layer_of):
        return layers.segments, layers.contours, layer_of
    counts = layers.contours.diff()
    wanted = torch.zeros_like(counts, dtype=torch.bool)
    wanted[chosen] = True
    segments = layers.segments[wanted.repeat_interleave(counts)]
    contours = torch.cat([counts.new_zeros(1), counts[chosen].cumsum(0)])
    return segments, contours, layer_of[chosen]


def _table(gradients: Gradients) -> GradientTable:
    affine = gradients.to_unit.flatten(1)
    circle = gradients.focal_radius[:, None]
    return GradientTable(
        gradients.radial.to(torch.uint8),
        torch.cat([affine, gradients.focus, circle], 1),
        gradients.spreads,
        gradients.stops,
        gradients.positions,
        gradients.colours,
    )
