"""Paths for a camera to fly, and what a capture tells about itself: its focus and its vertical.

Poses are camera to world, [N, 3, 4], OpenCV's axes, as in :mod:`curvox.fields.cameras`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from curvox.fields.cameras import look_at

__all__ = ["focus_point", "mean_up", "orbit", "spiral", "turntable"]


def spiral(
    centre: Sequence[float] | Tensor,
    radius: float,
    *,
    elevations: tuple[float, float],
    turns: float = 1.0,
    frames: int = 60,
    up: Sequence[float] | Tensor = (0.0, 0.0, 1.0),
) -> Tensor:
    """Cameras on a sphere around a point, all looking at it, that climb while they turn.

    Args:
        centre: the point, three coordinates.
        radius: distance of the cameras from it, positive.
        elevations: of the first and of the last camera over the horizon, in degrees in -90..90.
        turns: how often the path goes round; the last frame stands one step before its end, so
            that a whole number of level turns loops without a jump.
        frames: number of cameras, at least 1.
        up: the axis that they turn about, any length but zero.

    Returns:
        [frames, 3, 4], float32, camera to world, OpenCV.

    Raises:
        ValueError: a value out of its range.
    """
    if not 0 < radius < math.inf:
        raise ValueError(f"radius must be positive and finite, got {radius}")
    if frames < 1:
        raise ValueError(f"a path needs at least one frame, got {frames}")
    if not all(-90 <= elevation <= 90 for elevation in elevations):
        raise ValueError(f"elevations must be in -90..90 degrees, got {elevations}")
    middle = torch.as_tensor(centre, dtype=torch.float64).cpu()
    axis = torch.as_tensor(up, dtype=torch.float64).cpu()
    if not axis.norm() > 0:
        raise ValueError("up must not be the zero vector")
    axis = axis / axis.norm()
    other = axis.new_zeros(3)
    other[axis.abs().argmin()] = 1
    east = torch.nn.functional.normalize(torch.linalg.cross(other, axis), dim=0)
    north = torch.linalg.cross(axis, east)

    azimuth = (torch.arange(frames, dtype=torch.float64) / frames * turns * 2 * math.pi)[:, None]
    first, last = map(math.radians, elevations)
    elevation = torch.linspace(first, last, frames, dtype=torch.float64)[:, None]
    level = east * azimuth.cos() + north * azimuth.sin()
    positions = middle + radius * (level * elevation.cos() + axis * elevation.sin())
    return look_at(positions, middle, axis).float()


def orbit(
    centre: Sequence[float] | Tensor,
    radius: float,
    *,
    elevation: float = 30.0,
    frames: int = 60,
    up: Sequence[float] | Tensor = (0.0, 0.0, 1.0),
) -> Tensor:
    """One level turn around a point that loops: :func:`spiral` at one elevation, in degrees."""
    elevations = (elevation, elevation)
    return spiral(centre, radius, elevations=elevations, frames=frames, up=up)


def focus_point(poses: Tensor) -> Tensor:
    """The point nearest to the optical axes of all cameras, [3], in the sense of least squares.

    Where the axes are parallel there are many; it is the one nearest to the cameras.

    Args:
        poses: [N, 3, 4], camera to world, OpenCV.
    """
    forward, centres = poses[:, :3, 2].double(), poses[:, :3, 3].double()
    across = torch.eye(3).double().to(poses.device) - forward[:, :, None] * forward[:, None, :]
    middle = centres.mean(0)
    offsets = (across @ (centres - middle)[:, :, None]).sum(0)
    return (middle + (torch.linalg.pinv(across.sum(0), rtol=1e-9) @ offsets)[:, 0]).to(poses.dtype)


def mean_up(poses: Tensor) -> Tensor:
    """The vertical of a capture, [3], of length one: what all cameras' x axes are level with.

    Photographs are rarely rolled, so this is better than the mean of the cameras' own ups, which
    leans wherever more cameras look from one side.

    Args:
        poses: [N, 3, 4], camera to world, OpenCV.
    """
    right, up = poses[:, :3, 0].double(), -poses[:, :3, 1].double().mean(0)
    if not up.norm() > 1e-6:
        raise ValueError("the cameras' ups cancel out: there is no common vertical")
    up = up / up.norm()
    # The small term decides where x axes leave a choice, as with cameras that look the same way.
    leaning = torch.eye(3).double().to(poses.device) - up[:, None] * up
    quadratic = right.T @ right / len(poses) + 1e-6 * leaning
    vertical = torch.linalg.eigh(quadratic).eigenvectors[:, 0]
    return (vertical * torch.sign(vertical @ up)).to(poses.dtype)


def turntable(poses: Tensor, *, frames: int = 60) -> Tensor:
    """The orbit that suits a capture: its focus, its vertical, its mean distance and elevation.

    Args:
        poses: [N, 3, 4], camera to world, OpenCV, of cameras around something.
        frames: number of cameras on the path.

    Returns:
        [frames, 3, 4], float32, on the CPU.

    Raises:
        ValueError: the cameras have no common vertical, or all stand in one point.
    """
    centre, up = focus_point(poses), mean_up(poses)
    offsets = poses[:, :3, 3] - centre
    distances = offsets.norm(dim=1)
    sines = offsets @ up / distances.clamp_min(1e-12)
    elevation = math.degrees(float(sines.clamp(-1, 1).asin().mean()))
    return orbit(centre, float(distances.mean()), elevation=elevation, frames=frames, up=up)
