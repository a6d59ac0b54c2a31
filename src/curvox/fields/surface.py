"""Surfaces of a field: coloured points, and a mesh."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from curvox.errors import InputError
from curvox.fields.field import Field
from curvox.fields.rungs.native import dense_interpolate

__all__ = ["Mesh", "Points", "surface_mesh", "surface_points"]

_CHUNK = 1 << 16  # points whose colours are computed together
_CAMERAS = 4  # a colour is the mean of what so many see that look at the surface most squarely


@dataclass(frozen=True)
class Points:
    """Points of a surface."""

    positions: Tensor
    """[P, 3], float32, in the world."""
    colours: Tensor
    """[P, 3], float32 in 0..1."""


@dataclass(frozen=True)
class Mesh:
    """Triangles; seen from outside, their corners run counterclockwise."""

    positions: Tensor
    """[P, 3], float32, in the world."""
    colours: Tensor
    """[P, 3], float32 in 0..1."""
    faces: Tensor
    """[F, 3], int64, numbers of their corners."""


def surface_points(field: Field, poses: Tensor, *, alpha: float = 0.1) -> Points:
    """The points of the grid that are solid and have a neighbour that is not.

    Cavities that are closed on all sides count as solid: nothing of them can be seen.

    Args:
        field: on the CPU.
        poses: [N, 3, 4], cameras that saw the scene; they decide from where colours are looked at.
        alpha: how much of the light a step through the field must take to be solid, in 0..1.

    Raises:
        InputError: nothing is as solid as that.
        ValueError: alpha is out of its range.
    """
    from scipy.ndimage import binary_erosion

    solid = _solid(field, alpha)
    # Beyond the grid there is nothing: what is solid on its faces is surface.
    outer = solid & ~binary_erosion(solid)
    places = torch.from_numpy(np.argwhere(outer))  # [P, 3]
    x, y, z = field.density.axes()
    positions = torch.stack([x[places[:, 0]], y[places[:, 1]], z[places[:, 2]]], 1)
    # The step from solid to empty, over more than one voxel, so that it says where outside is.
    slopes = np.stack(np.gradient(_smoothed(solid)), -1)[outer]  # [P, 3], per voxel
    spacing = torch.stack([x[1] - x[0], y[1] - y[0], z[1] - z[0]])
    normals = -torch.from_numpy(slopes).float() / spacing
    return Points(positions, surface_colours(field, positions, normals, poses))


def surface_mesh(field: Field, poses: Tensor, *, alpha: float = 0.1) -> Mesh:
    """The surface on which a step through the field takes a certain share of the light.

    Marching cubes (Lewiner et al. 2003) on raw densities, which is what the field interpolates:
    vertices stand where its interpolated alpha has that value. Closed cavities are filled.

    Args: those of :func:`surface_points`.

    Raises: as there.
    """
    from skimage.measure import marching_cubes

    solid = _solid(field, alpha)
    march = field.march
    # The raw density of that alpha; a share `alpha` is left out of exp(-softplus * interval).
    level = math.log(math.expm1(-math.log1p(-alpha) / march.interval)) - march.shift
    raw = field.density.volume()[..., 0].detach()
    # Differences beyond a few units would put vertices next to a lattice point, in steps.
    raw = raw.clamp(level - 4, level + 4)
    raw[torch.from_numpy(solid) & (raw <= level)] = level + 4
    raw[torch.from_numpy(~solid) & (raw > level)] = level - 4
    # A layer of emptiness around the grid closes the surface there.
    padded = torch.nn.functional.pad(raw, (1,) * 6, value=level - 4).numpy()
    vertices, faces, normals, _ = marching_cubes(padded, level, gradient_direction="ascent")
    low, high = field.box
    counts = torch.tensor(field.shape)
    spacing = (high - low) / (counts - 1)
    positions = low + (torch.from_numpy(vertices.copy()).float() - 1) * spacing
    positions = torch.minimum(torch.maximum(positions, low), high)
    outward = torch.from_numpy(normals.copy()).float() / spacing
    colours = surface_colours(field, positions, outward, poses)
    return Mesh(positions, colours, torch.from_numpy(faces.astype(np.int64)))


def _solid(field: Field, alpha: float) -> np.ndarray:
    """[X, Y, Z], bool: points over a threshold of alpha, with their cavities filled."""
    from scipy.ndimage import binary_fill_holes

    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, got {alpha}")
    # What is masked out is never rendered, whatever it holds.
    solid = (field.alpha() > alpha) & field.occupancy.on_grid(field.density)
    if not bool(solid.any()):
        raise InputError(
            f"nothing in the field has an alpha over {alpha:g}: lower the threshold, or train more"
        )
    return binary_fill_holes(solid.numpy())


def _smoothed(solid: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(solid.astype(np.float32), 1.5)


@torch.no_grad()
def surface_colours(field: Field, positions: Tensor, normals: Tensor, poses: Tensor) -> Tensor:
    """Colours of points as the cameras see them that look at the surface most squarely.

    The network knows no other directions than those it was trained on, so colours are asked for
    along lines of sight of real cameras and averaged. Whether anything stands between is not
    looked at.

    Args:
        field: on the CPU.
        positions: [P, 3], in its box.
        normals: [P, 3], outward, of any length.
        poses: [N, 3, 4], the cameras.

    Returns:
        [P, 3], float32 in 0..1.
    """
    colours = torch.zeros_like(positions)
    count = min(_CAMERAS, len(poses))
    for first in range(0, len(positions), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        points = positions[chunk]
        values = dense_interpolate(field.colour, points)
        rays = points[:, None] - poses[:, :, 3]  # [K, N, 3]
        rays = torch.nn.functional.normalize(rays, dim=-1)
        facing = -(rays * normals[chunk, None]).sum(-1)  # [K, N]
        best = facing.topk(count, dim=1).indices  # [K, count]
        numbers = torch.arange(len(points), dtype=torch.int32)
        for column in best.unbind(1):
            directions = rays[numbers.long(), column]
            colours[chunk] += field.colours(values, directions, numbers, points) / count
    return colours
