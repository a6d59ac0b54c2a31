"""A few solids on a round table, and what a ray sees of them: the world of the synthetic scene."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from curvox.fields.solids import Box, Capsule, Plate, Solid, Sphere, Torus, length, turned

__all__ = ["trace"]

_FLOOR = -0.35  # height of the table that the solids stand on
_RADIUS, _THICKNESS = 1.15, 0.12  # of the table
_TOP = 1.0  # of the solids over the table
_MARGIN = 1e-3  # against rounding
_LIGHT = (0.45, -0.55, 0.70)  # towards it; normalized where it is used


def _colour(red: float, green: float, blue: float) -> Tensor:
    """[3, 1], linear RGB."""
    return torch.tensor([[red], [green], [blue]])


_SKY, _EARTH = _colour(0.50, 0.56, 0.66), _colour(0.24, 0.20, 0.17)  # light from above and below


def _mix(share: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Colours between two, [3, M]: `second` where the share, [M], is 1."""
    return first + (second - first) * share


def _turn(points: Tensor) -> Tensor:
    """The angle around the z axis, [M], in -0.5..0.5 turns."""
    return torch.atan2(points[1], points[0]) / (2 * math.pi)


def _checks(points: Tensor) -> Tensor:
    """The table: squares, and a plain rim."""
    odd = (points[:2] / 0.25).floor().sum(0) % 2
    squares = _mix(odd, _colour(0.62, 0.58, 0.50), _colour(0.10, 0.14, 0.22))
    return torch.where(length(points[:2]) > 1.05, _colour(0.36, 0.20, 0.10), squares)


def _gores(points: Tensor) -> Tensor:
    """A beach ball: red, white, blue and white gores twice around, and orange caps."""
    white = (0.90, 0.86, 0.78)
    palette = torch.tensor([(0.80, 0.05, 0.04), white, (0.02, 0.16, 0.60), white]).T
    gores = palette[:, (_turn(points) * 8).floor().long() % 4]
    cap = points[2].abs() > 0.92 * length(points)
    return torch.where(cap, _colour(0.95, 0.62, 0.05), gores)


def _tiles(points: Tensor) -> Tensor:
    """A cube of half a side 0.3 with three tiles along each side and light joints between them."""
    face = points.abs().argmax(0, keepdim=True)
    place = (points / 0.2 + 0.5).scatter(0, face, 0.5)  # joints at whole numbers
    joint = ((place - place.round()).abs() < 0.05).any(0)
    shade = (place.floor() * torch.tensor([[1], [3], [5]])).sum(0) % 4 / 3
    tiles = _mix(shade, _colour(0.01, 0.22, 0.20), _colour(0.06, 0.50, 0.40))
    return torch.where(joint, _colour(0.80, 0.80, 0.74), tiles)


def _candy(points: Tensor) -> Tensor:
    """A stripe that winds upwards."""
    stripe = (2 * _turn(points) + points[2] / 0.16) % 2 < 1
    return torch.where(stripe, _colour(0.9, 0.8, 0.9), _colour(0.30, 0.03, 0.34))


def _rings(points: Tensor) -> Tensor:
    """Gold with darker bands around the tube."""
    band = _turn(points) * 12 % 1 < 0.3
    return torch.where(band, _colour(0.25, 0.08, 0.01), _colour(0.85, 0.42, 0.02))


def _steel(points: Tensor) -> Tensor:
    return _colour(0.30, 0.31, 0.33).expand_as(points)


def _solids() -> list[Solid]:
    ground = Plate(_RADIUS, 0.5 * _THICKNESS)
    return [
        Solid(
            ground, _checks, (0, 0, _FLOOR - 0.5 * _THICKNESS), turned(), gloss=0.08, sharpness=20
        ),
        Solid(
            Sphere(0.45),
            _gores,
            (-0.42, 0.42, _FLOOR + 0.45),
            turned(about_z=20, tilt=35),
            gloss=0.6,
            sharpness=60,
        ),
        Solid(
            Box(0.3),
            _tiles,
            (0.52, 0.40, _FLOOR + 0.3),
            turned(about_z=27),
            gloss=0.15,
            sharpness=25,
        ),
        Solid(
            Sphere(0.2),
            _steel,
            (0.52, 0.40, _FLOOR + 0.8),
            turned(),
            gloss=1.0,
            sharpness=120,
            mirror=0.6,
        ),
        Solid(
            Torus(0.30, 0.12),
            _rings,
            (0.36, -0.52, _FLOOR + 0.12),
            turned(about_z=10),
            gloss=0.7,
            sharpness=40,
        ),
        Solid(
            Capsule(0.28, 0.16),
            _candy,
            (-0.52, -0.48, _FLOOR + 0.44),
            turned(),
            gloss=0.5,
            sharpness=50,
        ),
    ]


def trace(origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """What rays see of the scene.

    Args:
        origins, directions: [M, 3], float32, origins outside the scene, directions of length one.

    Returns:
        colours, [M, 3], linear RGB, 0..1 (black where nothing is met), and distances, [M], infinite
        where nothing is met.
    """
    bounds = Plate(_RADIUS + _MARGIN, 0.5 * (_TOP + _THICKNESS) + _MARGIN)
    middle = origins.new_tensor([0, 0, _FLOOR + 0.5 * (_TOP - _THICKNESS)])
    possible = (bounds.hit((origins - middle).T, directions.T) < math.inf).nonzero()[:, 0]
    o, d = origins[possible].T.contiguous(), directions[possible].T.contiguous()  # [3, K]
    solids = _solids()
    near, nearest = torch.stack([solid.hit(o, d) for solid in solids]).min(0)
    met = (near < math.inf).nonzero()[:, 0]
    possible, near, nearest, d = possible[met], near[met], nearest[met], d[:, met]
    seen = _shaded(o[:, met] + near * d, d, nearest, solids)
    colours = torch.zeros_like(origins).index_copy(0, possible, seen.T)
    distances = torch.full_like(origins[:, 0], math.inf).index_copy(0, possible, near)
    return colours, distances


def _shaded(points: Tensor, directions: Tensor, index: Tensor, solids: list[Solid]) -> Tensor:
    """Linear RGB of points, [3, M], of the solids with the given indices, [M]: a sky, a light that
    casts shadows, its highlights, and what shines is a little of a mirror.
    """
    normals, colours = torch.empty_like(points), torch.empty_like(points)
    for number, solid in enumerate(solids):
        own = (index == number).nonzero()[:, 0]
        normals[:, own], colours[:, own] = solid.look(points[:, own])
    materials = [(solid.gloss, solid.sharpness, solid.mirror) for solid in solids]
    gloss, sharpness, mirror = torch.tensor(materials).T[:, index]

    light = torch.nn.functional.normalize(_colour(*_LIGHT), dim=0)
    lit = (normals * light).sum(0).clamp_min(0)
    facing = lit.nonzero()[:, 0]
    start = points[:, facing] + _MARGIN * normals[:, facing]  # no surface stands in its own light
    hidden = torch.zeros_like(facing, dtype=torch.bool)
    for solid in solids:
        hidden |= solid.hit(start, light.expand_as(start)) < math.inf
    lit[facing[hidden]] = 0

    halfway = light - directions
    cosines = (halfway * normals).sum(0).clamp_min(0) / length(halfway)
    highlight = cosines**sharpness * (lit > 0)
    ambient = _mix(0.5 + 0.5 * normals[2], _EARTH, _SKY)
    shaded = colours * (ambient + 0.85 * lit) + gloss * highlight
    mirrored = directions[2] - 2 * (directions * normals).sum(0) * normals[2]  # its height
    surroundings = _mix((0.5 + 2 * mirrored).clamp(0, 1), _EARTH, _colour(0.75, 0.85, 1.0))
    return (shaded + mirror * surroundings).clamp(0, 1)
