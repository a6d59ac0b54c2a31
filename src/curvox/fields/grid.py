"""Dense voxel grids: values on the points of a lattice, interpolated in between.

The points of a grid stand on the faces of its box: the first and the last along an axis have the
coordinates of its corners. Values are kept flat, [X * Y * Z, C], point (x, y, z) in row
(x * Y + y) * Z + z, so that one point's channels lie side by side and a sparse gradient is a list
of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Shape", "VoxelGrid", "grid_shape", "voxel_size"]

Shape = tuple[int, int, int]


def voxel_size(box: Tensor, num_voxels: int) -> float:
    """Side of a voxel when `num_voxels` cubes fill the box, [2, 3]."""
    volume = float((box[1] - box[0]).double().prod())
    return (volume / num_voxels) ** (1 / 3)


def grid_shape(box: Tensor, num_voxels: int) -> Shape:
    """Points along each axis of a box, at least 2: its extent in voxels, rounded down."""
    extent = (box[1] - box[0]).double() / voxel_size(box, num_voxels)
    x, y, z = (max(int(count), 2) for count in extent.tolist())
    return x, y, z


class VoxelGrid(nn.Module):
    """A grid of C channels over a box.

    Args:
        box: [2, 3], float32, the lowest and the highest corner.
        shape: points along x, y and z, each at least 2.
        channels: C.

    All values start as zeros.

    Raises:
        ValueError: a box without volume or with corners that are not finite; a shape below 2.
    """

    box: Tensor

    def __init__(self, box: Tensor, shape: Sequence[int], channels: int) -> None:
        super().__init__()
        if (
            box.shape != (2, 3)
            or not bool(box.isfinite().all())
            or not bool((box[0] < box[1]).all())
        ):
            raise ValueError(f"box must be [2, 3], lowest corner first, got {box.tolist()}")
        if len(shape) != 3 or min(shape) < 2:
            raise ValueError(f"a grid has at least 2 points along each axis, got {tuple(shape)}")
        x, y, z = shape
        self.shape: Shape = (x, y, z)
        self.channels = channels
        self.register_buffer("box", box.detach().float())
        self.values = nn.Parameter(torch.zeros(x * y * z, channels, device=box.device))
        """[X * Y * Z, C], float32."""

    def volume(self) -> Tensor:
        """The values as [X, Y, Z, C], sharing memory."""
        return self.values.view(*self.shape, self.channels)

    def axes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Coordinates of the points along x [X], y [Y] and z [Z]."""
        low, high = self.box
        x, y, z = (
            torch.linspace(float(low[axis]), float(high[axis]), count, device=self.box.device)
            for axis, count in enumerate(self.shape)
        )
        return x, y, z

    @torch.no_grad()
    def resized(self, shape: Sequence[int]) -> VoxelGrid:
        """The same box with another number of points, resampled trilinearly."""
        grid = VoxelGrid(self.box, shape, self.channels)
        volume = self.volume().permute(3, 0, 1, 2)[None]  # [1, C, X, Y, Z]
        volume = nn.functional.interpolate(
            volume, size=tuple(shape), mode="trilinear", align_corners=True
        )
        grid.volume().copy_(volume[0].permute(1, 2, 3, 0))
        return grid
