"""Ragged lists in plain PyTorch: what belongs to each ray, side by side.

A ragged list holds the samples of all rays one after the other; `offsets` [R + 1] says that ray r
owns samples offsets[r] to offsets[r + 1] - 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Padded", "ray_of_each", "ray_ranges"]


def ray_of_each(offsets: Tensor) -> Tensor:
    """The ray that each sample belongs to, [M] int64."""
    rays = torch.arange(len(offsets) - 1, device=offsets.device)
    return rays.repeat_interleave(offsets.diff())


def ray_ranges(ray_ids: Tensor, rays: int) -> Tensor:
    """Where each ray's samples begin and end, from the ray of each sample.

    Args:
        ray_ids: [M], int32 or int64, in rising order.
        rays: R, how many there are.

    Returns:
        Offsets, [R + 1] int64.
    """
    numbers = torch.arange(rays + 1, dtype=ray_ids.dtype, device=ray_ids.device)
    return torch.searchsorted(ray_ids, numbers)


class Padded:
    """The way from a ragged list to a table with a row for each ray, as long as the longest, and
    back. Differentiable both ways.
    """

    def __init__(self, offsets: Tensor) -> None:
        self.rows = ray_of_each(offsets)
        self.columns = torch.arange(len(self.rows), device=offsets.device) - offsets[self.rows]
        rays = len(offsets) - 1
        self.shape = (rays, int(offsets.diff().max()) if rays else 0)

    def spread(self, samples: Tensor) -> Tensor:
        """[M] to [R, longest], zeros behind the end of a ray."""
        table = samples.new_zeros(self.shape)
        return table.index_put((self.rows, self.columns), samples)

    def collect(self, table: Tensor) -> Tensor:
        """[R, longest] to [M]."""
        return table[self.rows, self.columns]
