"""What a training shows of itself while it runs: curves for TensorBoard, and pictures."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.summary import scalar

from curvox.fields.scene import Scene
from curvox.fields.train import Training
from curvox.fields.view import render_view
from curvox.files import make_folder
from curvox.images import resize, save_png

__all__ = ["Curves", "Preview"]

_PREVIEW_PIXELS = 200  # the longer side of a preview
_PREVIEW_SECONDS = 60.0  # at least between two
_PREVIEW_SHARE = 0.01  # of the time, at most


class Curves:
    """Values over iterations, in an event file that TensorBoard reads.

    The package's usual writer has a thread that hangs when the disk is full; this uses what lies
    under it, so that such an error is raised here.

    Args:
        folder: made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = EventsWriter(str(make_folder(folder) / "events"))

    def add(self, iteration: int, values: dict[str, float]) -> None:
        """Add a point to each curve; a slash in names groups them."""
        for name, value in values.items():
            event = Event(wall_time=time.time(), step=iteration, summary=scalar(name, value))
            self._writer.write_event(event)

    def flush(self) -> None:
        """Let readers see what was added."""
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


class Preview:
    """One photograph, and the field rendered from the same place, side by side.

    Args:
        scene: photographs that are not trained on; the middle one is shown.
        folder: of the pictures, made if it is missing.
    """

    def __init__(self, scene: Scene, folder: Path) -> None:
        frame = len(scene) // 2
        camera = scene.intrinsics[frame]
        scale = min(1.0, _PREVIEW_PIXELS / max(camera.width, camera.height))
        width, height = (max(round(n * scale), 1) for n in (camera.width, camera.height))
        self._camera = camera.resized(width, height)
        self._photograph = resize(scene.image(frame).cpu(), height, width)
        self._pose = scene.poses[frame]
        self._folder = make_folder(folder)
        self._due = time.perf_counter() + _PREVIEW_SECONDS

    @property
    def due(self) -> bool:
        """Whether it is time for another one: about each minute, and within 1 % of the time."""
        return time.perf_counter() >= self._due

    def write(self, training: Training) -> Path:
        """Render and write a picture named after the stage and the iteration."""
        start = time.perf_counter()
        background = training.stage.background
        pose = self._pose.to(background.device)
        view = render_view(training.field, pose, self._camera, background)
        stage = "fine" if training.fine else "coarse"
        file = self._folder / f"{stage}_{training.iteration:06d}.png"
        save_png(file, torch.cat([self._photograph, view.colour.cpu()], 1))
        now = time.perf_counter()
        self._due = now + max(_PREVIEW_SECONDS, (now - start) / _PREVIEW_SHARE)
        return file
