"""The vector graphics of ``curvox demo``: an SVG drawn, a photograph turned into one."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from rich.console import Console

from curvox.cli.draw import draw
from curvox.cli.vectorize import run
from curvox.curves.vectorize_schedule import VectorizeConfig

_DRAWING = Path(__file__).with_name("demo_balloons.svg")
_DRAWING_WIDTH = 960
_PHOTOGRAPH = VectorizeConfig(paths=512, minutes=None, iterations=400, size=448)


def demo_vector(out: Path, console: Console) -> None:
    """Draw an SVG, and turn a photograph into filled paths, saved as SVG.

    Args:
        out: folder for the pictures; what is there already is replaced.
        console: where to print.
    """
    import torch
    from skimage.data import astronaut

    from curvox.curves.vectorize import Vectorize
    from curvox.curves.vectorize_folder import write_results
    from curvox.files import make_folder
    from curvox.images import load_image, resize, save_png

    balloons, paths = out / "balloons.svg", out / "photograph.svg"
    folder = make_folder(paths.with_suffix(".run"))
    shutil.copyfile(_DRAWING, balloons)
    draw(balloons, width=_DRAWING_WIDTH)
    photograph = torch.from_numpy(astronaut()).float() / 255
    photograph = resize(photograph, _PHOTOGRAPH.size, _PHOTOGRAPH.size)
    start = time.perf_counter()
    work = Vectorize(photograph, _PHOTOGRAPH)
    run(work, console)
    metrics = write_results(work, paths, folder, time.perf_counter() - start)
    console.print(
        f"photograph: {metrics['paths']} closed paths, PSNR {metrics['psnr']:.1f} dB, "
        f"{metrics['bytes'] / 1024:.0f} KiB, {metrics['seconds']:.0f} s",
        highlight=False,
    )
    overview, picture = out / "overview.png", load_image(paths.with_suffix(".png"))
    drawing = load_image(balloons.with_suffix(".png"))
    height, width, _ = drawing.shape
    drawing = resize(drawing, len(picture), round(width * len(picture) / height))
    save_png(overview, torch.cat([drawing, photograph, picture], 1))
    console.print(
        f"the drawing, the photograph, and the photograph as paths: {overview}; to open in a "
        f"browser: {balloons}, {paths}; film: {folder / 'way.mp4'}",
        highlight=False,
        soft_wrap=True,
    )
