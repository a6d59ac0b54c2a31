"""Whole images of a field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from curvox.fields import cameras
from curvox.fields.cameras import Intrinsics
from curvox.fields.field import Field
from curvox.fields.rungs import find_rung
from curvox.ops.composite import composite

__all__ = ["View", "render_rays", "render_view"]

_RAYS = 1 << 14  # rendered together: their samples fit in the cache and in any memory


@dataclass(frozen=True)
class View:
    """What a camera sees of a field."""

    colour: Tensor
    """[H, W, 3], composited over the background; nearly in 0..1."""
    depth: Tensor
    """[H, W]: the mean distance of what is seen, along the ray; 0 where nothing is."""
    opacity: Tensor
    """[H, W], in 0..1: how much of the background is covered."""


def render_view(
    field: Field,
    pose: Tensor,
    intrinsics: Intrinsics,
    background: Tensor,
    *,
    rung: str = "fused",
) -> View:
    """Render a field from a camera.

    Args:
        field: what is seen.
        pose: [3, 4], camera to world, OpenCV, float32, on the field's device.
        intrinsics: the camera.
        background: [3], RGB in 0..1.
        rung: which implementation, see :mod:`curvox.fields.rungs`.
    """
    origins, directions = cameras.rays(pose, intrinsics)
    return render_rays(field, origins, directions, background, rung=rung)


@torch.no_grad()
def render_rays(
    field: Field, origins: Tensor, directions: Tensor, background: Tensor, *, rung: str = "fused"
) -> View:
    """Render a picture of rays, a few thousand at a time.

    Args:
        field: what is seen.
        origins, directions: [H, W, 3], float32; directions of length one.
        background: [3], RGB in 0..1.
        rung: which implementation.
    """
    render = find_rung(rung).render
    height, width, _ = directions.shape
    flat_origins, flat_directions = origins.reshape(-1, 3), directions.reshape(-1, 3)
    colours, depths, opacities = [], [], []
    for first in range(0, height * width, _RAYS):
        chunk = slice(first, first + _RAYS)
        rendered = render(field, flat_origins[chunk], flat_directions[chunk], None)
        last = rendered.last_transmittance
        colours.append(rendered.colour + last[:, None] * background)
        travelled = composite(rendered.weights, rendered.distances[:, None], rendered.offsets)[:, 0]
        covered = 1 - last
        depths.append(torch.where(covered > 1e-3, travelled / covered.clamp_min(1e-3), 0))
        opacities.append(covered)
    return View(
        colour=torch.cat(colours).view(height, width, 3),
        depth=torch.cat(depths).view(height, width),
        opacity=torch.cat(opacities).view(height, width),
    )
