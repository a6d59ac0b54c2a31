"""Posed captures on disk, read into a :class:`curvox.fields.Scene`."""

from __future__ import annotations

from pathlib import Path

from curvox.errors import InputError
from curvox.fields.datasets.assemble import SPLITS, MissingSplit
from curvox.fields.datasets.colmap import load_colmap
from curvox.fields.datasets.nerf_synthetic import load_nerf_synthetic
from curvox.fields.datasets.nerfstudio import load_nerfstudio
from curvox.fields.datasets.nsvf import load_nsvf
from curvox.fields.scene import Scene

__all__ = [
    "SPLITS",
    "MissingSplit",
    "load_colmap",
    "load_nerf_synthetic",
    "load_nerfstudio",
    "load_nsvf",
    "load_scene",
]


def load_scene(path: str | Path, split: str = "train") -> Scene:
    """Read a folder of posed photographs in any layout that curvox knows.

    Known are NeRF-synthetic (``transforms_train.json`` and its like), nerfstudio
    (``transforms.json``), NSVF (``intrinsics.txt``, ``pose/`` and ``rgb/``) and COLMAP
    (``sparse/0`` and ``images/``), recognised in this order.

    Args:
        path: the folder.
        split: ``"train"``, ``"val"`` or ``"test"``.

    Returns:
        The scene, on the CPU, its pixels as bytes.

    Raises:
        MissingSplit: an InputError, there are no photographs of this split.
        InputError: there is no such folder, its layout is not known, or a file in it is missing or
            cannot be used; the message names it.
        ValueError: a split of another name.
    """
    folder = Path(path)
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}")
    if any((folder / f"transforms_{name}.json").is_file() for name in SPLITS):
        return load_nerf_synthetic(folder, split)
    if (folder / "transforms.json").is_file():
        return load_nerfstudio(folder, split)
    if (folder / "intrinsics.txt").is_file():
        return load_nsvf(folder, split)
    if (folder / "sparse").is_dir():
        return load_colmap(folder, split)
    raise InputError(
        f"{folder} is no scene that curvox knows: it looked for transforms_train.json "
        "(NeRF-synthetic), transforms.json (nerfstudio), intrinsics.txt (NSVF) and sparse/ (COLMAP)"
    )
