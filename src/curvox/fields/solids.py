"""Solids that a ray meets exactly, and textures for them: what the synthetic scene is built of.

Shapes are given in coordinates of their own, around the origin, and are looked at from outside.
`hit` takes origins and directions of length one, [3, M] each, and returns distances, [M], infinite
where the ray misses. `normals` takes points on the surface, [3, M], and returns unit vectors.
Coordinates come first because sums over a last dimension of three are many times slower.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Box", "Capsule", "Plate", "Shape", "Solid", "Sphere", "Torus", "length", "turned"]

_TINY = 1e-20

Texture = Callable[[Tensor], Tensor]  # points [3, M], in the shape's coordinates -> linear RGB


class Shape(Protocol):
    """A closed surface."""

    def hit(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Distances to the first point of the surface, [M]."""

    def normals(self, points: Tensor) -> Tensor:
        """Outward normals, [3, M]."""


def _roots(half_b: Tensor, c: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """The roots of a t² + 2 half_b t + c, the lesser one first; infinity, then minus infinity,
    where there are none.
    """
    square = half_b * half_b - a * c
    # torch's square root takes 90 times as long for what is negative or zero.
    root = torch.where(square > 0, square.clamp_min(_TINY).sqrt(), -math.inf)
    return (-half_b - root) / a, (root - half_b) / a


def length(vectors: Tensor) -> Tensor:
    """[M], of [2 or 3, M]; torch's own norm is slow along a first dimension."""
    return (vectors * vectors).sum(0).sqrt()


def _where_met(distances: Tensor, met: Tensor) -> Tensor:
    """Distances where `met` holds and they lie in front of the ray, else infinity."""
    return torch.where(met & (distances > 0), distances, math.inf)


@dataclass(frozen=True)
class Sphere:
    """A ball."""

    radius: float

    def hit(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See :class:`Shape`."""
        along = (origins * directions).sum(0)
        square = along * along - (origins * origins).sum(0) + self.radius**2
        first = -along - square.clamp_min(_TINY).sqrt()
        return _where_met(first, square > 0)

    def normals(self, points: Tensor) -> Tensor:
        """See :class:`Shape`."""
        return points / self.radius


@dataclass(frozen=True)
class Box:
    """A cube with its faces across the axes."""

    half: float

    def hit(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See :class:`Shape`."""
        low, high = (-self.half - origins) / directions, (self.half - origins) / directions
        enters = torch.minimum(low, high).amax(0)
        leaves = torch.maximum(low, high).amin(0)
        return _where_met(enters, enters <= leaves)

    def normals(self, points: Tensor) -> Tensor:
        """See :class:`Shape`."""
        axis = points.abs().argmax(0, keepdim=True)
        return torch.zeros_like(points).scatter_(0, axis, points.gather(0, axis).sign())


@dataclass(frozen=True)
class Plate:
    """A short upright cylinder."""

    radius: float
    half_height: float

    def hit(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See :class:`Shape`."""
        enters, leaves = self.span(origins, directions)
        return _where_met(enters, enters <= leaves)

    def span(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Where rays enter and leave, [M] each; they miss where not `enters <= leaves`."""
        o, d = origins, directions
        a = (d[:2] * d[:2]).sum(0).clamp_min(1e-12)
        c = (o[:2] * o[:2]).sum(0) - self.radius**2
        first, last = _roots((o[:2] * d[:2]).sum(0), c, a)
        low, high = (-self.half_height - o[2]) / d[2], (self.half_height - o[2]) / d[2]
        enters = torch.maximum(first, torch.minimum(low, high))
        return enters, torch.minimum(last, torch.maximum(low, high))

    def normals(self, points: Tensor) -> Tensor:
        """See :class:`Shape`."""
        on_face = self.half_height - points[2].abs() < self.radius - length(points[:2])
        level = torch.zeros_like(points[2])
        up = torch.stack([level, level, points[2].sign()])
        outward = torch.stack([points[0], points[1], level]) / self.radius
        return torch.where(on_face, up, outward)


@dataclass(frozen=True)
class Capsule:
    """An upright cylinder with half a ball on each end."""

    half_length: float  # of the cylinder
    radius: float

    def hit(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See :class:`Shape`."""
        o, d = origins, directions
        a = (d[:2] * d[:2]).sum(0).clamp_min(1e-12)
        c = (o[:2] * o[:2]).sum(0) - self.radius**2
        wall, _ = _roots((o[:2] * d[:2]).sum(0), c, a)
        distances = _where_met(wall, (o[2] + wall * d[2]).abs() <= self.half_length)
        for end in (-self.half_length, self.half_length):
            centre = o.new_tensor([[0], [0], [end]])
            distances = torch.minimum(distances, Sphere(self.radius).hit(o - centre, d))
        return distances

    def normals(self, points: Tensor) -> Tensor:
        """See :class:`Shape`."""
        level = points[2] - points[2].clamp(-self.half_length, self.half_length)
        return torch.stack([points[0], points[1], level]) / self.radius


@dataclass(frozen=True)
class Torus:
    """A ring that lies flat."""

    major: float  # radius of the circle in the middle of the tube
    minor: float  # radius of the tube

    def hit(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See :class:`Shape`. Found by steps of the distance to the surface, to 1e-4."""
        bounds = Plate(self.major + self.minor, self.minor)
        first, last = bounds.span(origins, directions)
        distances = torch.full_like(first, math.inf)
        rays = ((first <= last) & (last > 0)).nonzero()[:, 0]
        t, end = first[rays].clamp_min(0), last[rays]
        o, d = origins[:, rays], directions[:, rays]
        for _ in range(8):
            for _ in range(8):  # sorting out the rays that are done costs more than a step
                gaps = self._gaps(o + t * d)
                t = t + gaps
            done, going = (gaps <= 1e-4) & (t < end), (gaps > 1e-4) & (t < end)
            distances[rays[done]] = t[done]
            if not going.any():
                break
            rays, o, d, t, end = rays[going], o[:, going], d[:, going], t[going], end[going]
        return distances

    def _gaps(self, points: Tensor) -> Tensor:  # [M], distances to the surface
        tube = length(points[:2]) - self.major
        return (tube * tube + points[2] * points[2]).sqrt() - self.minor

    def normals(self, points: Tensor) -> Tensor:
        """See :class:`Shape`."""
        across = 1 - self.major / length(points[:2])
        return torch.stack([points[0] * across, points[1] * across, points[2]]) / self.minor


@dataclass(frozen=True)
class Solid:
    """A shape at its place, with what it looks like.

    Args:
        shape: in coordinates of its own.
        texture: its colour, linear RGB in 0..1, [3, M] of points [3, M] of the shape's coordinates.
        centre: where the shape's origin stands in the world.
        rotation: [3, 3], from the shape's axes to the world's.
        gloss: strength of the light's highlight.
        sharpness: exponent of the highlight.
        mirror: share of the surroundings that it reflects, 0..1.
    """

    shape: Shape
    texture: Texture
    centre: tuple[float, float, float]
    rotation: Tensor
    gloss: float
    sharpness: float
    mirror: float = 0.0

    def hit(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Distances of rays of the world, [M], infinite where they miss."""
        return self.shape.hit(self._inside(origins), self.rotation.T @ directions)

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Normals, in the world, and colours of points of the surface, [3, M] each."""
        inside = self._inside(points)
        return self.rotation @ self.shape.normals(inside), self.texture(inside)

    def _inside(self, points: Tensor) -> Tensor:
        return self.rotation.T @ (points - points.new_tensor(self.centre)[:, None])


def turned(*, about_z: float = 0.0, tilt: float = 0.0) -> Tensor:
    """[3, 3]: a turn about x by `tilt` degrees, then one about z by `about_z` degrees."""
    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    leaning = torch.tensor([[1, 0, 0], [0, c, -s], [0, s, c]])
    c, s = math.cos(math.radians(about_z)), math.sin(math.radians(about_z))
    return torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ leaning
