"""A radiance field: density and colour on voxel grids, and how a ray is followed through them.

The method is that of Sun, Sun & Chen, "Direct Voxel Grid Optimization" (CVPR 2022): density is
interpolated before its activation (section 4.1 there), so that a surface can be sharper than a
voxel.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from curvox.fields.grid import Shape, VoxelGrid, grid_shape, voxel_size
from curvox.fields.network import ColourNetwork
from curvox.fields.occupancy import Occupancy

__all__ = ["Field", "FieldSettings", "March"]


@dataclass(frozen=True)
class March:
    """How rays are sampled, and what is left out because it cannot be seen."""

    near: float
    far: float
    """The range of distances along a ray, in the world's units."""
    step: float
    """Distance between samples, in the world's units."""
    interval: float
    """The same in units of the final grid's voxels: the exponent of a sample's transparency."""
    shift: float
    """Added to the raw density before softplus."""
    alpha_threshold: float
    """Samples of less alpha are dropped."""
    weight_threshold: float
    """Samples of less weight get no colour."""
    stop: float = 1e-3
    """A ray ends where less than this share of its light is left."""


@dataclass(frozen=True)
class FieldSettings:
    """What a field is, beside its box, its size and its values."""

    base_voxels: int
    """Of the grid at its full size; they set the unit of `step` and `interval` in a march."""
    features: int | None
    """Channels of the colour grid. None: raw RGB, to which a sigmoid is applied."""
    alpha_init: float
    """Alpha of a path as long as a full-size voxel through the new, empty grid."""
    near: float
    far: float
    """Range of distances along rays."""
    alpha_threshold: float
    weight_threshold: float
    """See :class:`March`."""
    step: float = 0.5
    """Distance between samples, in voxels of the grid as it is now."""
    width: int = 128
    positions: bool = False
    """See :class:`curvox.fields.network.ColourNetwork`."""
    precision: str = "float32"
    """Of the network's products, see :func:`curvox.ops.network.shallow_network`."""


class Field(nn.Module):
    """A density grid, a colour grid and, where the colour grid holds features, a network.

    Args:
        box: [2, 3], what the grids span.
        shape: of the grids now.
        settings: all else.

    Raises:
        ValueError: a box without volume, a shape below 2.
    """

    def __init__(self, box: Tensor, shape: Sequence[int], settings: FieldSettings) -> None:
        super().__init__()
        self.settings = settings
        features = settings.features
        self.density = VoxelGrid(box, shape, 1)
        self.colour = VoxelGrid(box, shape, 3 if features is None else features)
        self.network = (
            None
            if features is None
            else ColourNetwork(features, settings.width, settings.positions).to(box.device)
        )
        self.occupancy = Occupancy.full(self.density.box)
        self.corners = self.box.cpu()
        """The box on the CPU: asked for in every iteration, it must not wait for a GPU."""

    @property
    def box(self) -> Tensor:
        """[2, 3], the lowest and the highest corner."""
        return self.density.box

    @property
    def shape(self) -> Shape:
        """Points of the grids along x, y and z."""
        return self.density.shape

    @property
    def march(self) -> March:
        """How rays are sampled at the present size of the grids."""
        settings = self.settings
        x, y, z = self.shape
        # A grid of fewer voxels has larger ones, and the step follows them.
        size = voxel_size(self.corners, x * y * z)
        base = voxel_size(self.corners, settings.base_voxels)
        return March(
            near=settings.near,
            far=settings.far,
            step=settings.step * size,
            interval=settings.step * size / base,
            # softplus(shift) = -log(1 - alpha_init): a unit of length lets 1 - alpha_init through.
            shift=math.log(1 / (1 - settings.alpha_init) - 1),
            alpha_threshold=settings.alpha_threshold,
            weight_threshold=settings.weight_threshold,
        )

    def colours(
        self,
        values: Tensor,
        directions: Tensor,
        ray_ids: Tensor,
        points: Tensor,
        backend: str | None = None,
    ) -> Tensor:
        """Colours of samples, [K, 3] in 0..1.

        Args:
            values: [K, C], interpolated from the colour grid.
            directions: [R, 3], of the rays.
            ray_ids: [K], int32, in rising order.
            points: [K, 3].
            backend: of the network, ``"torch"`` for plain PyTorch.
        """
        if self.network is None:
            return torch.sigmoid(values)
        low, high = self.box
        return self.network(
            values,
            directions,
            ray_ids,
            (points - low) / (high - low),
            precision=self.settings.precision,
            backend=backend,
        )

    @torch.no_grad()
    def alpha(self) -> Tensor:
        """Alpha of a step at each point of the grid, [X, Y, Z]."""
        march = self.march
        raw = self.density.volume()[..., 0] + march.shift
        return -torch.expm1(-nn.functional.softplus(raw) * march.interval)

    @torch.no_grad()
    def resize(self, num_voxels: int) -> None:
        """Give the grids about `num_voxels` points: new parameters, resampled from the old."""
        shape = grid_shape(self.corners, num_voxels)
        self.density = self.density.resized(shape)
        self.colour = self.colour.resized(shape)

    @torch.no_grad()
    def refresh_occupancy(self) -> None:
        """Keep as occupied what was so before and holds an alpha over the threshold still.

        From then on the mask has the shape of the grids.
        """
        fresh = Occupancy.of_alpha(self.alpha(), self.box, self.march.alpha_threshold)
        fresh.mask &= self.occupancy.on_grid(self.density)
        self.occupancy = fresh

    def state(self) -> dict[str, Any]:
        """Everything of the field, as plain values and tensors that share its memory."""
        return {
            "settings": dataclasses.asdict(self.settings),
            "box": self.box,
            "shape": self.shape,
            "tensors": self.state_dict(),
            "mask": self.occupancy.mask,
            "mask_box": self.occupancy.box,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], device: torch.device | str = "cpu") -> Field:
        """The field that gave `state`, on a device."""
        field = cls(state["box"], state["shape"], FieldSettings(**state["settings"]))
        field.load_state_dict(state["tensors"], assign=True)
        field.occupancy = Occupancy(state["mask"], state["mask_box"]).to(device)
        return field.to(device)
