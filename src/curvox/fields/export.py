"""A field in files that other programs read: NumPy arrays, point clouds, meshes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.surface import Mesh, Points
from curvox.files import writing

__all__ = ["save_grids", "save_mesh", "save_points"]


def save_grids(path: str | Path, field: Field, background: tuple[float, float, float]) -> None:
    """Write all that is needed to render the field elsewhere, as a compressed .npz file.

    ``density`` [X, Y, Z] and ``colour`` [X, Y, Z, C] are raw values on points from corner to corner
    of ``box`` [2, 3]; ``occupancy`` [x, y, z] is a mask on points from corner to corner of
    ``occupancy_box``, asked at its nearest point. A ray is sampled every ``step`` from ``near`` to
    ``far``; alpha is 1 - exp(-softplus(density + ``shift``) * ``interval``); samples under
    ``alpha_threshold``, and those of a weight under ``weight_threshold``, have no colour, and a ray
    ends when less than ``stop`` of its light is left.

    The colour is the sigmoid of the raw colour where there is no network. Else it is the sigmoid of
    ``last`` after ReLU after ``second`` after ReLU after ``of_sample`` of a sample's inputs plus
    ``of_ray`` of its ray's, all linear, as ``network.NAME.weight`` and ``network.NAME.bias``. A
    ray's inputs are its direction d, then the sines of d, 2d, 4d and 8d, coordinate by coordinate,
    then their cosines. A sample's are its features, and where ``positions`` is true those of its
    place in the box, 0..1 along each axis, likewise, with one octave more.

    Args:
        path: the file, ending in ``.npz``.
        field: what is written.
        background: RGB behind everything.
    """
    march = field.march
    arrays: dict[str, Any] = {
        "density": field.density.volume()[..., 0],
        "colour": field.colour.volume(),
        "box": field.box,
        "occupancy": field.occupancy.mask,
        "occupancy_box": field.occupancy.box,
        "background": np.asarray(background, dtype=np.float32),
        "positions": field.settings.positions,
    }
    for name in (
        *("near", "far", "step", "interval", "shift"),
        *("alpha_threshold", "weight_threshold", "stop"),
    ):
        arrays[name] = getattr(march, name)
    if field.network is not None:
        for name, value in field.network.state_dict().items():
            arrays[f"network.{name}"] = value
    values: dict[str, Any] = {name: _array(value) for name, value in arrays.items()}
    with writing(path) as temporary:
        np.savez_compressed(temporary, **values)


def save_points(path: str | Path, points: Points) -> None:
    """Write a point cloud with colours as a binary PLY file."""
    cloud = trimesh.PointCloud(_array(points.positions), colors=_bytes(points.colours))
    _save(path, cloud)


def save_mesh(path: str | Path, mesh: Mesh) -> None:
    """Write a mesh with colours at its corners as a binary PLY file."""
    surface = trimesh.Trimesh(
        _array(mesh.positions),
        _array(mesh.faces),
        vertex_colors=_bytes(mesh.colours),
        process=False,  # as it is: nothing merged, nothing reordered
    )
    _save(path, surface)


def _save(path: str | Path, geometry: Any) -> None:
    with writing(path) as temporary:
        geometry.export(str(temporary), file_type="ply")


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _bytes(colours: Tensor) -> np.ndarray:
    return (colours.detach().cpu().clamp(0, 1) * 255).round().byte().numpy()
