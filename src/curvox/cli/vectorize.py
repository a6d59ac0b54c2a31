"""``curvox vectorize``: a photograph or drawing as SVG."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from curvox.cli.device import DEFAULT_DEVICE, parse_device
from curvox.cli.progress import follow

# The dataclass is what the options are made of, so it must be there at run time.
from curvox.curves.vectorize_schedule import VectorizeConfig
from curvox.errors import InputError

if TYPE_CHECKING:
    from curvox.curves.vectorize import Vectorize

_BYTES_PER_PIXEL = 250  # images, gradients, placement; measured, rounded up
_BYTES_PER_PATH = 30_000  # snapshots above all


def vectorize(
    image: tyro.conf.Positional[Path],
    config: Annotated[VectorizeConfig, tyro.conf.arg(name="")] = VectorizeConfig(),  # noqa: B008
    out: Annotated[Path | None, tyro.conf.arg(aliases=("-o",))] = None,
    resume: bool = False,
    device: str = DEFAULT_DEVICE,
) -> None:
    """Turn a photograph or drawing into an SVG of paths, placed and shaped by gradient descent.

    Beside the SVG it leaves a PNG of what is in it, and a folder ending in .run with a film of the
    way there, scores and the state to go on from.

    Args:
        image: the picture, of any common format.
        config: settings.
        out: the SVG to write. Without it: the name of the picture, ending in .svg.
        resume: go on with the run that was stopped.
        device: cpu, cuda or cuda:N.
    """
    from curvox.curves.vectorize_folder import choose_config, load_target, open_work, write_results

    out = Path(image.stem + ".svg") if out is None else out
    if out.suffix.lower() != ".svg":
        raise InputError(f"--out must name a file that ends in .svg, got {out}")
    folder = out.with_suffix(".run")
    console = Console()
    config = choose_config(config, folder, resume)
    target = load_target(image, config.size).to(parse_device(device))
    work = open_work(target, config, folder, resume)
    height, width, _ = target.shape
    memory = height * width * _BYTES_PER_PIXEL + config.paths * _BYTES_PER_PATH
    long = f"{config.iterations} iterations" if config.iterations else f"{config.minutes:g} min"
    console.print(
        f"{config.paths} paths, {width} × {height} pixels, {long}, about {memory >> 20} MiB; "
        f"results go to {out} and {folder}/",
        highlight=False,
        soft_wrap=True,
    )
    start = time.perf_counter()
    run(work, console, folder)
    with console.status("writing the SVG, pictures and the film"):
        metrics = write_results(work, out, folder, time.perf_counter() - start)
    console.print(
        f"PSNR {metrics['psnr']:.2f} dB, {metrics['bytes'] / 1024:.0f} KiB; look at {out}, "
        f"{folder / 'side_by_side.png'} and {folder / 'way.mp4'}",
        highlight=False,
        soft_wrap=True,
    )


def run(work: Vectorize, console: Console, folder: Path | None = None) -> None:
    """Go all the way under a progress bar, with checkpoints in `folder`."""
    from curvox.curves.vectorize_folder import save_checkpoint

    save = None if folder is None else partial(save_checkpoint, work, folder)
    states = (
        (done, f"{work.paths} paths  PSNR {work.psnr:.2f} dB  iteration {work.iteration}")
        for done in work.steps()
    )
    follow(states, console, "drawing", save)
