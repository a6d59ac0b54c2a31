"""NeRF-synthetic: a JSON file a split, one field of view for all, RGBA renderings by Blender."""

from __future__ import annotations

import math
from pathlib import Path

from curvox.errors import InputError
from curvox.fields.cameras import Intrinsics
from curvox.fields.datasets.assemble import (
    Frame,
    MissingSplit,
    assemble,
    check_one_size,
)
from curvox.fields.datasets.photographs import photograph_size
from curvox.fields.datasets.transforms import (
    listed_file,
    listed_frames,
    listed_pose,
    number,
    read_transforms,
)
from curvox.fields.scene import Scene

__all__ = ["load_nerf_synthetic"]

_NEAR, _FAR = 2.0, 6.0  # the cameras of all its scenes are 4 away from a scene of radius 1.5


def load_nerf_synthetic(folder: str | Path, split: str = "train") -> Scene:
    """Read a folder with ``transforms_train.json``, ``transforms_test.json`` and the like.

    Each of them holds ``camera_angle_x`` (the horizontal field of view in radians) and ``frames``
    of ``file_path`` and ``transform_matrix`` (camera to world, OpenGL's axes). Scenes of other
    sizes than the original ones may give ``near`` and ``far``, which are 2 and 6 otherwise.

    Args:
        folder: the folder.
        split: ``"train"``, ``"val"`` or ``"test"``.

    Raises:
        MissingSplit: there is no file of this split.
        InputError: a file is missing or cannot be used. The message names it.
    """
    file = Path(folder) / f"transforms_{split}.json"
    if not file.exists():
        raise MissingSplit(f"There is no file {file}")
    content = read_transforms(file)
    angle = number(content, "camera_angle_x", str(file))
    if angle is None:
        raise InputError(f"{file} lacks 'camera_angle_x'")
    if not 0 < angle < math.pi:
        raise InputError(f"{file}: 'camera_angle_x' must lie between 0 and pi, but is {angle:g}")
    frames = []
    for entry in listed_frames(content, file):
        photograph = listed_file(entry, file)
        intrinsics = Intrinsics.from_angle(angle, *photograph_size(photograph))
        frames.append(Frame(photograph, listed_pose(entry, file), intrinsics))
    check_one_size(frames)
    near, far = number(content, "near", str(file)), number(content, "far", str(file))
    distances = (_NEAR if near is None else near, _FAR if far is None else far)
    return assemble(split, frames, distances, str(file))
