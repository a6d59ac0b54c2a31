"""Pinhole cameras: intrinsics, poses, rays through pixels.

Cameras are OpenCV's: x to the right, y down, z forward. A pose is camera to world, [3, 4]: its
columns are the camera's x, y and z axes and its centre, in world coordinates. Pixel (row i,
column j) has its centre at x = j + 0.5, y = i + 0.5, and `cx`, `cy` count in the same way: the
centre of an image lies at (width / 2, height / 2).

Directions of rays have length one, so that a distance along a ray (`near`, `far`, a step) is a
distance in the world, from the camera's centre, and not a depth along its z axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "Intrinsics",
    "look_at",
    "opencv_from_opengl",
    "project",
    "rays",
    "through_pixels",
]


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera without distortion. Everything in pixels.

    Args:
        fx, fy: focal lengths, positive.
        cx, cy: where the optical axis meets the image.
        width, height: the image, at least 1.

    Raises:
        ValueError: a value out of its range or not finite.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(map(math.isfinite, values)):
            raise ValueError(f"fx, fy, cx and cy must be finite, got {values}")
        if self.fx <= 0 or self.fy <= 0:
            raise ValueError(f"focal lengths must be positive, got {self.fx:g} and {self.fy:g}")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"an image has at least 1×1 pixels, got {self.width}×{self.height}")

    @classmethod
    def from_angle(cls, angle: float, width: int, height: int) -> Intrinsics:
        """Square pixels, the axis in the middle, and the horizontal field of view in radians."""
        if not 0 < angle < math.pi:
            raise ValueError(f"a field of view lies between 0 and pi radians, got {angle:g}")
        focal = 0.5 * width / math.tan(0.5 * angle)
        return cls(focal, focal, width / 2, height / 2, width, height)

    def resized(self, width: int, height: int) -> Intrinsics:
        """The same camera with another number of pixels."""
        x, y = width / self.width, height / self.height
        return Intrinsics(self.fx * x, self.fy * y, self.cx * x, self.cy * y, width, height)


def opencv_from_opengl(poses: Tensor) -> Tensor:
    """Turn poses of OpenGL's and Blender's cameras (y up, z backward) into OpenCV's.

    The world stays as it is; the camera's second and third axis change sign.

    Args:
        poses: [..., 3 or 4, 4], camera to world.

    Returns:
        The same shape. The function is its own inverse.
    """
    return poses * poses.new_tensor([1, -1, -1, 1])


def through_pixels(x: Tensor, y: Tensor, poses: Tensor, intrinsics: Tensor) -> Tensor:
    """Directions of the rays through points of images.

    Args:
        x, y: [...], in pixels; pixel centres are at +0.5.
        poses: [..., 3, 4], of the camera of each point.
        intrinsics: [..., 4], its fx, fy, cx, cy.

    Returns:
        [..., 3], in the world, of length one.
    """
    fx, fy, cx, cy = intrinsics.unbind(-1)
    right, down, forward, _ = poses.unbind(-1)  # [..., 3]
    directions = ((x - cx) / fx)[..., None] * right + ((y - cy) / fy)[..., None] * down + forward
    return torch.nn.functional.normalize(directions, dim=-1)


def rays(pose: Tensor, intrinsics: Intrinsics) -> tuple[Tensor, Tensor]:
    """The rays through all pixel centres of one camera.

    Args:
        pose: [3, 4], camera to world, any floating dtype.
        intrinsics: the camera.

    Returns:
        origins, [height, width, 3] (the camera's centre, expanded), and directions of length one,
        [height, width, 3], of the dtype and on the device of `pose`.
    """
    i = intrinsics
    y, x = torch.meshgrid(
        torch.arange(i.height, dtype=pose.dtype, device=pose.device) + 0.5,
        torch.arange(i.width, dtype=pose.dtype, device=pose.device) + 0.5,
        indexing="ij",
    )
    directions = through_pixels(x, y, pose, pose.new_tensor([i.fx, i.fy, i.cx, i.cy]))
    return pose[:3, 3].expand_as(directions), directions


def project(points: Tensor, pose: Tensor, intrinsics: Intrinsics) -> tuple[Tensor, Tensor]:
    """Where points of the world stand in an image.

    Args:
        points: [..., 3].
        pose: [3, 4], camera to world.
        intrinsics: the camera.

    Returns:
        positions, [..., 2], x and y in pixels (of no meaning where the depth is not positive), and
        depths along the optical axis, [...].
    """
    in_camera = (points - pose[:3, 3]) @ pose[:3, :3]
    depths = in_camera[..., 2]
    focal = points.new_tensor([intrinsics.fx, intrinsics.fy])
    centre = points.new_tensor([intrinsics.cx, intrinsics.cy])
    return in_camera[..., :2] / depths[..., None] * focal + centre, depths


def look_at(positions: Tensor, target: Tensor, up: Tensor) -> Tensor:
    """Poses of cameras that look at a point and hold the horizon level.

    Args:
        positions: [..., 3], their centres.
        target: [3], the point, none of the centres.
        up: [3], of any length. A camera that looks along it turns to any side.

    Returns:
        [..., 3, 4], camera to world, OpenCV.
    """
    forward = torch.nn.functional.normalize(target - positions, dim=-1)
    right = torch.linalg.cross(forward, up.expand_as(forward))
    # Straight up or down there is no horizon: any axis but the vertical one will do.
    other = up.new_zeros(3)
    other[up.abs().argmin()] = 1
    sideways = torch.linalg.cross(up, other).expand_as(right)
    level = right.norm(dim=-1, keepdim=True) > 1e-6 * up.norm()
    right = torch.nn.functional.normalize(torch.where(level, right, sideways), dim=-1)
    down = torch.linalg.cross(forward, right)
    return torch.stack([right, down, forward, positions], -1)
