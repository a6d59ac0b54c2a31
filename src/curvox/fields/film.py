"""Films of a field: where the camera flies, and what it sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from curvox.errors import InputError
from curvox.fields.cameras import Intrinsics, opencv_from_opengl
from curvox.fields.datasets.assemble import checked_pose
from curvox.fields.datasets.transforms import listed_frames, number, read_transforms
from curvox.fields.depth import colour_depth, depth_range
from curvox.fields.field import Field
from curvox.fields.paths import turntable
from curvox.fields.view import render_view

__all__ = ["Flight", "flight_around", "flight_from_file", "shoot"]


@dataclass(frozen=True)
class Flight:
    """A camera for each frame of a film."""

    poses: Tensor
    """[N, 3, 4], float32, camera to world, OpenCV, on the CPU."""
    intrinsics: tuple[Intrinsics, ...]
    """Of each frame."""

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.intrinsics)

    def sampled(self, frames: int) -> Flight:
        """So many of the cameras, or all if there are fewer, evenly spread."""
        count = len(self)
        chosen = [index * count // frames for index in range(frames)] if frames < count else None
        if chosen is None:
            return self
        return Flight(self.poses[chosen], tuple(self.intrinsics[index] for index in chosen))

    def sized(self, width: int, height: int) -> Flight:
        """The same cameras with so many pixels."""
        return Flight(
            self.poses, tuple(camera.resized(width, height) for camera in self.intrinsics)
        )


def flight_around(poses: Tensor, intrinsics: Intrinsics, frames: int) -> Flight:
    """One level turn around what a capture looks at, as far away as its cameras were.

    Args:
        poses: [N, 3, 4], of the capture.
        intrinsics: of every frame.
        frames: how many, at least 1.

    Raises:
        InputError: the cameras do not stand around anything.
    """
    try:
        return Flight(turntable(poses, frames=frames), (intrinsics,) * frames)
    except ValueError as error:
        raise InputError(f"there is no orbit around this capture: {error}") from error


def flight_from_file(file: Path, intrinsics: Intrinsics) -> Flight:
    """Poses that somebody wrote down, in the layout of NeRF-synthetic's transforms files.

    A JSON object with ``frames``, a list of objects with ``transform_matrix``: camera to world,
    4×4 or 3×4, OpenGL's axes (x right, y up, z backward). The horizontal field of view in radians
    may stand in ``camera_angle_x``. All else is ignored.

    Args:
        file: the file.
        intrinsics: the size of the frames, and the camera where the file names no angle.

    Raises:
        InputError: it is missing or holds something else.
    """
    content = read_transforms(file)
    angle = number(content, "camera_angle_x", str(file))
    if angle is not None:
        if not 0 < angle < math.pi:
            raise InputError(f"{file}: 'camera_angle_x' must lie between 0 and pi, is {angle:g}")
        intrinsics = Intrinsics.from_angle(angle, intrinsics.width, intrinsics.height)
    poses = []
    for index, frame in enumerate(listed_frames(content, file)):
        name = f"The transform_matrix of frame {index} in {file}"
        if "transform_matrix" not in frame:
            raise InputError(f"{name} is missing")
        pose = torch.from_numpy(checked_pose(frame["transform_matrix"], name))
        poses.append(opencv_from_opengl(pose).float())
    return Flight(torch.stack(poses), (intrinsics,) * len(poses))


def shoot(
    field: Field, flight: Flight, background: Sequence[float], *, rung: str = "fused"
) -> Iterator[tuple[Tensor, Tensor]]:
    """Render a flight.

    Args:
        field: what is seen.
        flight: the cameras.
        background: RGB in 0..1.
        rung: how to render.

    Yields:
        For each frame its colours and its depth as a picture, [H, W, 3] each, on the CPU.
    """
    device = field.box.device
    behind = torch.tensor(background, dtype=torch.float32, device=device)
    near, far = depth_range(field, flight.poses)
    for pose, camera in zip(flight.poses, flight.intrinsics, strict=True):
        view = render_view(field, pose.to(device), camera, behind, rung=rung)
        yield view.colour.cpu(), colour_depth(view, near, far)
