"""A scene made of a few solids, ray traced: posed pictures to train on when there are no others."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from curvox.errors import InputError
from curvox.fields.cameras import Intrinsics, look_at, opencv_from_opengl, rays, through_pixels
from curvox.fields.paths import spiral
from curvox.fields.table import trace
from curvox.files import make_folder, write_json

__all__ = ["render_view", "write_synthetic_scene"]

_ANGLE = 0.6911112070083618  # horizontal field of view, radians, as in NeRF-synthetic
_DISTANCE = 4.0  # of the cameras from the origin
_SAMPLES = 3  # along each side of a pixel on an edge
_ALIKE = 0.02  # neighbours that differ by more, in linear light or in alpha, are an edge
_CHUNK = 1 << 17  # rays traced at once


def render_view(pose: Tensor, intrinsics: Intrinsics) -> Tensor:
    """A picture of the scene: one ray a pixel, and 3×3 where neighbours differ.

    Args:
        pose: [3, 4], float32, camera to world, OpenCV, outside the scene.
        intrinsics: the camera.

    Returns:
        [height, width, 4], uint8: sRGB, and alpha (straight), the share of rays that met something.
    """
    height, width = intrinsics.height, intrinsics.width
    origins, directions = rays(pose, intrinsics)
    samples = _samples(origins.reshape(-1, 3), directions.reshape(-1, 3))  # [pixels, 4]
    planes = samples.T.view(1, 4, height, width)
    highest, lowest = (F.max_pool2d(sign * planes, 3, 1, padding=1) * sign for sign in (1, -1))
    edges = ((highest - lowest).amax(1) > _ALIKE).flatten().nonzero()  # [E, 1]

    centre = torch.arange(_SAMPLES**2)
    x = edges % width + (centre % _SAMPLES + 0.5) / _SAMPLES  # [E, 9]
    y = edges // width + (centre // _SAMPLES + 0.5) / _SAMPLES
    i = intrinsics
    directions = through_pixels(x, y, pose, torch.tensor([i.fx, i.fy, i.cx, i.cy])).view(-1, 3)
    finer = _samples(pose[:, 3].expand_as(directions), directions)
    samples[edges[:, 0]] = finer.view(-1, _SAMPLES**2, 4).mean(1)

    alpha = samples[:, 3:]
    linear = samples[:, :3] / alpha.clamp_min(1e-6)
    high = 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    encoded = torch.where(linear <= 0.0031308, 12.92 * linear, high)
    picture = torch.cat([encoded, alpha], 1).view(height, width, 4)
    return (picture * 255).round().to(torch.uint8)


def _samples(origins: Tensor, directions: Tensor) -> Tensor:
    """[M, 4]: what rays see, linear and black where nothing is, and 1 where something is."""
    traced = [
        trace(*chunk) for chunk in zip(origins.split(_CHUNK), directions.split(_CHUNK), strict=True)
    ]
    met = torch.cat([distances < math.inf for _, distances in traced])
    return torch.cat([torch.cat([colours for colours, _ in traced]), met[:, None]], 1)


def _views_around(count: int, first_turn: float) -> Tensor:
    """[count, 3, 4]: cameras spread evenly over the upper hemisphere, by the golden angle."""
    index = torch.arange(count, dtype=torch.float64)
    heights = 0.05 + 0.92 * (index + 0.5) / max(count, 1)
    turns = first_turn + index * (math.sqrt(5) - 1) * math.pi
    level = (1 - heights**2).sqrt()
    positions = torch.stack([level * turns.cos(), level * turns.sin(), heights], 1) * _DISTANCE
    up = positions.new_tensor([0.0, 0.0, 1.0])
    return look_at(positions, torch.zeros_like(up), up).float()


def write_synthetic_scene(
    folder: str | Path,
    *,
    train: int = 60,
    val: int = 4,
    test: int = 8,
    size: int = 200,
    on_view: Callable[[int, int], None] | None = None,
) -> Path:
    """Write pictures of the scene as a NeRF-synthetic folder, the same ones each time.

    The cameras look at the origin from 4 away: those for training and validation are spread over
    the upper hemisphere, those for tests climb on a spiral between them. The folder appears whole
    or not at all.

    Args:
        folder: it must not exist yet, or be empty. Its parents are made.
        train, val, test: views of each split, at least 1.
        size: width and height of the pictures in pixels, at least 1.
        on_view: called after each view with the number of views done and of all views.

    Returns:
        The folder.

    Raises:
        InputError: the folder holds something already, or is a file.
        ValueError: a count or the size is less than 1.
    """
    folder = Path(folder)
    if min(train, val, test, size) < 1:
        raise ValueError(f"train, val, test and size must be at least 1: {train, val, test, size}")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists already: a scene is written to a folder of its own")
    splits = {
        "train": _views_around(train, 0.0),
        "val": _views_around(val, 1.0),
        "test": spiral((0, 0, 0), _DISTANCE, elevations=(12, 55), turns=2, frames=test),
    }
    total, done = train + val + test, 0
    intrinsics = Intrinsics.from_angle(_ANGLE, size, size)
    make_folder(folder.parent)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for split, poses in splits.items():
            pictures = make_folder(temporary / split)
            for index, pose in enumerate(poses):
                picture = Image.fromarray(render_view(pose, intrinsics).numpy())
                picture.save(pictures / f"r_{index}.png")
                done += 1
                if on_view is not None:
                    on_view(done, total)
            write_json(temporary / f"transforms_{split}.json", _transforms(split, poses))
        temporary.chmod(folder.parent.stat().st_mode & 0o777)  # mkdtemp makes private folders
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _transforms(split: str, poses: Tensor) -> dict[str, object]:
    matrices = torch.nn.functional.pad(opencv_from_opengl(poses), (0, 0, 0, 1))  # [N, 4, 4]
    matrices[:, 3, 3] = 1
    frames = [
        {"file_path": f"./{split}/r_{index}", "transform_matrix": matrix.tolist()}
        for index, matrix in enumerate(matrices)
    ]
    return {"camera_angle_x": _ANGLE, "frames": frames}
