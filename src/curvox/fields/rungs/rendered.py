"""What a rung returns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Rendered"]


@dataclass(frozen=True)
class Rendered:
    """What R rays saw. Everything but distances and ids is differentiable.

    The samples that let light reach the camera are listed ray after ray: M of them. Those K of them
    that were seen well enough to be given a colour have `coloured` as their places in that list.
    """

    colour: Tensor
    """[R, 3]. What shines through the field from behind is not in it."""
    last_transmittance: Tensor
    """[R]: the share of the background that is seen."""
    weights: Tensor
    """[M]: the share of each sample in its ray's colour."""
    distances: Tensor
    """[M], along the rays."""
    ray_ids: Tensor
    """[M], int32."""
    offsets: Tensor
    """[R + 1], int64: ray r has the samples offsets[r] .. offsets[r + 1] - 1."""
    coloured: Tensor
    """[K], int64."""
    sample_colours: Tensor
    """[K, 3]."""
