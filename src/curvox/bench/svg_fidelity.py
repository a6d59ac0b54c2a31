"""How close our pictures of SVG files are to those of resvg, an independent renderer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from curvox.curves import svg
from curvox.curves.render import render
from curvox.metrics import psnr

__all__ = ["Fidelity", "measure_fidelity", "resvg_picture"]


@dataclass(frozen=True)
class Fidelity:
    """Of one file."""

    path: Path
    psnr: float
    """Decibels between both pictures, over white; at most 100."""
    unsupported: list[str]
    """What our reader reported."""
    picture: Tensor
    """[H, W, 3], ours, its values rounded to 8 bits."""
    reference: Tensor
    """[H, W, 3], resvg's."""


def resvg_picture(path: str | Path, size: int) -> Tensor:
    """What resvg draws over white: [H, W, 3] in 0..1, `size` pixels wide."""
    import resvg_py

    data = resvg_py.svg_to_bytes(
        svg_path=str(path), width=size, background="#ffffff", skip_system_fonts=True, dpi=96
    )
    with Image.open(io.BytesIO(bytes(data))) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).float() / 255


def measure_fidelity(folder: str | Path, size: int) -> Iterator[Fidelity]:
    """Compare the pictures of all SVG files of a folder, `size` pixels wide, in order of names.

    Needs the Python package resvg-py.
    """
    for path in sorted(Path(folder).glob("*.svg")):
        reference = resvg_picture(path, size)
        scene, report = svg.load(path)
        with torch.no_grad():
            picture = render(scene, width=size, background=torch.ones(3))
        rows = min(len(picture), len(reference))  # where the shape is not whole pixels, it may vary
        picture, reference = (picture[:rows].clamp(0, 1) * 255).round() / 255, reference[:rows]
        likeness = min(psnr(picture, reference), 100.0)
        yield Fidelity(path, likeness, report.unsupported, picture, reference)
