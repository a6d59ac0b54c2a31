"""What the published tests draw."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from curvox.curves.bezier import concatenate
from curvox.curves.glyphs import glyph_curves

__all__ = ["MANY_CURVES", "TESTS", "Case", "cases"]

TESTS = {
    1: "one quadratic curve",
    2: "one cubic curve",
    3: "a composite of three quadratic sections, and glyphs",
    4: "a composite of sixteen quadratic sections",
    5: "time against the number of curves",
    6: "peak memory against the number of curves",
    7: "profiles (with --profile DIR)",
}

MANY_CURVES = (1, 2, 4, 8, 16, 32, 128, 512, 1024)

_COMPOSITE = (
    ((0.1, 0.1), (0.9, 0.9), (0.5, 0.9)),
    ((0.5, 0.9), (0.1, 0.9), (0.3, 0.3)),
    ((0.3, 0.3), (0.9, 0.9), (0.9, 0.1)),
)


@dataclass(frozen=True)
class Case:
    """One drawing: curves [N, P, 2] and where their Gaussians are cut (None: by tolerance)."""

    test: int
    draw: str
    control_points: Tensor
    cutoff: float | None = None


def cases(test: int) -> list[Case]:
    """The drawings of one test (7, the profiles, draws what test 1 does)."""
    if test in (1, 7):
        points = torch.tensor([[[0.1, 0.1], [0.9, 0.9], [0.5, 0.9]]])
        return [Case(test, "quadratic", points)]
    if test == 2:
        points = torch.tensor([[[1.0, 0.0], [0.21, 0.12], [0.72, 0.83], [0.0, 1.0]]])
        return [Case(test, "cubic", points)]
    if test == 3:
        glyphs = [Case(test, f"glyph {name}", glyph_curves(name)) for name in "aA"]
        return [Case(test, "composite", torch.tensor(_COMPOSITE)), *glyphs]
    if test == 4:
        return [Case(test, "sections", _rosette(16))]
    many = [Case(test, "random", _random(count)) for count in MANY_CURVES]
    return [*many, Case(test, "random, cutoff 3", _random(MANY_CURVES[-1]), cutoff=3.0)]


def _random(count: int) -> Tensor:
    """Quadratic curves anywhere on the canvas; a larger set holds the smaller ones."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(MANY_CURVES[-1], 3, 2, generator=generator)[:count].contiguous()


def _rosette(sections: int) -> Tensor:
    """A closed flower of quadratic sections that meet smoothly halfway between their controls."""
    angles = torch.arange(sections) * (2 * math.pi / sections)
    radii = torch.where(torch.arange(sections) % 2 == 0, 0.42, 0.2)
    controls = 0.5 + radii[:, None] * torch.stack([angles.cos(), angles.sin()], 1)
    joints = (controls + controls.roll(1, 0)) / 2
    return concatenate([torch.stack([joints, controls, joints.roll(-1, 0)], 1)])
