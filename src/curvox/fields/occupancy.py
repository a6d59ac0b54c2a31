"""Where there may be something: a mask of voxels, asked before anything is computed."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import max_pool3d

from curvox.fields.grid import VoxelGrid
from curvox.ops.occupancy import occupied
from curvox.ops.rays_hit import OccupancyBits, pack_occupancy

__all__ = ["Occupancy"]


class Occupancy:
    """A mask over a box. A point is occupied where the mask's nearest point is.

    Args:
        mask: [X, Y, Z], bool, points on the box's faces as in a grid.
        box: [2, 3], float32.
    """

    def __init__(self, mask: Tensor, box: Tensor) -> None:
        self.mask, self.box = mask.contiguous(), box.detach().float()

    @classmethod
    def full(cls, box: Tensor) -> Occupancy:
        """Everything in the box is occupied."""
        return cls(torch.ones(2, 2, 2, dtype=torch.bool, device=box.device), box)

    @classmethod
    def of_alpha(cls, alpha: Tensor, box: Tensor, threshold: float) -> Occupancy:
        """Where a voxel or one of its 26 neighbours has an alpha over `threshold`.

        Args:
            alpha: [X, Y, Z].
            box: [2, 3].
        """
        widest = max_pool3d(alpha[None, None], 3, stride=1, padding=1)[0, 0]
        return cls(widest > threshold, box)

    @cached_property
    def bits(self) -> OccupancyBits:
        """The mask as the marching kernel reads it."""
        return pack_occupancy(self.mask, self.box)

    @property
    def share(self) -> float:
        """The part of the mask that is occupied, in 0..1."""
        return float(self.mask.float().mean())

    def at(self, points: Tensor) -> Tensor:
        """Whether points are occupied: [M, 3] float32 -> [M] bool."""
        return occupied(points, self.mask, self.box)

    def on_grid(self, grid: VoxelGrid) -> Tensor:
        """Whether the points of a grid are occupied: [X, Y, Z] bool."""
        x, y, z = grid.axes()
        mask = torch.empty(grid.shape, dtype=torch.bool, device=self.mask.device)
        for slab, plane in enumerate(x):  # all points at once would take a gigabyte at 256³
            points = torch.cartesian_prod(plane[None], y, z)
            mask[slab] = self.at(points).view(len(y), len(z))
        return mask

    def to(self, device: torch.device | str) -> Occupancy:
        """The same on a device."""
        return Occupancy(self.mask.to(device), self.box.to(device))
