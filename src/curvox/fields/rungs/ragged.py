"""Kernels for what surrounds the interpolation, over one ragged list of samples.

`render_ragged` finds each ray's part of the list by counting its samples with atomic additions, and
adds colours into rays in the same way. `render_ranges` knows where each ray's part begins and ends,
so that every ray is summed by one thread and nothing is added atomically.
"""

from __future__ import annotations

import torch
from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.rungs.native import dense_colours, dense_interpolate
from curvox.fields.rungs.rendered import Rendered
from curvox.ops.alpha import density_to_alpha
from curvox.ops.composite import composite
from curvox.ops.ragged import ray_ranges
from curvox.ops.sample_rays import sample_rays
from curvox.ops.weights import alpha_to_weights

__all__ = ["render_ragged", "render_ranges"]


def render_ragged(
    field: Field, origins: Tensor, directions: Tensor, jitter: Tensor | None = None
) -> Rendered:
    """Render rays from one ragged list of samples, with atomic sums over each ray.

    Args: those of :func:`curvox.fields.rungs.native.render_native`.
    """
    rays = len(origins)

    def count(ray_ids: Tensor) -> Tensor:
        ones = torch.ones_like(ray_ids, dtype=torch.int64)
        counts = ones.new_zeros(rays).index_add(0, ray_ids, ones)
        return torch.cat([counts.new_zeros(1), counts.cumsum(0)])

    def add(weights: Tensor, colours: Tensor, ray_ids: Tensor) -> Tensor:
        return torch.zeros_like(origins).index_add(0, ray_ids, weights[:, None] * colours)

    return _render(field, origins, directions, jitter, count, add)


def render_ranges(
    field: Field, origins: Tensor, directions: Tensor, jitter: Tensor | None = None
) -> Rendered:
    """Render rays from one ragged list of samples, of which each ray knows its own range.

    Args: those of :func:`curvox.fields.rungs.native.render_native`.
    """

    def find(ray_ids: Tensor) -> Tensor:
        return ray_ranges(ray_ids, len(origins))

    def add(weights: Tensor, colours: Tensor, ray_ids: Tensor) -> Tensor:
        return composite(weights, colours, find(ray_ids))

    return _render(field, origins, directions, jitter, find, add)


def _render(field, origins, directions, jitter, ranges, add):  # type: ignore[no-untyped-def]
    march = field.march
    samples = sample_rays(
        origins, directions, field.box, march.near, march.far, march.step, jitter=jitter
    )
    seen = field.occupancy.at(samples.points).nonzero()[:, 0]
    points = samples.points[seen]
    raw = dense_interpolate(field.density, points)[:, 0]
    alpha = density_to_alpha(raw, march.shift, march.interval)
    dense = (alpha >= march.alpha_threshold).nonzero()[:, 0]
    alpha, points, seen = alpha[dense], points[dense], seen[dense]
    ray_ids = samples.ray_ids[seen]
    offsets = ranges(ray_ids)
    weights, last_transmittance = alpha_to_weights(alpha, offsets, march.stop)
    coloured = (weights >= march.weight_threshold).nonzero()[:, 0]
    colours = dense_colours(field, points[coloured], directions, ray_ids[coloured])
    return Rendered(
        colour=add(weights[coloured], colours, ray_ids[coloured]),
        last_transmittance=last_transmittance,
        weights=weights,
        distances=samples.distances[seen],
        ray_ids=ray_ids,
        offsets=offsets,
        coloured=coloured,
        sample_colours=colours,
    )
