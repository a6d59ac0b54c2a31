"""The folder of a fit: settings, checkpoints, and what it leaves behind."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from curvox import runs
from curvox.curves.fit import Fit, FitConfig
from curvox.curves.ink_svg import save_svg
from curvox.files import write_json
from curvox.images import load_image, resize, save_gif, save_png, to_grey
from curvox.metrics import psnr, ssim_or_none

__all__ = [
    "choose_config",
    "load_target",
    "open_fit",
    "save_checkpoint",
    "way_frames",
    "write_results",
]

_CHECKPOINT = "checkpoint.pt"
_WAY_PIXELS = 320


def load_target(path: str | Path, size: int) -> Tensor:
    """The image to fit: grey, [H, W] float32, its longer side at most `size` pixels.

    Raises:
        InputError: the file is missing or no image.
    """
    image = to_grey(load_image(path))
    scale = min(1.0, size / max(image.shape))
    height, width = (max(round(side * scale), 1) for side in image.shape)
    return resize(image, height, width)


def choose_config(config: FitConfig, folder: Path, resume: bool) -> FitConfig:
    """The settings that count: those given, or with `resume` those that `folder` was begun with.

    Raises:
        InputError: `folder` holds a run and `resume` is not asked for, or holds none and it is, or
            it was begun with other settings than `config`, unless that is the default.
    """
    read = partial(runs.read_config, FitConfig, "a fit")
    return runs.choose_config(config, folder, resume, read)


def open_fit(target: Tensor, config: FitConfig, folder: Path, resume: bool) -> Fit:
    """Begin a fit in `folder`, or go on from the checkpoint that is there.

    Args:
        target: [H, W].
        config: its settings, from :func:`choose_config`.
        folder: made if it is missing, with config.json in it.
        resume: go on; where there is no checkpoint yet, from the start.

    Raises:
        InputError: the checkpoint cannot be read or is that of another image.
    """
    fit = Fit(target, config)
    saved = runs.begin_or_resume(
        config, target, folder, resume, _CHECKPOINT, "the fit of another image"
    )
    if saved is not None:
        fit.load_state_dict(saved["fit"])
    return fit


def save_checkpoint(fit: Fit, folder: Path) -> None:
    """Write checkpoint.pt, whole or not at all: the state of the fit and its target."""
    runs.save_checkpoint(folder / _CHECKPOINT, {"target": fit.target, "fit": fit.state_dict()})


def way_frames(fit: Fit) -> list[Tensor]:
    """The drawings along the way, [H, W] each, at most 320 pixels on the longer side."""
    height, width = fit.target.shape
    scale = min(1.0, _WAY_PIXELS / max(height, width))
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    return [snapshot.render(*size).clamp(0, 1).cpu() for snapshot in fit.snapshots]


def write_results(fit: Fit, folder: Path, seconds: float) -> dict[str, Any]:
    """Write the pictures, the curves and metrics.json; returns what is in the latter.

    Args:
        fit: the fit, finished or not.
        folder: exists.
        seconds: spent on it by this process.
    """
    ink, target = fit.ink().to("cpu"), fit.target.cpu()
    result = ink.render().clamp(0, 1)
    save_png(folder / "target.png", target)
    save_png(folder / "result.png", result)
    save_png(folder / "side_by_side.png", torch.cat([target, result], 1))
    save_gif(folder / "way.gif", way_frames(fit))
    save_svg(folder / "curves.svg", ink)
    ink.save_json(folder / "curves.json")
    metrics = {
        "psnr": psnr(result, target),
        "ssim": ssim_or_none(result, target),
        "iterations": fit.iteration,
        "curves": fit.curves,
        "height": ink.height,
        "width": ink.width,
        "seconds": seconds,
        "config": dataclasses.asdict(fit.config),
        **runs.surroundings(),
    }
    write_json(folder / "metrics.json", metrics)
    return metrics
