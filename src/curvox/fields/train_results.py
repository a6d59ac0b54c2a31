"""What a finished training writes: scores and pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from curvox import runs
from curvox.fields.depth import colour_depth, depth_range
from curvox.fields.judge import judge, mean_scores, protocol
from curvox.fields.memory import peak_memory
from curvox.fields.scene import Scene
from curvox.fields.train import Training
from curvox.files import make_folder, write_json
from curvox.images import save_png

__all__ = ["write_results"]

_PICTURES = 4


def write_results(
    training: Training,
    scene: Scene,
    folder: Path,
    on_view: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Write metrics.json, and a few photographs beside their renderings and depths.

    The pictures go to a folder named after the split.

    Args:
        training: finished or not.
        scene: photographs to judge by, on the training's device.
        folder: exists.
        on_view: called after each photograph.

    Returns:
        What is in metrics.json.
    """
    pictures = make_folder(folder / scene.split)
    shown = {index * len(scene) // _PICTURES for index in range(_PICTURES)}
    near, far = depth_range(training.field, scene.poses)
    judgements = []
    for index, (judgement, photograph, view) in enumerate(judge(training.field, scene)):
        judgements.append(judgement)
        if index in shown:
            row = [photograph.cpu(), view.colour.cpu(), colour_depth(view, near, far)]
            save_png(pictures / f"{index:03d}.png", torch.cat(row, 1))
        on_view()
    metrics = {
        **{name: value for name, value in mean_scores(judgements).items() if name != "lpips"},
        "split": scene.split,
        "protocol": protocol(scene),
        "stages": training.stages,
        "shape": list(training.field.shape),
        "peak_memory_mib": peak_memory(scene.device) / (1 << 20),
        "device": str(scene.device),
        **runs.surroundings(),
        "config": dataclasses.asdict(training.config),
    }
    write_json(folder / "metrics.json", metrics)
    return metrics
