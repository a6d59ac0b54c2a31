"""The settings of a training, and what happens when."""

from __future__ import annotations

import math
from dataclasses import dataclass

from curvox.errors import InputError
from curvox.fields.losses import Losses
from curvox.fields.rungs import RUNGS

__all__ = ["COARSE_SHARE", "TrainConfig"]

COARSE_SHARE = 0.2
"""Of the time, where it is the time that is given."""
_FIRST_VOXELS = 64  # along a side: about where the growth of the fine grid begins
_GROWTH_SPACING = 0.05  # of the fine stage, between two growths


@dataclass(frozen=True)
class TrainConfig:
    """How a radiance field is optimized. The same settings, scene and seed give the same bits.

    The defaults are the published schedule. The schedule stretches with `iterations`: growth and
    the decay of the rates happen at shares of the whole.
    """

    voxels: int = 160
    """The fine grid has this number cubed; 256 shows more and takes more time and memory."""
    iterations: int = 20_000
    """Of the fine stage."""
    coarse_iterations: int = 5_000
    """Of the coarse stage, which finds out where anything is."""
    minutes: float | None = None
    """Train for so long instead of for so many iterations: a fifth of it coarse."""
    rays: int = 8_192
    """Rays an iteration."""
    rung: str = "fused"
    """How a step is made: native, adam, rendering, weights or fused. Same result, other speed."""
    seed: int = 0
    """Of the network's start and of the choice of rays."""
    features: int = 12
    """Channels of the fine colour grid."""
    width: int = 128
    """Of the hidden layers of the network."""
    positions: bool = False
    """Feed the network an encoding of the position too."""
    precision: str = "bfloat16"
    """Of the products in the network, for the rung fused on processors with a matrix unit for it;
    float32 is exact and slower."""
    grid_rate: float = 0.1
    """Learning rate of the grids."""
    network_rate: float = 1e-3
    """Learning rate of the network."""
    rate_decay: float = 0.1
    """What would be left of the rates at the end; growth of the grid resets them."""
    density_variation: float = 0.0
    """Weight of the total variation of density."""
    feature_variation: float = 0.0
    """Weight of the total variation of the features."""
    distortion: float = 0.0
    """Weight of the distortion loss."""

    def __post_init__(self) -> None:
        for name in ("iterations", "coarse_iterations", "rays", "features", "width"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 8 <= self.voxels <= 1024:
            raise InputError(f"voxels must be in 8..1024, got {self.voxels}")
        if self.rung not in RUNGS:
            raise InputError(f"rung must be one of {', '.join(RUNGS)}, got {self.rung!r}")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InputError(f"minutes must be positive, got {self.minutes}")
        if self.precision not in ("float32", "bfloat16"):
            raise InputError(f"precision must be float32 or bfloat16, got {self.precision!r}")
        for name in ("grid_rate", "network_rate", "rate_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        for name in ("density_variation", "feature_variation", "distortion"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}")

    @property
    def growths(self) -> int:
        """How often the fine grid doubles its number of voxels: 4 times to 160³, 6 to 256³."""
        return max(round(3 * math.log2(self.voxels / _FIRST_VOXELS)), 0)

    def voxels_at(self, progress: float) -> int:
        """Number of voxels of the fine grid at a share of its stage, 0..1."""
        grown = min(int(progress / _GROWTH_SPACING + 1e-9), self.growths)
        return self.voxels**3 >> (self.growths - grown)

    def coarse_losses(self) -> Losses:
        """Of the coarse stage."""
        return Losses(sample_colour=0.1, entropy=0.01)

    def fine_losses(self) -> Losses:
        """Of the fine stage."""
        return Losses(
            sample_colour=0.01,
            entropy=0.001,
            density_variation=self.density_variation,
            feature_variation=self.feature_variation,
            distortion=self.distortion,
        )
