"""``curvox bench vectorize``: how well so many paths show a photograph after so many minutes."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from curvox.bench.svg_fidelity import resvg_picture
from curvox.curves.vectorize import Vectorize
from curvox.curves.vectorize_folder import load_target, write_svg
from curvox.curves.vectorize_schedule import VectorizeConfig
from curvox.metrics import psnr, ssim_or_none

__all__ = ["Row", "rows"]


@dataclass(frozen=True)
class Row:
    """One drawing."""

    image: str
    """The name of the photograph."""
    paths: int
    minutes: float
    device: str
    height: int
    width: int
    psnr: float
    """Decibels of the saved SVG against the photograph, rendered by resvg, 8 bits."""
    own_psnr: float
    """The same, rendered by curvox, floats."""
    ssim: float | None
    """Rendered by curvox, of the mean of the channels."""
    bytes: int
    """Of the SVG."""
    iterations: int

    @property
    def key(self) -> tuple[str, int, float, str]:
        """What tells a row from the others."""
        return self.image, self.paths, self.minutes, self.device


def rows(
    images: Sequence[Path],
    counts: Sequence[int],
    minutes: Sequence[float],
    device: torch.device,
    known: Sequence[Row],
) -> Iterator[Row]:
    """Draw each image with each number of closed paths in each time, by the standard settings.

    Rows that are `known` come first, all of them, so that none is lost whatever is asked for now;
    they are not measured again. Needs the Python package resvg-py.
    """
    yield from known
    measured = {row.key for row in known}
    for time, count, image in itertools.product(minutes, counts, images):
        if (image.stem, count, time, device.type) not in measured:
            yield _measure(image, count, time, device)


def _measure(image: Path, count: int, minutes: float, device: torch.device) -> Row:
    config = VectorizeConfig(paths=count, minutes=minutes)
    target = load_target(image, config.size)
    work = Vectorize(target.to(device), config)
    for _ in work.steps():
        pass
    height, width, _ = target.shape
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "drawing.svg"
        picture = write_svg(work, file)
        return Row(
            image=image.stem,
            paths=count,
            minutes=minutes,
            device=device.type,
            height=height,
            width=width,
            psnr=psnr(resvg_picture(file, width), target),
            own_psnr=psnr(picture, target),
            ssim=ssim_or_none(picture.mean(2), target.mean(2)),
            bytes=file.stat().st_size,
            iterations=work.iteration,
        )
