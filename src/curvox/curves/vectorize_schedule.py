"""What turning a picture into paths does when: from few coarse paths to many fine ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from curvox.errors import InputError

__all__ = ["Round", "VectorizeConfig", "rounds"]

_ROUNDS = 14
_GROWING = 0.5  # share of the time in which paths are added
_MOVING = 0.8  # and useless ones are moved
_FIRST_SHARE = 0.12  # of the paths, there from the start
_COARSEST = 0.15  # radius of new paths, in longer sides
_FINEST = 3.0  # pixels
_PIXELS_PER_RADIUS = 5.0  # of the finest paths, at which a round works


@dataclass(frozen=True)
class VectorizeConfig:
    """How a picture is turned into paths."""

    paths: int = 512
    """How many paths the drawing has."""
    mode: Literal["fill", "stroke"] = "fill"
    """fill: closed shapes of one colour each. stroke: open brush strokes."""
    segments: int = 4
    """Cubic segments a path."""
    minutes: float | None = 1.0
    """Time to take. None: so many iterations as are said."""
    iterations: int | None = None
    """Steps to take instead; the same number gives the same drawing."""
    size: int = 1024
    """Pixels on the longer side; larger pictures are shrunk to it."""
    points_rate: float = 3.0
    """Learning rate of control points, in pixels."""
    colour_rate: float = 0.015
    """Learning rate of colours and opacities."""
    final_rate: float = 0.08
    """What is left of the rates at the end; they fall exponentially."""

    def __post_init__(self) -> None:
        for name in ("paths", "segments", "size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.mode not in ("fill", "stroke"):
            raise InputError(f"mode must be fill or stroke, got {self.mode}")
        if self.iterations is None and self.minutes is None:
            raise InputError("say how long: give minutes or iterations")
        if self.iterations is not None and self.iterations < 1:
            raise InputError(f"iterations must be at least 1, got {self.iterations}")
        if self.iterations is None and self.minutes is not None and not self.minutes > 0:
            raise InputError(f"minutes must be positive, got {self.minutes}")
        for name in ("points_rate", "colour_rate", "final_rate"):
            if not 0 < getattr(self, name) <= 10:
                raise InputError(f"{name} must be in (0, 10], got {getattr(self, name)}")


@dataclass(frozen=True)
class Round:
    """A stretch of the way with a number of paths, at one resolution."""

    start: float
    """Share of the way at which it begins."""
    paths: int
    """How many there are, after those that are added at its start."""
    radius: float
    """Of the largest that are added, in pixels of the picture."""
    longer: int
    """Pixels on the longer side of the picture that is compared."""


def rounds(config: VectorizeConfig, longer: int) -> list[Round]:
    """The rounds of a picture whose longer side has `longer` pixels, in order.

    The number of paths grows and their size shrinks geometrically; the resolution follows. Later
    rounds only move paths that do little; from 0.8 of the way on all that are there are polished.
    """
    first = max(round(_FIRST_SHARE * config.paths), 1)
    coarsest = _COARSEST * longer
    # Where paths are few, their last ones are larger: about what is left of the area to each.
    finest = min(max(_FINEST, 0.12 * longer / config.paths**0.5), coarsest)
    growing = round(_ROUNDS * _GROWING / _MOVING)
    plan = []
    for index in range(_ROUNDS):
        grown = min(1.0, index / growing)
        radius = coarsest * (finest / coarsest) ** grown
        plan.append(
            Round(
                start=_MOVING * index / _ROUNDS,
                paths=round(first * (config.paths / first) ** grown),
                radius=radius,
                longer=min(longer, max(round(longer * _PIXELS_PER_RADIUS / radius), 32)),
            )
        )
    return [*plan, Round(_MOVING, config.paths, finest, longer)]
