"""NSVF: intrinsics.txt, pose/, rgb/, bbox.txt, with the split as the first letter of a name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from curvox.errors import InputError
from curvox.fields.cameras import Intrinsics
from curvox.fields.datasets.assemble import (
    Frame,
    assemble,
    check_one_size,
    checked_pose,
    distances_of_box,
    distances_of_cameras,
)
from curvox.fields.datasets.photographs import photograph_size
from curvox.fields.scene import Scene

__all__ = ["load_nsvf"]

_PREFIXES = {"train": "0_", "val": "1_", "test": "2_"}
_SUFFIXES = (".png", ".jpg", ".jpeg")


def load_nsvf(folder: str | Path, split: str = "train") -> Scene:
    """Read a folder of NSVF's layout (Synthetic-NSVF, its Tanks and Temples, BlendedMVS).

    ``rgb/0_*`` are for training, ``1_*`` for validation, ``2_*`` for tests (``1_*`` where there is
    no ``2_*``); ``pose/`` holds a 4×4 camera-to-world matrix of OpenCV's axes for each, as text.
    ``intrinsics.txt`` is a 3×3 or 4×4 matrix, or begins with a line of focal length, cx and cy.
    ``bbox.txt`` begins with the lowest and the highest corner; near and far follow from it, or, if
    it is missing, from the cameras as in :func:`load_nerfstudio`.

    Args:
        folder: the folder.
        split: ``"train"``, ``"val"`` or ``"test"``.

    Raises:
        InputError: a file is missing or cannot be used. The message names it.
    """
    folder = Path(folder)
    fx, fy, cx, cy = _pinhole(folder / "intrinsics.txt")
    files = sorted(f for f in (folder / "rgb").glob("*") if f.suffix.lower() in _SUFFIXES)
    if not files:
        raise InputError(f"There are no photographs in {folder / 'rgb'}")
    poses = {file: _pose(folder / "pose" / f"{file.stem}.txt") for file in files}
    prefix = _PREFIXES[split]
    if split == "test" and not any(file.name.startswith(prefix) for file in files):
        prefix = _PREFIXES["val"]
    frames = [
        Frame(file, poses[file], Intrinsics(fx, fy, cx, cy, *photograph_size(file)))
        for file in files
        if file.name.startswith(prefix)
    ]
    check_one_size(frames)
    every_pose = list(poses.values())
    box_file = folder / "bbox.txt"
    if not box_file.is_file():
        distances = distances_of_cameras(every_pose, str(folder / "pose"))
        return assemble(split, frames, distances, str(folder))
    box = _box(box_file)
    return assemble(split, frames, distances_of_box(every_pose, box), str(folder), box)


def _numbers(file: Path) -> list[list[float]]:
    """The numbers of a text file, line by line, without empty lines."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        rows = [[float(word) for word in line.split()] for line in lines if line.strip()]
    except FileNotFoundError:
        raise InputError(f"There is no file {file}") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError:
        raise InputError(f"{file} must hold nothing but numbers") from None
    if not rows:
        raise InputError(f"{file} is empty")
    return rows


def _pose(file: Path) -> np.ndarray:
    rows = _numbers(file)
    if len({len(row) for row in rows}) != 1:
        raise InputError(f"{file} must hold a 4×4 matrix")
    return checked_pose(rows, f"The matrix in {file}")


def _pinhole(file: Path) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy in pixels."""
    rows = _numbers(file)
    if [len(row) for row in rows] == [16]:
        rows = np.reshape(rows[0], (4, 4)).tolist()
    shape = [len(row) for row in rows]
    if shape in ([3] * 3, [4] * 4):
        values = (rows[0][0], rows[1][1], rows[0][2], rows[1][2])
    elif shape[0] in (3, 4):
        focal, cx, cy = rows[0][:3]
        values = (focal, focal, cx, cy)
    else:
        raise InputError(f"{file} must hold a 3×3 or 4×4 matrix, or a line of focal, cx and cy")
    if not np.isfinite(values).all() or min(values[:2]) <= 0:
        raise InputError(f"{file}: focal lengths must be positive and all values finite")
    return values


def _box(file: Path) -> np.ndarray:
    """[2, 3], lowest corner first."""
    values = [value for row in _numbers(file) for value in row]
    box = np.array(values[:6])
    if len(box) < 6 or not np.isfinite(box).all() or not (box[:3] < box[3:]).all():
        raise InputError(f"{file} must begin with the lowest and the highest corner of a box")
    return box.reshape(2, 3)
