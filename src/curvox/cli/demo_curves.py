"""The curves of ``curvox demo``: a photograph and a glyph redrawn, in under a minute."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console

from curvox.cli.fit import run
from curvox.curves.fit_schedule import FitConfig

_PHOTOGRAPH = FitConfig(curves=800, iterations=1200, size=320)
_GLYPH = FitConfig(curves=60, iterations=1000, size=320)
_STOPS = (0, 2, 5, 10, 18)  # snapshots shown in the overview, of 49


def demo_curves(out: Path, console: Console) -> None:
    """Redraw a photograph and a letter with curves that start as random strokes.

    Args:
        out: folder for the pictures; what is there already is replaced.
        console: where to print.
    """
    import torch
    from skimage.data import astronaut

    from curvox.curves.fit import Fit
    from curvox.curves.fit_folder import way_frames, write_results
    from curvox.curves.glyphs import glyph_image
    from curvox.files import make_folder
    from curvox.images import resize, save_png, to_grey

    photograph = to_grey(torch.from_numpy(astronaut()).float() / 255)
    targets = {
        "photograph": (resize(photograph, _PHOTOGRAPH.size, _PHOTOGRAPH.size), _PHOTOGRAPH),
        "glyph": (glyph_image("&", _GLYPH.size), _GLYPH),
    }
    rows = []
    for name, (target, config) in targets.items():
        start = time.perf_counter()
        fit = Fit(target, config)
        run(fit, console, name=f"{name:<10}")
        metrics = write_results(fit, make_folder(out / name), time.perf_counter() - start)
        console.print(
            f"{name}: {fit.curves} curves, PSNR {metrics['psnr']:.1f} dB, "
            f"{metrics['seconds']:.0f} s",
            highlight=False,
        )
        frames = way_frames(fit)
        way = [frames[min(stop, len(frames) - 1)] for stop in _STOPS]
        rows.append(torch.cat([target, frames[-1], *way], 1))
    overview = out / "overview.png"
    save_png(overview, torch.cat(rows))
    console.print(
        f"target, result, and the way from random strokes: {overview}; "
        f"films: {out / 'photograph' / 'way.gif'}, {out / 'glyph' / 'way.gif'}",
        highlight=False,
        soft_wrap=True,
    )
