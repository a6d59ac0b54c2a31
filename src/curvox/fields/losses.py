"""What the optimization of a field makes small."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.rungs.rendered import Rendered
from curvox.ops.distortion import distortion
from curvox.ops.total_variation import total_variation

__all__ = ["Losses", "background_entropy", "sample_colour_loss"]


@dataclass(frozen=True)
class Losses:
    """Factors of the terms that are added to the mean squared error of the pixels."""

    sample_colour: float
    """Of :func:`sample_colour_loss`."""
    entropy: float
    """Of :func:`background_entropy`."""
    density_variation: float = 0.0
    feature_variation: float = 0.0
    """Of the total variation of the grids."""
    distortion: float = 0.0
    """Of the distortion of mip-NeRF 360, in steps of the march: it gathers what a ray sees."""

    def total(
        self, field: Field, rendered: Rendered, colours: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The loss, and the squared error in it.

        Args:
            field: what was rendered.
            rendered: from R rays.
            colours: [R, 3], rendered, composited over the background.
            targets: [R, 3], the pixels.

        Returns:
            Two scalars.
        """
        error = (colours - targets).square().mean()
        loss = error + self.sample_colour * sample_colour_loss(rendered, targets)
        loss = loss + self.entropy * background_entropy(rendered.last_transmittance)
        for factor, grid in (
            (self.density_variation, field.density),
            (self.feature_variation, field.colour),
        ):
            if factor:
                loss = loss + factor * total_variation(grid.values, grid.shape)
        if self.distortion:
            step = field.march.step
            spread = distortion(rendered.weights, rendered.distances / step, 1.0, rendered.offsets)
            loss = loss + self.distortion * spread.mean()
        return loss, error.detach()


def sample_colour_loss(rendered: Rendered, targets: Tensor) -> Tensor:
    """How far each sample's own colour is from its pixel, weighted by how much it is seen.

    The weights take no gradient from it: it moves colours, not surfaces.

    Args:
        rendered: from R rays.
        targets: [R, 3].

    Returns:
        A scalar: the sum over all samples and channels, by R.
    """
    weights = rendered.weights.detach()[rendered.coloured]
    wanted = targets.index_select(0, rendered.ray_ids[rendered.coloured])
    squares = (rendered.sample_colours - wanted).square().sum(1)
    return (weights * squares).sum() / len(targets)


def background_entropy(last_transmittance: Tensor) -> Tensor:
    """Mean binary entropy of whether a ray sees the background: it asks for a clear answer.

    Args:
        last_transmittance: [R].
    """
    p = last_transmittance.clamp(1e-6, 1 - 1e-6)
    return -(p * p.log() + (1 - p) * torch.log1p(-p)).mean()
