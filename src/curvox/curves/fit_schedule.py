"""What a fit does when: rounds from coarse to fine, each with more curves."""

from __future__ import annotations

from dataclasses import dataclass

from curvox.errors import InputError

__all__ = ["FitConfig", "Round", "schedule"]

_ROUNDS = 12
_GROWING = 8  # rounds that add curves; those after them only move useless ones
_GROWTH_SHARE = 0.6  # of the iterations that belong to all rounds but the last
_COARSEST_SIGMA = 0.04
_FINEST_SIGMA = 1.2  # pixels
_PIXELS_PER_SIGMA = 2.0  # at which resolution a round works
_FIRST_SHARE = 0.1  # of the curves, there from the start
_FEWEST_AT_START = 8


@dataclass(frozen=True)
class FitConfig:
    """How curves are fitted to an image. The same settings and seed give the same drawing."""

    curves: int = 800
    """Number of curves. Glyphs need dozens, photographs hundreds."""
    iterations: int = 2000
    """Optimization steps in all. More of them: a better picture."""
    size: int = 512
    """Pixels on the longer side; larger images are shrunk to it."""
    seed: int = 0
    """Of the random start."""
    steps: int = 24
    """Samples a curve. More of them allow longer thin strokes and take longer."""
    points_rate: float = 0.3
    """Learning rate of the control points, in sigmas of the curve they belong to."""
    ink_rate: float = 0.02
    """Learning rate of the brightness of the strokes."""
    sigma_rate: float = 0.03
    """Learning rate of the logarithm of sigma."""
    final_rate: float = 0.1
    """What is left of all learning rates at the end; they fall exponentially."""

    def __post_init__(self) -> None:
        for name in ("curves", "iterations", "size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.steps < 2:
            raise InputError(f"steps must be at least 2, got {self.steps}")
        for name in ("points_rate", "ink_rate", "sigma_rate", "final_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"{name} must be in (0, 1], got {getattr(self, name)}")


@dataclass(frozen=True)
class Round:
    """A stretch of iterations with a fixed number of curves at one resolution."""

    start: int
    stop: int
    """Iterations start, ..., stop - 1."""
    curves: int
    """How many there are, after those that are added at its start."""
    sigma: float
    """Of the curves that are added, in units of the longer side."""
    longer: int
    """Pixels on the longer side of the picture that is compared."""


def schedule(config: FitConfig, longer: int) -> list[Round]:
    """The rounds of a fit to an image whose longer side has `longer` pixels.

    Number and fineness of the curves grow geometrically. The resolution follows the finest of them,
    so the early rounds cost next to nothing. The last round polishes at full resolution.
    """
    count = min(_ROUNDS, config.iterations)
    growing = max(min(_GROWING, count - 1), 1)
    first = min(config.curves, max(round(_FIRST_SHARE * config.curves), _FEWEST_AT_START))
    if count == 1:
        first = config.curves
    finest = min(_FINEST_SIGMA / longer, _COARSEST_SIGMA)
    rounds = []
    for index in range(count):
        grown = min(1.0, index / growing)
        sigma = _COARSEST_SIGMA * (finest / _COARSEST_SIGMA) ** grown
        last = index == count - 1
        rounds.append(
            Round(
                start=round(config.iterations * _GROWTH_SHARE * index / count),
                stop=config.iterations
                if last
                else round(config.iterations * _GROWTH_SHARE * (index + 1) / count),
                curves=round(first * (config.curves / first) ** grown),
                sigma=sigma,
                longer=longer if last else min(longer, round(_PIXELS_PER_SIGMA / sigma)),
            )
        )
    return [part for part in rounds if part.stop > part.start]
