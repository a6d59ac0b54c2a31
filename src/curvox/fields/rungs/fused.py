"""One kernel from rays to the samples that count, one that gathers, one that composites.

The gradients of the grids are lists of the voxels that were touched, and the optimizer visits no
others.
"""

from __future__ import annotations

import torch
from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.replay import Capacity
from curvox.fields.rungs.rendered import Rendered
from curvox.ops.composite import composite
from curvox.ops.interpolate import interpolate
from curvox.ops.march import march as march_rays
from curvox.ops.ragged import ray_ranges

__all__ = ["render_fused"]


def render_fused(
    field: Field,
    origins: Tensor,
    directions: Tensor,
    jitter: Tensor | None = None,
    *,
    capacity: Capacity | None = None,
) -> Rendered:
    """Render rays with the fused kernels.

    Args: those of :func:`curvox.fields.rungs.native.render_native`, and
        capacity: on CUDA, lengths of the lists of samples and of coloured ones, so that nothing is
            waited for. Both must be larger than what is seen; the rest of the lists weighs nothing.
    """
    march, grid = field.march, field.colour
    samples = march_rays(
        origins,
        directions,
        field.density.values,
        field.density.shape,
        field.box,
        field.occupancy.bits,
        march.near,
        march.far,
        march.step,
        shift=march.shift,
        interval=march.interval,
        alpha_threshold=march.alpha_threshold,
        stop=march.stop,
        jitter=jitter,
        sparse=True,
        capacity=None if capacity is None else capacity[0],
    )
    seen = samples.weights >= march.weight_threshold
    if capacity is None:
        coloured = seen.nonzero()[:, 0]
    else:  # filled up with a sample of no weight
        coloured = seen.nonzero_static(size=capacity[1], fill_value=capacity[0] - 1)[:, 0]
    points, ray_ids = (t.index_select(0, coloured) for t in (samples.points, samples.ray_ids))
    values = interpolate(grid.values, grid.shape, grid.box, points, sparse=True)
    colours = field.colours(values, directions, ray_ids, points)
    offsets = ray_ranges(ray_ids, len(origins))
    if capacity is not None:
        offsets = offsets.minimum(seen.sum())
    return Rendered(
        colour=composite(_Chosen.apply(samples.weights, coloured), colours, offsets),
        last_transmittance=samples.last_transmittance,
        weights=samples.weights,
        distances=samples.distances,
        ray_ids=samples.ray_ids,
        offsets=samples.offsets,
        coloured=coloured,
        sample_colours=colours,
    )


class _Chosen(torch.autograd.Function):
    """Entries of a vector, none chosen twice but one that takes no gradient: nothing is added up on
    the way back, as plain indexing would.
    """

    @staticmethod
    def forward(ctx, values, places):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(places)
        ctx.count = len(values)
        return values.index_select(0, places)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (places,) = ctx.saved_tensors
        return gradient.new_zeros(ctx.count).index_copy_(0, places, gradient), None
