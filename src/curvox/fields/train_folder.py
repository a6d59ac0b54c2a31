"""The folder of a training: settings, checkpoints, and the field that others take from it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from curvox import runs
from curvox.errors import InputError
from curvox.fields.cameras import Intrinsics
from curvox.fields.datasets import MissingSplit, load_scene
from curvox.fields.field import Field
from curvox.fields.scene import Scene
from curvox.fields.train import Training
from curvox.fields.train_config import TrainConfig
from curvox.files import make_folder, write_json

__all__ = [
    "Run",
    "choose_config",
    "load_held_out",
    "load_run",
    "open_training",
    "save_checkpoint",
]

_CHECKPOINT = "checkpoint.pt"


def choose_config(config: TrainConfig, folder: Path, resume: bool) -> TrainConfig:
    """The settings that count: those given, or with `resume` those that `folder` was begun with.

    Raises:
        InputError: see :func:`curvox.runs.choose_config`.
    """
    return runs.choose_config(config, folder, resume, lambda file: _read_config(file)[1])


def open_training(
    scene: Scene, path: Path, config: TrainConfig, folder: Path, resume: bool
) -> Training:
    """Begin a training in `folder`, or go on from the checkpoint that is there.

    Args:
        scene: the photographs to train on.
        path: where they came from.
        config: settings, from :func:`choose_config`.
        folder: made if it is missing, with config.json in it.
        resume: go on; where there is no checkpoint yet, from the start.

    Raises:
        InputError: the checkpoint cannot be read or is of another scene.
    """
    training = Training(scene, config)
    file = folder / _CHECKPOINT
    if resume and file.exists():
        saved = runs.load_checkpoint(file, map_location="cpu")
        try:
            training.load_state(saved["training"])
        except InputError as error:
            raise InputError(f"{folder}: {error}") from error
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"{file} is not the checkpoint of a training like this") from error
    make_folder(folder)
    settings = {"scene": str(path.absolute()), "config": dataclasses.asdict(config)}
    write_json(folder / runs.CONFIG, settings)
    return training


def save_checkpoint(training: Training, folder: Path) -> None:
    """Write checkpoint.pt: the state of the training, and the cameras of its scene.

    Raises:
        OSError: it could not be written; the one before it is still there.
    """
    scene = training.scene
    state = {
        "training": training.state(),
        "poses": scene.poses,
        "intrinsics": [dataclasses.astuple(camera) for camera in scene.intrinsics],
        "background": scene.background,
    }
    runs.save_checkpoint(folder / _CHECKPOINT, state)


@dataclass(frozen=True)
class Run:
    """What a training left behind, finished or not."""

    folder: Path
    scene: Path
    """Where its photographs were."""
    config: TrainConfig
    field: Field
    poses: Tensor
    """[N, 3, 4], float32, on the CPU, of the photographs that it was trained on."""
    intrinsics: tuple[Intrinsics, ...]
    """Of the same."""
    background: tuple[float, float, float]

    def load_split(self, split: str, scene: Path | None = None) -> Scene:
        """Photographs of the scene, from where they were or from where they are said to be.

        Raises:
            InputError: see :func:`curvox.fields.datasets.load_scene`.
        """
        path = scene or self.scene
        if not path.is_dir():
            raise InputError(f"There is no folder {path}: say where the scene is with --scene")
        loaded = load_scene(path, split)
        return dataclasses.replace(loaded, background=self.background)


def load_run(folder: Path, device: torch.device | str = "cpu") -> Run:
    """Read what `curvox train` left in a folder.

    Args:
        folder: of the run.
        device: where the field is wanted.

    Raises:
        InputError: it holds no run, or what it holds cannot be read.
    """
    file = folder / runs.CONFIG
    if not file.exists():
        raise InputError(f"{folder} holds no training: there is no file {file}")
    scene, config = _read_config(file)
    # Two thirds of the file are the optimizer's; mapped, they are never read.
    saved = runs.load_checkpoint(folder / _CHECKPOINT, map_location="cpu", mmap=True)
    try:
        field = Field.from_state(saved["training"]["field"], device)
        intrinsics = tuple(Intrinsics(*values) for values in saved["intrinsics"])
        poses, (red, green, blue) = saved["poses"], saved["background"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder / _CHECKPOINT} is not the checkpoint of a training") from error
    return Run(folder, scene, config, field, poses, intrinsics, (red, green, blue))


def load_held_out(path: Path) -> Scene:
    """Photographs to judge by: of the test split, or else of the validation or training split.

    Raises:
        InputError: see :func:`curvox.fields.datasets.load_scene`.
    """
    for split in ("test", "val"):
        try:
            return load_scene(path, split)
        except MissingSplit:
            continue
    return load_scene(path, "train")


def _read_config(file: Path) -> tuple[Path, TrainConfig]:
    """The scene's folder and the settings."""
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        unknown = set(content) - {"scene", "config"}
        if unknown:
            raise ValueError(f"it holds {', '.join(sorted(unknown))}, which means nothing to it")
        return Path(content["scene"]), TrainConfig(**content["config"])
    except KeyError as error:
        raise InputError(f"{file} does not hold the settings of a training: no {error}") from error
    except (ValueError, TypeError) as error:
        raise InputError(f"{file} does not hold the settings of a training: {error}") from error
