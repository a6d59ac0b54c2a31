"""Plain PyTorch: every ray has the same number of samples, and products run along dense rows.

The first rung. Memory and time grow with rays times steps, whatever there is to see.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, softplus

from curvox.fields.field import Field
from curvox.fields.grid import VoxelGrid
from curvox.fields.rungs.rendered import Rendered
from curvox.ops.sample_rays import lattice

__all__ = ["dense_colours", "dense_interpolate", "render_native"]


def render_native(
    field: Field, origins: Tensor, directions: Tensor, jitter: Tensor | None = None
) -> Rendered:
    """Render rays with nothing but PyTorch's own functions.

    Args:
        field: what is seen.
        origins, directions: [R, 3], float32; directions of length one.
        jitter: [R] in [0, 1), where in its step a ray's samples stand. None: in the middle.
    """
    march = field.march
    if jitter is None:
        jitter = torch.full_like(origins[:, 0], 0.5)
    enter, counts = lattice(
        origins, directions, field.box, jitter, march.near, march.far, march.step
    )
    steps = torch.arange(int(counts.max()) if len(counts) else 0, device=origins.device)
    distances = enter[:, None] + (steps + jitter[:, None]) * march.step  # [R, S]
    points = origins[:, None] + distances[..., None] * directions[:, None]  # [R, S, 3]
    inside = steps < counts[:, None]
    inside[inside.clone()] = field.occupancy.at(points[inside])

    alpha = torch.zeros_like(distances)
    raw = dense_interpolate(field.density, points[inside])[:, 0]
    alpha[inside] = -torch.expm1(-softplus(raw + march.shift) * march.interval)
    alpha = torch.where(alpha >= march.alpha_threshold, alpha, 0)
    # The ray stops after the sample that takes its transmittance under `stop`.
    with torch.no_grad():
        goes_on = _transmittance(alpha)[:, :-1] >= march.stop
    alpha = torch.where(goes_on, alpha, 0)
    transmittance = _transmittance(alpha)  # [R, S + 1]
    weights = alpha * transmittance[:, :-1]

    kept = alpha > 0
    ray_ids = kept.nonzero()[:, 0].int()
    points, distances, weights = points[kept], distances[kept], weights[kept]
    coloured = (weights >= march.weight_threshold).nonzero()[:, 0]
    colours = dense_colours(field, points[coloured], directions, ray_ids[coloured])
    colour = torch.zeros_like(origins).index_add(
        0, ray_ids[coloured], weights[coloured, None] * colours
    )
    counts = kept.sum(1)
    return Rendered(
        colour=colour,
        last_transmittance=transmittance[:, -1],
        weights=weights,
        distances=distances,
        ray_ids=ray_ids,
        offsets=torch.cat([counts.new_zeros(1), counts.cumsum(0)]),
        coloured=coloured,
        sample_colours=colours,
    )


def _transmittance(alpha: Tensor) -> Tensor:
    """The light left before each sample and after the last: [R, S] -> [R, S + 1]."""
    return torch.cat([alpha.new_ones(len(alpha), 1), 1 - alpha], 1).cumprod(1)


def dense_colours(field: Field, points: Tensor, directions: Tensor, ray_ids: Tensor) -> Tensor:
    """Colours of samples at `points` [K, 3] on rays `ray_ids` [K], by PyTorch's own functions."""
    values = dense_interpolate(field.colour, points)
    return field.colours(values, directions, ray_ids, points, backend="torch")


def dense_interpolate(grid: VoxelGrid, points: Tensor) -> Tensor:
    """Trilinear interpolation by PyTorch's `grid_sample`: [M, 3] -> [M, C]."""
    low, high = grid.box
    # grid_sample counts its coordinates from the last axis to the first.
    places = ((points - low) / (high - low) * 2 - 1).flip(-1)
    volume = grid.volume().permute(3, 0, 1, 2)[None]  # [1, C, X, Y, Z]
    values = grid_sample(
        volume, places[None, None, None], mode="bilinear", padding_mode="border", align_corners=True
    )
    return values[0, :, 0, 0].T
