"""A drawing as tensors: every fill and every stroke is a layer, all layers lie in one batch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from torch import Tensor

__all__ = ["Cap", "Gradients", "Join", "Layers", "Rule", "Spread", "Step"]


class Rule(IntEnum):
    """What lies inside a filled path."""

    NONZERO = 0
    EVEN_ODD = 1


class Cap(IntEnum):
    """How the ends of an open stroke look."""

    BUTT = 0
    ROUND = 1
    SQUARE = 2


class Join(IntEnum):
    """How the corners of a stroke look."""

    MITER = 0
    ROUND = 1
    BEVEL = 2


class Spread(IntEnum):
    """What a gradient shows before its first and behind its last stop."""

    PAD = 0
    REFLECT = 1
    REPEAT = 2


class Step(IntEnum):
    """What a step of the painting does: the first column of :attr:`Layers.steps`."""

    DRAW = 0
    """Paint layer [1] over what is there."""
    PUSH = 1
    """Begin a group, on an empty canvas of its own."""
    POP = 2
    """End the group, and lay it over what was there: with opacity group_opacities[1], through the
    coverage of layer [2] (its paint does not matter), or all of it where that is -1."""


@dataclass(frozen=True)
class Gradients:
    """G colour gradients. Floating-point tensors are differentiable.

    In its unit space a linear gradient runs along x from 0 to 1. A radial one runs from a circle
    around `focus` of radius `focal_radius` to the unit circle around the origin.
    """

    radial: Tensor
    """[G] bool."""
    to_unit: Tensor
    """[G, 2, 3] affine maps from pixels of the canvas to the unit space."""
    focus: Tensor
    """[G, 2], inside the unit circle."""
    focal_radius: Tensor
    """[G], in [0, 1)."""
    spreads: Tensor
    """[G] uint8, :class:`Spread`."""
    stops: Tensor
    """[G + 1] int64: gradient g has stops stops[g] to stops[g + 1] - 1, at least one."""
    positions: Tensor
    """[K] in [0, 1], not falling within a gradient."""
    colours: Tensor
    """[K, 4] RGBA in 0..1, sRGB values, colour not multiplied by alpha."""


@dataclass(frozen=True)
class Layers:
    """N layers in painter's order. Floating-point tensors are differentiable, all of one dtype.

    Coordinates are pixels, x right and y down; pixel (row i, column j) is the square from (j, i) to
    (j + 1, i + 1).
    """

    segments: Tensor
    """[S, 4, 2] control points of cubics. Lines and quadratics are raised to cubics."""
    contours: Tensor
    """[C + 1] int64: contour c has segments contours[c] to contours[c + 1] - 1, end to end."""
    closed: Tensor
    """[C] bool. Matters for strokes; what is filled is closed by a line anyway."""
    paths: Tensor
    """[N + 1] int64: layer n has contours paths[n] to paths[n + 1] - 1."""
    transforms: Tensor | None
    """[N, 2, 3] from the layer's own coordinates to pixels, after stroking. None: they are."""
    rules: Tensor
    """[N] uint8, :class:`Rule`. Strokes are NONZERO."""
    stroked: Tensor
    """[N] bool: the layer is the stroke along its path, not the path's inside."""
    widths: Tensor
    """[N] stroke widths, not negative; not looked at for fills."""
    caps: Tensor
    """[N] uint8, :class:`Cap`."""
    joins: Tensor
    """[N] uint8, :class:`Join`."""
    miter_limits: Tensor
    """[N], at least 1. Not differentiable."""
    colours: Tensor
    """[N, 3] RGB in 0..1, sRGB values; not looked at where a layer has a gradient."""
    opacities: Tensor
    """[N] in 0..1, of solid colours and of gradients."""
    gradient_ids: Tensor
    """[N] int32: the layer's gradient, or -1 for its solid colour."""
    gradients: Gradients | None
    """None: all colours are solid."""
    steps: Tensor
    """[P, 3] int32: what is painted in what order, :class:`Step`. Groups nest."""
    group_opacities: Tensor
    """[Q] in 0..1."""
