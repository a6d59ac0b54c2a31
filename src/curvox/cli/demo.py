"""``curvox demo``: what curvox does, in a minute or two, with no files and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from curvox.cli.demo_curves import demo_curves
from curvox.cli.demo_fields import demo_fields
from curvox.cli.demo_vector import demo_vector


def demo(
    what: tyro.conf.Positional[Literal["all", "curves", "vector", "fields"]] = "all",
    out: Path = Path("demo"),
) -> None:
    """Redraw pictures with curves and paths, and train a radiance field on traced pictures.

    Needs no files and no network: the photograph is scikit-image's astronaut (NASA, public domain),
    the letter an ampersand from DejaVu Sans, the drawing comes with curvox, and the pictures for
    the field are traced first.

    Args:
        what: one part of the demo, or all of it: soft curves, vector graphics, a radiance field.
        out: folder for the pictures; a demo that is there already is replaced.
    """
    console = Console()
    if what in ("all", "curves"):
        demo_curves(out / "curves", console)
    if what in ("all", "vector"):
        demo_vector(out / "vector", console)
    if what in ("all", "fields"):
        demo_fields(out / "fields", console)
