"""How many samples of a batch of rays pass each filter: the work that there is to do."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.rungs.native import dense_interpolate
from curvox.ops.alpha import density_to_alpha
from curvox.ops.ragged import ray_ranges
from curvox.ops.sample_rays import sample_rays
from curvox.ops.weights import alpha_to_weights

__all__ = ["Samples", "count_samples"]


@dataclass(frozen=True)
class Samples:
    """Those of R rays."""

    num_rays: int
    longest: int
    """Of the ray that has the most of them in the box."""
    in_box: int
    occupied: Tensor
    """[., 3], positions of those of them where the mask says that there may be something."""
    lit: Tensor
    """[., 3], of those of them that are dense enough, and are reached by enough light."""
    coloured: Tensor
    """[., 3], of those of them that are seen well enough to be given a colour."""
    dense: int
    """Those of the occupied ones that are dense enough, lit or not."""

    def per_ray(self) -> dict[str, float]:
        """What is left after each filter, by rays."""
        left = {
            "in_box": self.in_box,
            "occupied": len(self.occupied),
            "alpha": self.dense,
            "transmittance": len(self.lit),
            "weight": len(self.coloured),
        }
        return {name: count / self.num_rays for name, count in left.items()}


@torch.no_grad()
def count_samples(field: Field, origins: Tensor, directions: Tensor, jitter: Tensor) -> Samples:
    """Follow rays, [R, 3] and [R], through a field."""
    march = field.march
    samples = sample_rays(
        origins, directions, field.box, march.near, march.far, march.step, jitter=jitter
    )
    seen = field.occupancy.at(samples.points)
    occupied, ray_ids = samples.points[seen], samples.ray_ids[seen]
    raw = dense_interpolate(field.density, occupied)[:, 0]
    alpha = density_to_alpha(raw, march.shift, march.interval)
    dense = alpha >= march.alpha_threshold
    offsets = ray_ranges(ray_ids[dense], len(origins))
    weights, _ = alpha_to_weights(alpha[dense], offsets, march.stop)
    points = occupied[dense]
    return Samples(
        num_rays=len(origins),
        longest=int(samples.offsets.diff().max()),
        in_box=len(samples.points),
        occupied=occupied,
        lit=points[weights > 0],
        coloured=points[weights >= march.weight_threshold],
        dense=len(points),
    )
