"""How much memory a training takes: beforehand, and in fact."""

from __future__ import annotations

import resource
import sys

import torch

from curvox.fields.coarse import COARSE_VOXELS
from curvox.fields.scene import Scene
from curvox.fields.train_config import TrainConfig

__all__ = ["expected_memory", "peak_memory"]

_FLOAT = 4
_MIB = 1 << 20
_PROGRAM = 420 * _MIB  # Python, torch, the kernels; measured
_PER_RAY = 64 << 10  # samples, activations and their gradients while there is much to see; measured


def expected_memory(scene: Scene, config: TrainConfig) -> int:
    """Bytes that a training will take at its peak, from what it will allocate.

    Args:
        scene: its photographs are in memory already, and count.
        config: settings of the training.
    """
    images = scene.values.numel() + _FLOAT * scene.num_pixels  # and the list of visible pixels
    steps = config.rays * _PER_RAY
    coarse = COARSE_VOXELS * _FLOAT * (4 * 3 + 2)  # four channels with two moments, and rates
    return _PROGRAM + images + steps + max(coarse, _fine(config))


def _fine(config: TrainConfig) -> int:
    """Grids at their last size; the moment of growth from half of it takes no more than that."""
    channels = config.features + 1
    voxels = config.voxels**3
    held = 3 * channels  # values and two moments
    # Growing: the old ones with their moments, a copy in another order, and the new values twice.
    growing = (3 + 1) * channels / 2 + 2 * channels if config.growths else 0
    return int(voxels * _FLOAT * max(held, growing))


def peak_memory(device: torch.device) -> int:
    """Bytes: the most that was resident so far, or that torch had allocated on a GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts in bytes
