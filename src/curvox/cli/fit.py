"""``curvox fit``: redraw an image with curves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from curvox.cli.device import DEFAULT_DEVICE, parse_device
from curvox.cli.progress import follow

# The dataclass is what the options are made of, so it must be there at run time.
from curvox.curves.fit_schedule import FitConfig

if TYPE_CHECKING:
    from curvox.curves.fit import Fit

_BYTES_PER_PIXEL = 200  # images, gradients, the transforms of the search; measured, rounded up
_BYTES_PER_CURVE = 10_000  # snapshots above all


def fit(
    image: tyro.conf.Positional[Path],
    config: Annotated[FitConfig, tyro.conf.arg(name="")] = FitConfig(),  # noqa: B008 (frozen)
    out: Path = Path("fit"),
    resume: bool = False,
    device: str = DEFAULT_DEVICE,
) -> None:
    """Redraw a picture with soft strokes: curves, brightness and width fitted by Adam.

    Writes the picture, a film of the way there and the curves (SVG, JSON) into a folder.

    Args:
        image: the picture, of any common format; colours become grey.
        config: settings of the fit.
        out: folder for the results. It must not hold another run.
        resume: go on with the run in that folder, to the same result as if it had never stopped.
        device: cpu, cuda or cuda:N.
    """
    from curvox.curves.fit_folder import choose_config, load_target, open_fit, write_results

    console = Console()
    config = choose_config(config, out, resume)
    target = load_target(image, config.size).to(parse_device(device))
    begun = open_fit(target, config, out, resume)
    height, width = target.shape
    memory = height * width * _BYTES_PER_PIXEL + begun.config.curves * _BYTES_PER_CURVE
    left = begun.config.iterations - begun.iteration
    console.print(
        f"{left} iterations, {begun.config.curves} curves, {width} × {height} pixels, "
        f"about {max(memory >> 20, 1)} MiB; results go to {out}/",
        highlight=False,
        soft_wrap=True,
    )
    start = time.perf_counter()
    run(begun, console, out)
    with console.status("writing pictures"):
        metrics = write_results(begun, out, time.perf_counter() - start)
    similarity = "" if metrics["ssim"] is None else f", SSIM {metrics['ssim']:.3f}"
    console.print(
        f"PSNR {metrics['psnr']:.2f} dB{similarity}; look at {out / 'side_by_side.png'}, "
        f"{out / 'way.gif'} and {out / 'curves.svg'}",
        highlight=False,
        soft_wrap=True,
    )


def run(fit: Fit, console: Console, folder: Path | None = None, name: str = "fitting") -> None:
    """Make all iterations under a progress bar, with checkpoints in `folder`."""
    from curvox.curves.fit_folder import save_checkpoint

    save = None if folder is None else partial(save_checkpoint, fit, folder)
    follow(_steps(fit), console, name, save)


def _steps(fit: Fit) -> Iterator[tuple[float, str]]:
    while not fit.done:
        start, before = time.perf_counter(), fit.iteration
        fit.advance(10)
        rate = (fit.iteration - before) / (time.perf_counter() - start)
        state = f"{fit.curves} curves  PSNR {fit.psnr:.2f} dB  iteration {fit.iteration}"
        yield fit.iteration / fit.config.iterations, f"{state}  {rate:.0f}/s"
