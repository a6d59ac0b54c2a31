"""The shallow network that turns a voxel's features and a direction into a colour."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

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
        inputs = features + 3 * (1 + 2 * _DIRECTION_FREQUENCIES)
        if positions:
            inputs += 3 * (1 + 2 * _POSITION_FREQUENCIES)
        self.layers = nn.Sequential(
            nn.Linear(inputs, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, 3),
        )
        nn.init.zeros_(self.layers[-1].bias)

    def forward(
        self, features: Tensor, directions: Tensor, ray_ids: Tensor, places: Tensor
    ) -> Tensor:
        """Colours, [K, 3] in 0..1.

        Args:
            features: [K, C].
            directions: [R, 3], of the rays, length one.
            ray_ids: [K], int32, the ray of each sample.
            places: [K, 3], positions in the field's box, each coordinate in 0..1.
        """
        encoded = positional_encoding(directions, _DIRECTION_FREQUENCIES)  # [R, 27]
        inputs = [features, encoded.index_select(0, ray_ids)]
        if self.positions:
            inputs.append(positional_encoding(places, _POSITION_FREQUENCIES))
        return torch.sigmoid(self.layers(torch.cat(inputs, -1)))

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights anew from a generator, uniformly in ±1/√inputs as PyTorch does."""
        with torch.no_grad():
            for layer in self.layers:
                if isinstance(layer, nn.Linear):
                    bound = 1 / math.sqrt(layer.in_features)
                    layer.weight.uniform_(-bound, bound, generator=generator)
                    layer.bias.uniform_(-bound, bound, generator=generator)
            self.layers[-1].bias.zero_()
