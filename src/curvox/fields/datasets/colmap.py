"""COLMAP: a sparse model and the photographs that it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from curvox.errors import InputError
from curvox.fields.cameras import Intrinsics
from curvox.fields.datasets.assemble import (
    Frame,
    assemble,
    checked_pose,
    distances_of_box,
    every_eighth,
)
from curvox.fields.datasets.photographs import photograph_size
from curvox.fields.scene import Scene

__all__ = ["load_colmap"]

_PINHOLES = ("PINHOLE", "SIMPLE_PINHOLE")
_OUTLIERS = 1.0  # per cent of the points at each end of each axis that the box leaves out
_MARGIN = 0.05  # of its size that the box grows at each side


def load_colmap(folder: str | Path, split: str = "train") -> Scene:
    """Read a folder with a model in ``sparse/0`` (or ``sparse``) and photographs in ``images``.

    Cameras must be undistorted (PINHOLE or SIMPLE_PINHOLE), as ``colmap image_undistorter`` makes
    them. Every 8th of the photographs, sorted by name, is for tests, the rest for training.
    The box holds the model's points but for the outermost per cent at each end of each axis, and
    5 % more at each side; near and far are the cameras' distances to it.

    Args:
        folder: the folder.
        split: ``"train"``, ``"val"`` or ``"test"``.

    Raises:
        InputError: ``pycolmap`` is not installed, or a file is missing or cannot be used. The
            message names it.
    """
    folder = Path(folder)
    model = folder / "sparse" / "0"
    model = model if model.is_dir() else folder / "sparse"
    reconstruction = _read(model)
    images = [image for image in reconstruction.images.values() if image.has_pose]
    if not images:
        raise InputError(f"The model in {model} holds no photographs with poses")
    images.sort(key=lambda image: str(image.name))
    poses = [_pose(image, model) for image in images]
    frames = []
    for index in every_eighth(len(images), split):
        photograph = folder / "images" / images[index].name
        camera = reconstruction.cameras[images[index].camera_id]
        frames.append(Frame(photograph, poses[index], _intrinsics(camera, photograph)))
    box = _box(reconstruction, model)
    return assemble(split, frames, distances_of_box(poses, box), str(model), box)


def _read(model: Path) -> Any:
    try:
        import pycolmap
    except ImportError:
        raise InputError(
            f"Reading the COLMAP model in {model} needs pycolmap, which is not installed: "
            "pip install 'curvox[colmap]'"
        ) from None
    try:
        return pycolmap.Reconstruction(str(model))
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError(f"{model} is not a COLMAP model that can be read: {error}") from error


def _pose(image: Any, model: Path) -> np.ndarray:
    """[3, 4], float64, camera to world; COLMAP's cameras are OpenCV's."""
    to_camera = image.cam_from_world().matrix()
    rotation, translation = to_camera[:, :3], to_camera[:, 3:]
    pose = np.concatenate([rotation.T, -rotation.T @ translation], 1)
    return checked_pose(pose, f"The pose of {image.name} in {model}")


def _intrinsics(camera: Any, photograph: Path) -> Intrinsics:
    if camera.model.name not in _PINHOLES:
        raise InputError(
            f"The camera of {photograph} is of the model {camera.model.name}: curvox reads "
            "PINHOLE and SIMPLE_PINHOLE, so undistort the photographs first "
            "(colmap image_undistorter)"
        )
    width, height = photograph_size(photograph)
    if (width, height) != (camera.width, camera.height):
        raise InputError(
            f"{photograph} is {width}×{height}, but its camera in the model is "
            f"{camera.width}×{camera.height}"
        )
    try:
        return Intrinsics(
            fx=camera.focal_length_x,
            fy=camera.focal_length_y,
            cx=camera.principal_point_x,
            cy=camera.principal_point_y,
            width=width,
            height=height,
        )
    except ValueError as error:
        raise InputError(f"The camera of {photograph}: {error}") from error


def _box(reconstruction: Any, model: Path) -> np.ndarray:
    """[2, 3], lowest corner first."""
    points = np.array([point.xyz for point in reconstruction.points3D.values()]).reshape(-1, 3)
    if not np.isfinite(points).all():
        raise InputError(f"The model in {model} has a point with NaN or infinite coordinates")
    if len(points) < 2:
        raise InputError(f"The model in {model} has no points, which its box would be made from")
    box = np.percentile(points, [_OUTLIERS, 100 - _OUTLIERS], axis=0)
    size = box[1] - box[0]
    if (size <= 0).any():
        raise InputError(f"The points of the model in {model} lie in one plane: they span no box")
    return box + _MARGIN * size * np.array([[-1.0], [1.0]])
