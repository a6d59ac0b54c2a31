"""What the folders of all runs have in common: settings that are settled once, and surroundings."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from curvox.errors import InputError
from curvox.files import make_folder, write_json, writing

__all__ = [
    "CONFIG",
    "begin_or_resume",
    "choose_config",
    "load_checkpoint",
    "read_config",
    "save_checkpoint",
    "surroundings",
]

CONFIG = "config.json"
"""The file of a run's settings: a folder with it holds a run."""

Config = TypeVar("Config")


def choose_config(
    config: Config, folder: Path, resume: bool, read: Callable[[Path], Config]
) -> Config:
    """The settings that count: those given, or with `resume` those that `folder` was begun with.

    Args:
        config: those given, a dataclass whose fields all have defaults.
        folder: of the run; need not exist.
        resume: whether the run in it goes on.
        read: reads its config.json.

    Raises:
        InputError: `folder` holds a run and `resume` is not asked for, or holds none and it is, or
            it was begun with other settings than `config`, unless that is the default.
    """
    file = folder / CONFIG
    if not resume:
        if file.exists():
            raise InputError(
                f"{folder} holds a run already: add --resume to go on with it, "
                "or give a new folder with --out"
            )
        return config
    if not file.exists():
        raise InputError(f"{folder} holds no run to resume")
    saved = read(file)
    if config not in (saved, type(config)()):
        raise InputError(
            f"{folder} was begun with other settings ({_difference(saved, config)}): "
            "resume without options, or begin in a new folder"
        )
    return saved


def _difference(saved: Any, asked: Any) -> str:
    pairs = zip(dataclasses.asdict(saved).items(), dataclasses.asdict(asked).values(), strict=True)
    return ", ".join(f"{name} {old} rather than {new}" for (name, old), new in pairs if old != new)


def read_config(kind: Callable[..., Config], name: str, file: Path) -> Config:
    """The settings of `kind` in a config.json.

    Raises:
        InputError: the file holds something else than settings of what `name` says.
    """
    try:
        return kind(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{file} does not hold the settings of {name}: {error}") from error


def begin_or_resume(
    config: Any, target: Tensor, folder: Path, resume: bool, checkpoint: str, other: str
) -> Any:
    """Begin a run that draws `target`, or find where it stood.

    Args:
        config: a dataclass, written to the folder's config.json when the run begins.
        target: what is drawn; checkpoints hold it as "target".
        folder: made when the run begins.
        resume: go on.
        checkpoint: the file's name.
        other: what the folder holds, for the message, if it is not this run.

    Returns:
        What the checkpoint holds. None: the run begins, or there is no checkpoint yet.

    Raises:
        InputError: the checkpoint cannot be read or is that of another picture.
    """
    if not resume:
        make_folder(folder)
        write_json(folder / CONFIG, dataclasses.asdict(config))
        return None
    file = folder / checkpoint
    if not file.exists():
        return None
    saved = load_checkpoint(file, map_location=target.device)
    if not torch.equal(saved["target"], target):
        raise InputError(f"{folder} holds {other}")
    return saved


def save_checkpoint(file: Path, state: Any) -> None:
    """Write tensors and plain values, whole or not at all.

    Raises:
        OSError: it could not be written, as on a full disk; what was there before still is.
    """
    try:
        with writing(file) as temporary:
            torch.save(state, temporary)
    except (OSError, RuntimeError) as error:  # torch's own writer raises the latter on a full disk
        reason = (isinstance(error, OSError) and error.strerror) or "is the disk full?"
        kept = "; the one before it is still there" if file.exists() else ""
        raise OSError(f"{file} could not be written ({reason}){kept}") from error


def load_checkpoint(file: Path, **options: Any) -> Any:
    """What :func:`save_checkpoint` wrote.

    Args:
        file: the checkpoint.
        options: those of :func:`torch.load`.

    Raises:
        InputError: it is missing or cannot be read.
    """
    if not file.exists():
        raise InputError(f"There is no file {file}")
    try:
        return torch.load(file, weights_only=True, **options)
    except Exception as error:  # the unpickler raises whatever a broken file leads it to
        raise InputError(f"{file} is not a checkpoint that can be read") from error


def surroundings() -> dict[str, Any]:
    """What a run ran with, for its metrics.json: versions and threads."""
    return {
        "versions": {
            "curvox": metadata.version("curvox"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "threads": torch.get_num_threads(),
    }
