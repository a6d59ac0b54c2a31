"""The shallow network that turns a voxel's features and a direction into a colour."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from curvox.ops.network import shallow_network

__all__ = ["ColourNetwork", "positional_encoding"]

_DIRECTION_FREQUENCIES = 4
_POSITION_FREQUENCIES = 5


def positional_encoding(values: Tensor, frequencies: int) -> Tensor:
    """Values, and the sines and cosines of their octaves (Mildenhall et al. 2020, eq. 4).

    Args:
        values: [..., D].
        frequencies: L; angles are 1, 2, 4, ..., 2^(L-1) times the value.

    Returns:
        [..., D * (1 + 2 L)].
    """
    octaves = 2.0 ** torch.arange(frequencies, dtype=values.dtype, device=values.device)
    angles = (values[..., None] * octaves).flatten(-2)  # [..., D * L]
    return torch.cat([values, angles.sin(), angles.cos()], -1)


class ColourNetwork(nn.Module):
    """Two hidden layers with ReLU; features and an encoded direction in, a colour out.

    Args:
        features: channels of the feature grid.
        width: of the hidden layers.
        positions: feed the encoded position too, as the first published version did.
    """

    def __init__(self, features: int, width: int = 128, positions: bool = False) -> None:
        super().__init__()
        self.positions = positions
        inputs = features + (3 * (1 + 2 * _POSITION_FREQUENCIES) if positions else 0)
        # The first layer in two parts: what each sample brings, and what its ray does.
        self.of_sample = nn.Linear(inputs, width, bias=False)
        self.of_ray = nn.Linear(3 * (1 + 2 * _DIRECTION_FREQUENCIES), width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 3)

    def forward(
        self,
        features: Tensor,
        directions: Tensor,
        ray_ids: Tensor,
        places: Tensor,
        *,
        precision: str = "float32",
        backend: str | None = None,
    ) -> Tensor:
        """Colours, [K, 3] in 0..1.

        Args:
            features: [K, C].
            directions: [R, 3], of the rays, length one.
            ray_ids: [K], int32, the ray of each sample, in rising order.
            places: [K, 3], positions in the field's box, each coordinate in 0..1.
            precision, backend: of :func:`curvox.ops.network.shallow_network`.
        """
        if self.positions:
            encoded = positional_encoding(places, _POSITION_FREQUENCIES)
            features = torch.cat([features, encoded], 1)
        return shallow_network(
            features,
            self.of_ray(positional_encoding(directions, _DIRECTION_FREQUENCIES)),
            ray_ids,
            self.of_sample.weight,
            self.second.weight,
            self.second.bias,
            self.last.weight,
            self.last.bias,
            precision=precision,
            backend=backend,
        )

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights anew, uniformly in ±1/√inputs of their layer as PyTorch does."""
        inputs = self.of_sample.in_features + self.of_ray.in_features
        for layer, count in (
            (self.of_sample, inputs),
            (self.of_ray, inputs),
            (self.second, self.second.in_features),
            (self.last, self.last.in_features),
        ):
            for parameter in layer.parameters():
                bound = 1 / math.sqrt(count)
                drawn = torch.rand(parameter.shape, generator=generator) * (2 * bound) - bound
                parameter.copy_(drawn)
        self.last.bias.zero_()
