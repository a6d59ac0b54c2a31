"""The coarse stage's field, and what it says about where anything is."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox.fields.field import Field, FieldSettings
from curvox.fields.grid import VoxelGrid, grid_shape
from curvox.fields.occupancy import Occupancy
from curvox.fields.scene import Scene

__all__ = ["COARSE_VOXELS", "coarse_field", "fine_box", "occupied_voxels", "view_counts"]

COARSE_VOXELS = 1_024_000
_ALPHA_INIT = 1e-6
_THRESHOLD = 1e-7  # of alpha and weight: an empty box has alphas of 5e-7, which must be seen
_EMPTY = -100.0  # a raw density that stays empty
_FEWEST_VIEWS = 3
_OCCUPIED = 1e-3  # alpha
_ENLARGED = 1.05


def coarse_field(scene: Scene, most_voxels: int = COARSE_VOXELS) -> tuple[Field, Tensor]:
    """The field that the coarse stage starts from, and factors of its density's learning rate.

    Voxels that fewer than three photographs see, and those nearer to a camera than `near`, are
    empty from the start: nothing but fog could form there.

    Args:
        scene: the photographs.
        most_voxels: a grid has no more than this, and never more than the published 1,024,000.

    Returns:
        The field, and [V, 1], each voxel's share of the views of the voxel most seen.
    """
    box = scene.bounding_box()
    voxels = min(most_voxels, COARSE_VOXELS)
    settings = FieldSettings(
        base_voxels=voxels,
        features=None,
        alpha_init=_ALPHA_INIT,
        near=scene.near,
        far=scene.far,
        alpha_threshold=_THRESHOLD,
        weight_threshold=_THRESHOLD,
    )
    field = Field(box, grid_shape(box, voxels), settings)
    counts, nearest = view_counts(scene, field.density)
    with torch.no_grad():
        density = field.density.values[:, 0]
        density[(counts < _FEWEST_VIEWS) | (nearest < scene.near)] = _EMPTY
    rates = counts.float() / counts.max().clamp_min(1)
    return field, rates[:, None]


def view_counts(scene: Scene, grid: VoxelGrid) -> tuple[Tensor, Tensor]:
    """How many photographs see each voxel, and how far the nearest camera is.

    A photograph sees a voxel when one of its rays passes by, between near and far. Rays are denser
    than voxels, so the question is asked the other way round, by projecting each voxel's point into
    each photograph, at a thousandth of the cost of following all rays.

    Returns:
        counts [V], int32, and distances [V], float32.
    """
    counts = torch.zeros(grid.shape, dtype=torch.int32, device=grid.box.device)
    nearest = torch.full(grid.shape, torch.inf, device=grid.box.device)
    axes = grid.axes()
    for pose, camera in zip(scene.poses, scene.intrinsics, strict=True):
        right, down, forward, centre = pose.unbind(1)
        left_edge = camera.fx * right + camera.cx * forward
        top_edge = camera.fy * down + camera.cy * forward
        # A point of depth > 0 is in the picture where it is on the inner side of four planes.
        columns = (left_edge, camera.width * forward - left_edge)
        rows = (top_edge, camera.height * forward - top_edge)
        squared = _sum_over_axes([(a - c) ** 2 for a, c in zip(axes, centre, strict=True)])
        seen = (squared >= scene.near**2) & (squared <= scene.far**2)
        for normal in (*columns, *rows, forward):
            offsets = [n * (a - c) for n, a, c in zip(normal, axes, centre, strict=True)]
            seen &= _sum_over_axes(offsets) >= 0
        counts += seen
        torch.minimum(nearest, squared, out=nearest)
    return counts.flatten(), nearest.sqrt_().flatten()


def _sum_over_axes(terms: list[Tensor]) -> Tensor:
    """[X, Y, Z] of x[i] + y[j] + z[k]: what is linear in the position costs two additions."""
    x, y, z = terms
    return x[:, None, None] + (y[:, None] + z)


def fine_box(field: Field) -> Tensor:
    """The box of what the coarse stage found, enlarged by 5 %: [2, 3].

    Where it found nothing, because it was too short or there is nothing, its own box.
    """
    x, y, z = field.density.axes()
    found = (field.alpha() > _OCCUPIED).nonzero()  # [F, 3]
    if len(found) == 0:
        return field.box
    points = torch.stack([x[found[:, 0]], y[found[:, 1]], z[found[:, 2]]], 1)
    low, high = points.amin(0), points.amax(0)
    # A single voxel still has the extent of one.
    middle = (low + high) / 2
    spacing = torch.stack([x[1] - x[0], y[1] - y[0], z[1] - z[0]])
    half = torch.maximum(high - low, spacing) / 2 * _ENLARGED
    return torch.stack([middle - half, middle + half])


def occupied_voxels(field: Field) -> Occupancy:
    """The mask that the fine stage starts from; full where the coarse stage found nothing."""
    occupancy = Occupancy.of_alpha(field.alpha(), field.box, _OCCUPIED)
    return occupancy if bool(occupancy.mask.any()) else Occupancy.full(field.box)
