"""What the JSON files of NeRF-synthetic and nerfstudio have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from curvox.errors import InputError
from curvox.fields.cameras import opencv_from_opengl
from curvox.fields.datasets.assemble import checked_pose

__all__ = ["listed_file", "listed_frames", "listed_pose", "number", "read_transforms"]


def read_transforms(file: Path) -> dict[str, Any]:
    """The object that the file holds.

    Raises:
        InputError: the file is missing, cannot be read, or is not a JSON object.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file {file}") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:  # of JSON, or of UTF-8
        raise InputError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} must hold a JSON object")
    return content


def listed_frames(content: Mapping[str, Any], file: Path) -> list[Mapping[str, Any]]:
    """The entries of "frames", at least one.

    Raises:
        InputError: the field is missing or empty, or holds something else than objects.
    """
    frames = content.get("frames")
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise InputError(f"{file} lacks 'frames', a list of objects")
    if not frames:
        raise InputError(f"{file} lists no frames")
    return frames


def number(content: Mapping[str, Any], field: str, name: str) -> float | None:
    """A finite number, or None where the field is missing.

    Raises:
        InputError: the field holds something else; `name` says where.
    """
    value = content.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name}: '{field}' must be a finite number, but is {value!r}")
    return float(value)


def listed_file(frame: Mapping[str, Any], file: Path) -> Path:
    """The photograph of a frame; ".png" may be left out, as NeRF-synthetic does.

    Raises:
        InputError: the frame names no file, or the file is missing.
    """
    name = frame.get("file_path")
    if not isinstance(name, str) or not name:
        raise InputError(f"A frame of {file} lacks 'file_path'")
    photograph = file.parent / name
    if photograph.is_file():
        return photograph
    with_suffix = (
        photograph if photograph.suffix else photograph.with_name(f"{photograph.name}.png")
    )
    if not with_suffix.is_file():
        raise InputError(f"There is no file {with_suffix}, which {file.name} lists")
    return with_suffix


def listed_pose(frame: Mapping[str, Any], file: Path) -> np.ndarray:
    """The pose of a frame, [3, 4], float64, with the axes turned from OpenGL's to OpenCV's.

    Raises:
        InputError: it is missing, not finite or not rigid. The message names the photograph.
    """
    name = f"The transform_matrix of {frame.get('file_path')} in {file}"
    if "transform_matrix" not in frame:
        raise InputError(f"{name} is missing")
    pose = checked_pose(frame["transform_matrix"], name)
    return opencv_from_opengl(torch.from_numpy(pose)).numpy()
