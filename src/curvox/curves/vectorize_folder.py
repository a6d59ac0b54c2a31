"""The folder of a vectorization: settings, checkpoints, and what it leaves behind."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from curvox import runs
from curvox.curves import svg
from curvox.curves.render import render
from curvox.curves.vectorize import Vectorize
from curvox.curves.vectorize_schedule import VectorizeConfig
from curvox.files import write_json
from curvox.images import load_image, resize, save_png
from curvox.metrics import psnr, ssim_or_none
from curvox.videos import filming

__all__ = [
    "choose_config",
    "load_target",
    "open_work",
    "save_checkpoint",
    "write_results",
    "write_svg",
]

_CHECKPOINT = "checkpoint.pt"
_DECIMALS = 2  # of a pixel: what an outline may move by rounding cannot be seen
_FILM_PIXELS = 720
_FILM_RATE = 12.0  # frames a second


def load_target(path: str | Path, size: int) -> Tensor:
    """The picture, [H, W, 3] float32, its longer side at most `size` pixels.

    Raises:
        InputError: the file is missing or no image.
    """
    image = load_image(path)
    image = image[:, :, None].expand(-1, -1, 3) if image.ndim == 2 else image
    scale = min(1.0, size / max(image.shape[:2]))
    height, width = (max(round(side * scale), 1) for side in image.shape[:2])
    return resize(image, height, width).contiguous()


def choose_config(config: VectorizeConfig, folder: Path, resume: bool) -> VectorizeConfig:
    """The settings that count: those given, or with `resume` those that `folder` was begun with.

    Raises:
        InputError: as :func:`curvox.runs.choose_config`.
    """
    read = partial(runs.read_config, VectorizeConfig, "a drawing")
    return runs.choose_config(config, folder, resume, read)


def open_work(target: Tensor, config: VectorizeConfig, folder: Path, resume: bool) -> Vectorize:
    """Begin in `folder`, or go on from the checkpoint that is there.

    Raises:
        InputError: the checkpoint cannot be read or is that of another picture.
    """
    work = Vectorize(target, config)
    saved = runs.begin_or_resume(
        config, target, folder, resume, _CHECKPOINT, "the drawing of another picture"
    )
    if saved is not None:
        work.load_state_dict(saved["work"])
    return work


def save_checkpoint(work: Vectorize, folder: Path) -> None:
    """Write checkpoint.pt, whole or not at all: the state of the work and its target."""
    runs.save_checkpoint(folder / _CHECKPOINT, {"target": work.target, "work": work.state_dict()})


def write_svg(work: Vectorize, file: Path) -> Tensor:
    """Write the drawing as it is; returns what the saved file shows, [H, W, 3] in 0..1."""
    svg.save(file, work.drawing().to("cpu").scene(), _DECIMALS)
    scene, _ = svg.load(file)
    height, width, _ = work.target.shape
    return render(scene, height, width, background=torch.ones(3)).clamp(0, 1)


def write_results(work: Vectorize, file: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """Write the SVG, what it looks like, a film of the way and metrics.json; returns the latter.

    Args:
        work: finished or not.
        file: the SVG. A PNG beside it shows what is in the saved file.
        folder: of everything else; exists.
        seconds: spent on it by this process.
    """
    picture, target = write_svg(work, file), work.target.cpu()
    height, width, _ = target.shape
    save_png(file.with_suffix(".png"), picture)
    save_png(folder / "side_by_side.png", torch.cat([target, picture], 1))
    _film(work, folder / "way.mp4")
    metrics = {
        "psnr": psnr(picture, target),
        "ssim": ssim_or_none(picture.mean(2), target.mean(2)),
        "protocol": "of the saved SVG rendered by curvox, floats; ssim of the mean of the channels",
        "iterations": work.iteration,
        "paths": work.paths,
        "bytes": file.stat().st_size,
        "height": height,
        "width": width,
        "seconds": seconds,
        "config": dataclasses.asdict(work.config),
        **runs.surroundings(),
    }
    write_json(folder / "metrics.json", metrics)
    return metrics


def _film(work: Vectorize, file: Path) -> None:
    """The drawings along the way, the last one shown for two seconds."""
    height, width, _ = work.target.shape
    scale = min(1.0, _FILM_PIXELS / max(height, width))
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    with filming(file, rate=_FILM_RATE) as add:
        for snapshot in work.snapshots:
            add(snapshot.render(*size).cpu())
        end = work.drawing().render(*size).cpu()
        for _ in range(int(2 * _FILM_RATE)):
            add(end)
