"""nerfstudio: one ``transforms.json`` with intrinsics for all frames or for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from curvox.errors import InputError
from curvox.fields.cameras import Intrinsics
from curvox.fields.datasets.assemble import Frame, assemble, distances_of_cameras, every_eighth
from curvox.fields.datasets.photographs import photograph_size
from curvox.fields.datasets.transforms import (
    listed_file,
    listed_frames,
    listed_pose,
    number,
    read_transforms,
)
from curvox.fields.scene import Scene

__all__ = ["load_nerfstudio"]

_DISTORTIONS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
_PINHOLES = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE")  # OPENCV's distortion is looked at apart


def load_nerfstudio(folder: str | Path, split: str = "train") -> Scene:
    """Read a folder with ``transforms.json``, as ``ns-process-data`` and instant-ngp write it.

    ``fl_x``, ``fl_y``, ``cx``, ``cy``, ``w`` and ``h`` stand in a frame or, for all frames, at the
    top. What is missing is: ``fl_x`` by ``camera_angle_x``, ``fl_y`` by ``fl_x``, the centre of
    the image, the size of the photograph. Poses are camera to world with OpenGL's axes and stay in
    the file's world: ``applied_transform``, which tells how that came from another one, changes
    nothing. Depth maps are not read.

    The split is what ``train_filenames``, ``val_filenames`` and ``test_filenames`` say (one of the
    last two stands in for the other); without them every 8th of the photographs, sorted by name, is
    for tests and the rest for training. ``near`` and ``far`` at the top are distances from the
    cameras; without them, far is the greatest distance between two cameras and near a twentieth
    of it, which suits cameras around something.

    Args:
        folder: the folder.
        split: ``"train"``, ``"val"`` or ``"test"``.

    Raises:
        InputError: a file is missing or cannot be used, lenses are distorted, photographs are
            masked, or their sizes are not those in the file. The message names what it was.
    """
    file = Path(folder) / "transforms.json"
    content = read_transforms(file)
    entries = sorted(listed_frames(content, file), key=lambda entry: str(entry.get("file_path")))
    poses = [listed_pose(entry, file) for entry in entries]
    frames = []
    for index in _split(content, entries, split, file):
        photograph = listed_file(entries[index], file)
        if entries[index].get("mask_path"):
            raise InputError(
                f"{photograph} has a mask, which curvox does not read: store it as the "
                "photograph's alpha channel and remove 'mask_path'"
            )
        intrinsics = _intrinsics({**content, **entries[index]}, photograph)
        frames.append(Frame(photograph, poses[index], intrinsics))
    near, far = number(content, "near", str(file)), number(content, "far", str(file))
    if near is None or far is None:
        guessed = distances_of_cameras(poses, str(file))
        near, far = (guessed[0] if near is None else near), (guessed[1] if far is None else far)
    return assemble(split, frames, (near, far), str(file))


def _split(
    content: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], split: str, file: Path
) -> list[int]:
    """The indices of the split's entries."""
    if not any(f"{name}_filenames" in content for name in ("train", "val", "test")):
        return every_eighth(len(entries), split)
    stand_in = {"train": "train", "val": "test", "test": "val"}[split]
    names = content.get(f"{split}_filenames") or content.get(f"{stand_in}_filenames") or []
    by_name = {PurePosixPath(str(e.get("file_path"))): i for i, e in enumerate(entries)}
    unknown = [name for name in names if PurePosixPath(str(name)) not in by_name]
    if unknown:
        raise InputError(f"{file}: '{split}_filenames' lists {unknown[0]}, which is no frame")
    return [by_name[PurePosixPath(str(name))] for name in names]


def _intrinsics(entry: Mapping[str, Any], photograph: Path) -> Intrinsics:
    """Of a frame, over which the file's own values were laid."""
    name = f"The entry of {photograph}"
    model = entry.get("camera_model", "OPENCV")
    if model not in _PINHOLES:
        raise InputError(
            f"{name} is of the camera model {model}: curvox reads undistorted pinhole cameras, so "
            "undistort the photographs first (colmap image_undistorter)"
        )
    distortions = [number(entry, field, name) for field in _DISTORTIONS]
    if any(distortions) or any(entry.get("distortion_params") or []):
        raise InputError(
            f"{name} has lens distortion (k1, k2, p1, p2 ...): undistort the photographs first "
            "(colmap image_undistorter) and leave the coefficients out"
        )
    width, height = photograph_size(photograph)
    for field, size in (("w", width), ("h", height)):
        listed = number(entry, field, name)
        if listed is not None and listed != size:
            raise InputError(
                f"{photograph} is {width}×{height}, but its entry says '{field}' is {listed:g}"
            )
    focal_x, angle = number(entry, "fl_x", name), number(entry, "camera_angle_x", name)
    if focal_x is None:
        if angle is None or not 0 < angle < math.pi:
            raise InputError(f"{name} lacks 'fl_x'")
        focal_x = 0.5 * width / math.tan(0.5 * angle)
    focal_y = number(entry, "fl_y", name)
    cx, cy = number(entry, "cx", name), number(entry, "cy", name)
    try:
        return Intrinsics(
            fx=focal_x,
            fy=focal_x if focal_y is None else focal_y,
            cx=width / 2 if cx is None else cx,
            cy=height / 2 if cy is None else cy,
            width=width,
            height=height,
        )
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
