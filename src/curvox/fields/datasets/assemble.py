"""What all loaders share: checked poses, splits, how far to look, and the finished scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from curvox.errors import InputError
from curvox.fields.cameras import Intrinsics
from curvox.fields.datasets.photographs import load_pixels
from curvox.fields.scene import Scene

__all__ = [
    "SPLITS",
    "Frame",
    "MissingSplit",
    "assemble",
    "check_one_size",
    "checked_pose",
    "distances_of_box",
    "distances_of_cameras",
    "every_eighth",
]

SPLITS = ("train", "val", "test")

_RIGID_TOLERANCE = 1e-3  # what rounding to four digits leaves of an axis's length
_NEAREST_SHARE = 0.01  # of far: cameras inside the box still start a little off their centres


class MissingSplit(InputError):
    """The capture is all right, but has no photographs of the split that was asked for."""


@dataclass(frozen=True)
class Frame:
    """A photograph that a data set lists."""

    file: Path
    pose: np.ndarray  # [3, 4], float64, camera to world, OpenCV
    intrinsics: Intrinsics


def checked_pose(values: Any, name: str) -> np.ndarray:
    """A camera-to-world matrix as [3, 4], float64, axes as in the file.

    Args:
        values: [4, 4] or [3, 4], as lists or an array.
        name: what the message calls it.

    Raises:
        InputError: another shape, NaN or infinite values, or no rigid motion.
    """
    try:
        pose = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is not a matrix of numbers") from None
    if pose.shape not in ((4, 4), (3, 4)):
        raise InputError(f"{name} must be 4×4 or 3×4, but is {'×'.join(map(str, pose.shape))}")
    if not np.isfinite(pose).all():
        raise InputError(f"{name} holds NaN or infinite values")
    if pose.shape == (4, 4) and np.abs(pose[3] - [0, 0, 0, 1]).max() > _RIGID_TOLERANCE:
        raise InputError(f"{name} is no camera-to-world matrix: its last row is not 0 0 0 1")
    axes = pose[:3, :3]
    if np.abs(axes.T @ axes - np.eye(3)).max() > _RIGID_TOLERANCE or np.linalg.det(axes) < 0:
        lengths = ", ".join(f"{length:.4g}" for length in np.linalg.norm(axes, axis=0))
        raise InputError(
            f"{name} is no rigid motion: its axes must be perpendicular, right-handed and of "
            f"length 1 (their lengths are {lengths})"
        )
    return pose[:3]


def every_eighth(count: int, split: str) -> list[int]:
    """The usual split of captures that name none: of the sorted photographs, every 8th is tested.

    Args:
        count: how many photographs there are.
        split: ``"val"`` and ``"test"`` are the same, 0, 8, 16 ...; ``"train"`` is the rest.
    """
    return [index for index in range(count) if (index % 8 == 0) == (split != "train")]


def distances_of_cameras(poses: Sequence[np.ndarray], name: str) -> tuple[float, float]:
    """Near and far where nothing else is known, for cameras around something.

    What they surround is not farther from one of them than the farthest other camera, and taken
    to be not nearer than a twentieth of that.

    Args:
        poses: [3, 4] each, of all splits, so that they agree.
        name: the file that the message names.

    Raises:
        InputError: all cameras stand in one point.
    """
    centres = torch.from_numpy(np.stack(poses)[:, :, 3])
    far = float(torch.cdist(centres, centres).max())
    if far <= 0:
        raise InputError(
            f"{name}: all cameras stand in one point, so how far to look cannot be told from them"
        )
    return far / 20, far


def distances_of_box(poses: Sequence[np.ndarray], box: np.ndarray) -> tuple[float, float]:
    """Near and far from the cameras' distances to the nearest and the farthest point of a box.

    Args:
        poses: [3, 4] each, of all splits.
        box: [2, 3], lowest corner first.
    """
    centres = np.stack(poses)[:, :, 3]
    outside = np.maximum(np.maximum(box[0] - centres, centres - box[1]), 0)  # [N, 3]
    farthest = np.maximum(np.abs(box[0] - centres), np.abs(centres - box[1]))
    far = float(np.linalg.norm(farthest, axis=1).max())
    return max(float(np.linalg.norm(outside, axis=1).min()), _NEAREST_SHARE * far), far


def check_one_size(frames: Sequence[Frame]) -> None:
    """Raise InputError if photographs that share one camera differ in size."""
    for frame in frames[1:]:
        first, other = frames[0].intrinsics, frame.intrinsics
        if (first.width, first.height) != (other.width, other.height):
            raise InputError(
                f"{frame.file} is {other.width}×{other.height}, but {frames[0].file} is "
                f"{first.width}×{first.height}: photographs of one camera must have one size"
            )


def assemble(
    split: str,
    frames: Sequence[Frame],
    distances: tuple[float, float],
    name: str,
    box: np.ndarray | None = None,
) -> Scene:
    """Decode the photographs and make the scene.

    Args:
        split: its name.
        frames: of this split.
        distances: near and far.
        name: the file or folder that messages name.
        box: [2, 3], lowest corner first, where the data set has one.

    Raises:
        MissingSplit: no photographs.
        InputError: a file that cannot be used, or near and far out of order.
    """
    if not frames:
        raise MissingSplit(f"{name} holds no photographs for the split '{split}'")
    near, far = distances
    if not 0 < near < far < float("inf"):
        raise InputError(f"{name}: 0 < near < far must hold, but they are {near:g} and {far:g}")
    files = tuple(frame.file for frame in frames)
    return Scene(
        split=split,
        files=files,
        values=load_pixels(files),
        poses=torch.from_numpy(np.stack([frame.pose for frame in frames])).float(),
        intrinsics=tuple(frame.intrinsics for frame in frames),
        near=near,
        far=far,
        box=None if box is None else torch.from_numpy(box).float(),
    )
