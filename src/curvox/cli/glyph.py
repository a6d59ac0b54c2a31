"""``curvox glyph``: the outline of a glyph as soft curves."""

from __future__ import annotations

from pathlib import Path

import tyro
from rich.console import Console

from curvox.errors import InputError


def glyph(
    text: tyro.conf.Positional[str],
    font: Path | None = None,
    out: Path = Path("glyph.png"),
    size: int = 512,
    sigma: float = 0.006,
) -> None:
    """Draw the outline of a glyph, or of a short text, as soft curves.

    Args:
        text: one character or more; quote those that the shell would take for itself.
        font: a TrueType or OpenType file. Without one: DejaVu Sans.
        out: the PNG file to write.
        size: its longer side in pixels. One character gets a square, a text a strip.
        sigma: softness: standard deviation of the ink across the line, as a share of that side.
    """
    from curvox.curves.glyphs import outline_ink
    from curvox.images import save_png

    if size < 1:
        raise InputError(f"--size must be at least 1, got {size}")
    if not 0 < sigma <= 1:
        raise InputError(f"--sigma must be in (0, 1], got {sigma}")
    ink = outline_ink(text, size, sigma, font)
    save_png(out, ink.render())
    Console().print(
        f"{ink.control_points.shape[0]} curves, {ink.width} × {ink.height} pixels: {out}",
        highlight=False,
        soft_wrap=True,
    )
