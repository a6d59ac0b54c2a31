"""One kernel from rays to the samples that count, one that gathers, one that composites.

The gradients of the grids are lists of the voxels that were touched, and the optimizer visits no
others.
"""

from __future__ import annotations

from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.rungs.rendered import Rendered
from curvox.ops.composite import composite
from curvox.ops.interpolate import interpolate
from curvox.ops.march import march as march_rays
from curvox.ops.ragged import ray_ranges

__all__ = ["render_fused"]


def render_fused(
    field: Field, origins: Tensor, directions: Tensor, jitter: Tensor | None = None
) -> Rendered:
    """Render rays with the fused kernels.

    Args: those of :func:`curvox.fields.rungs.native.render_native`.
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
    )
    coloured = (samples.weights >= march.weight_threshold).nonzero()[:, 0]
    points, ray_ids = samples.points[coloured], samples.ray_ids[coloured]
    values = interpolate(grid.values, grid.shape, grid.box, points, sparse=True)
    colours = field.colours(values, directions, ray_ids, points)
    offsets = ray_ranges(ray_ids, len(origins))
    return Rendered(
        colour=composite(samples.weights[coloured], colours, offsets),
        last_transmittance=samples.last_transmittance,
        weights=samples.weights,
        distances=samples.distances,
        ray_ids=samples.ray_ids,
        offsets=samples.offsets,
        coloured=coloured,
        sample_colours=colours,
    )
