"""``curvox render``: films of a trained field."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro
from rich.console import Console
from rich.progress import Progress

from curvox.cli.device import DEFAULT_DEVICE, parse_device
from curvox.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from curvox.fields.film import Flight
    from curvox.fields.train_folder import Run

_ORBIT_FRAMES = 120


def render(
    run: tyro.conf.Positional[Path],
    video: Path,
    path: str = "orbit",
    frames: int | None = None,
    width: int | None = None,
    height: int | None = None,
    scale: float = 1.0,
    fps: float = 30.0,
    depth: Literal["beside", "file", "none"] = "beside",
    scene: Path | None = None,
    device: str = DEFAULT_DEVICE,
) -> None:
    """A film of a trained field, with its depth, as MP4.

    Args:
        run: folder that curvox train left.
        video: the film, ending in .mp4.
        path: orbit is one level turn around what the photographs look at; test are the cameras of
            the test photographs; all else is a file of poses, laid out as NeRF-synthetic's
            transforms files (frames with transform_matrix, and camera_angle_x if the lens differs).
        frames: of an orbit, 120 unless told; of other paths so many of their cameras, evenly
            spread, and all unless told.
        width: of the picture in pixels, that of the photographs times scale unless told.
        height: likewise. Given one of the two, the other keeps the proportions.
        scale: of the photographs' size, where neither is given.
        fps: frames a second.
        depth: beside the colours, in a file of its own (NAME_depth.mp4), or none. Bright is near.
        scene: folder of the photographs, where they are no longer where they were.
        device: cpu, cuda or cuda:N.
    """
    from curvox.fields.film import shoot
    from curvox.fields.train_folder import load_run

    if video.suffix.lower() != ".mp4":
        raise InputError(f"--video must name a file that ends in .mp4, got {video}")
    if not video.absolute().parent.is_dir():
        raise InputError(f"--video: the folder {video.absolute().parent} does not exist")
    if not 0 < fps <= 240:
        raise InputError(f"--fps must be in 0..240, got {fps:g}")
    if frames is not None and frames < 1:
        raise InputError(f"--frames must be at least 1, got {frames}")
    console = Console()
    loaded = load_run(run, parse_device(device))
    size = _size(loaded, width, height, scale)
    flight = _flight(loaded, path, frames, scene).sized(*size)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("rendering", total=len(flight))

        def shown() -> Iterator[tuple[Tensor, Tensor]]:
            for views in shoot(loaded.field, flight, loaded.background):
                yield views
                progress.advance(task)

        files = write_film(shown(), video, fps, depth)
    columns, rows = size
    console.print(
        f"{len(flight)} frames of {columns} × {rows} pixels: "
        + " and ".join(str(file) for file in files),
        highlight=False,
        soft_wrap=True,
    )


def write_film(
    views: Iterator[tuple[Tensor, Tensor]],
    video: Path,
    fps: float,
    depth: Literal["beside", "file", "none"],
) -> list[Path]:
    """Write colours and depths, [H, W, 3] each, as one film or two; returns the files."""
    import torch

    from curvox.videos import filming

    files = [video] if depth != "file" else [video, video.with_stem(f"{video.stem}_depth")]
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(filming(file, rate=fps)) for file in files]
        for colours, depths in views:
            pictures = {
                "beside": [torch.cat([colours, depths], 1)],
                "file": [colours, depths],
                "none": [colours],
            }[depth]
            for add, picture in zip(writers, pictures, strict=True):
                add(picture)
    return files


def _size(run: Run, width: int | None, height: int | None, scale: float) -> tuple[int, int]:
    """Width and height in pixels."""
    camera = run.intrinsics[0]
    if not 0 < scale <= 16:
        raise InputError(f"--scale must be in 0..16, got {scale:g}")
    for name, side in (("width", width), ("height", height)):
        if side is not None and not 2 <= side <= 8192:
            raise InputError(f"--{name} must be in 2..8192, got {side}")
    if width is None and height is None:
        width, height = round(camera.width * scale), round(camera.height * scale)
    elif width is None:
        assert height is not None
        width = round(camera.width * height / camera.height)
    elif height is None:
        height = round(camera.height * width / camera.width)
    return max(width, 2), max(height, 2)


def _flight(run: Run, path: str, frames: int | None, scene: Path | None) -> Flight:
    from curvox.fields.film import Flight, flight_around, flight_from_file

    camera = run.intrinsics[0]
    if path == "orbit":
        return flight_around(run.poses, camera, frames or _ORBIT_FRAMES)
    if path == "test":
        photographs = run.load_split("test", scene)
        flight = Flight(photographs.poses, photographs.intrinsics)
    else:
        flight = flight_from_file(Path(path), camera)
    return flight if frames is None else flight.sampled(frames)
