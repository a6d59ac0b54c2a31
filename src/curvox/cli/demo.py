"""``curvox demo``: what curvox does, in a minute or two, with no files and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from curvox.cli.demo_curves import demo_curves
from curvox.cli.demo_fields import demo_fields


def demo(
    what: tyro.conf.Positional[Literal["all", "curves", "fields"]] = "all",
    out: Path = Path("demo"),
) -> None:
    """Redraw a photograph and a letter with curves, and train a radiance field on traced pictures.

    Needs no files and no network: the photograph is scikit-image's astronaut (NASA, public domain),
    the letter an ampersand from DejaVu Sans, and the pictures for the field are traced first.

    Args:
        what: one half of the demo, or both.
        out: folder for the pictures; a demo that is there already is replaced.
    """
    console = Console()
    if what != "fields":
        demo_curves(out / "curves", console)
    if what != "curves":
        demo_fields(out / "fields", console)
