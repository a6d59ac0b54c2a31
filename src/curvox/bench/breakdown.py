"""Where an iteration of the rung ``fused`` goes, kernel by kernel, and the least it could take."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from curvox.bench.limits import Limits
from curvox.bench.samples import Samples
from curvox.fields.field import Field
from curvox.fields.grid import VoxelGrid
from curvox.fields.stage import Stage

__all__ = ["Part", "break_down"]

_FLOAT = 4  # bytes
_ITERATIONS = 5

# Parts as the profiler names them: the ranges of `Stage.step`, and in two of them their kernels.
_KERNELS = {
    "render": ("march", "interpolate", "network", "composite"),
    "backward": (
        "composite_backward",
        "network_backward",
        "interpolate_backward_sparse",
        "march_backward",
    ),
}
_RANGES = ("batch", "render", "loss", "backward", "adam")


@dataclass(frozen=True)
class Part:
    """A part of an iteration. The least time is None for what is no kernel of its own."""

    name: str
    milliseconds: float
    mib_moved: float | None = None
    """That must be read or written once, were the caches large enough for everything else."""
    operations: float | None = None
    """Additions and multiplications, in millions."""
    least_milliseconds: float | None = None
    """The longer of the two at the rates that the machine reaches at best."""


def break_down(stage: Stage, progress: float, samples: Samples, limits: Limits) -> list[Part]:
    """Measure a few iterations under the profiler, on the CPU.

    Args:
        stage: of the rung ``fused``, warmed up.
        progress: as for :meth:`Stage.step`.
        samples: of a batch of it.
        limits: of the machine.
    """
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for _ in range(_ITERATIONS):
            stage.step(progress)
    times = {e.key: e.cpu_time_total / 1e3 / _ITERATIONS for e in recorded.key_averages()}
    work = _work(stage.field, samples)
    precision = stage.field.settings.precision
    parts = []
    for name in _RANGES:
        rest = times[name]
        for kernel in _KERNELS.get(name, ()):
            milliseconds = times.get(f"curvox::{kernel}", 0.0)
            rest -= milliseconds
            # Only the network's products may be rounded.
            rounded = precision if kernel.startswith("network") else "float32"
            parts.append(_part(kernel, milliseconds, work[kernel], limits, rounded))
        if name in work:
            parts.append(_part(name, rest, work[name], limits, "float32"))
        else:
            parts.append(Part(f"rest of {name}" if name in _KERNELS else name, rest))
    return parts


def _part(
    name: str, milliseconds: float, work: tuple[float, float], limits: Limits, precision: str
) -> Part:
    moved, operations = work
    least = limits.seconds(moved, operations, precision) * 1e3
    return Part(name, milliseconds, moved / 2**20, operations / 1e6, least)


def _work(field: Field, samples: Samples) -> dict[str, tuple[float, float]]:
    """Bytes and operations of each kernel: what its arguments and results take, once each."""
    rays, lit, coloured = samples.num_rays, len(samples.lit), len(samples.coloured)
    looked_up = _touched(field.density, samples.occupied)
    density_rows = _touched(field.density, samples.lit)
    colour_rows = _touched(field.colour, samples.coloured)
    channels = field.colour.channels
    width = 0 if field.network is None else field.settings.width
    products = 2 * coloured * (channels * width + width * width + 3 * width)
    entries = density_rows + colour_rows * channels
    floats_and_operations = {
        # Positions and interpolation, then a logarithm and an exponential, which count as ten each.
        "march": (looked_up + 8 * lit + 9 * rays, 50 * len(samples.occupied)),
        "interpolate": (
            colour_rows * channels + coloured * (3 + channels),
            coloured * (20 + 16 * channels),
        ),
        "network": (coloured * (channels + 4) + rays * width, products),
        "composite": (4 * coloured + 5 * rays, 6 * coloured),
        "composite_backward": (8 * coloured + 5 * rays, 10 * coloured),
        "network_backward": (coloured * (2 * channels + 7) + 2 * rays * width, 2 * products),
        "interpolate_backward_sparse": (
            coloured * (3 + channels) + 4 * lit + entries + 2 * (density_rows + colour_rows),
            16 * (coloured * channels + lit),
        ),
        "march_backward": (4 * lit + 3 * rays, 15 * lit),
        # Value and both moments are read and written, the gradient and its row's number read.
        "adam": (7 * entries + 2 * (density_rows + colour_rows), 12 * entries),
    }
    return {
        name: (_FLOAT * floats, operations)
        for name, (floats, operations) in floats_and_operations.items()
    }


def _touched(grid: VoxelGrid, points: Tensor) -> int:
    """How many points of the grid the interpolation at `points`, [M, 3], reads."""
    low, high = grid.box
    shape = torch.tensor(grid.shape, device=points.device)
    cells = ((points - low) / (high - low) * (shape - 1)).long()
    cells = torch.minimum(cells.clamp_min(0), shape - 2)
    mask = torch.zeros(grid.shape, dtype=torch.bool, device=points.device)
    for corner in range(8):
        offset = torch.tensor([corner >> 2, corner >> 1 & 1, corner & 1], device=points.device)
        mask[tuple((cells + offset).T)] = True
    return int(mask.sum())
