"""``curvox draw``: an SVG file as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from curvox.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from curvox.curves.scene import Scene

_MOST_PIXELS = 1 << 27


def draw(
    file: tyro.conf.Positional[Path],
    width: int | None = None,
    out: Annotated[Path | None, tyro.conf.arg(aliases=("-o",))] = None,
    background: str = "none",
) -> None:
    """Draw an SVG file, as browsers show it, into a PNG.

    What the file asks for and curvox does not draw (text, images, filters, ...) is named.

    Args:
        file: the SVG.
        width: of the picture in pixels; its height follows. Without it: the size that the file
            says, rounded up.
        out: the PNG to write. Without it: the name of the SVG, ending in .png.
        background: none leaves the picture transparent where nothing is drawn; white, #rrggbb or
            any colour of CSS fills it.
    """
    from curvox.curves import svg
    from curvox.images import save_png

    out = file.with_suffix(".png") if out is None else out
    if out.suffix.lower() != ".png":
        raise InputError(f"--out must name a file that ends in .png, got {out}")
    if width is not None and width < 1:
        raise InputError(f"--width must be at least 1, got {width}")
    colour = _colour(background)
    scene, report = svg.load(file)
    console = Console(stderr=True)
    for sentence in report.unsupported:
        console.print(
            f"curvox: {file}: {sentence}",
            style="yellow",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    image = _picture(file, scene, width, colour)
    save_png(out, image)
    rows, columns = image.shape[:2]
    Console().print(f"{columns} × {rows} pixels: {out}", highlight=False, soft_wrap=True)


def _picture(file: Path, scene: Scene, width: int | None, colour: Tensor | None) -> Tensor:
    """RGB over a colour; without one RGBA, the colour not multiplied by alpha, as PNG has it."""
    import torch

    from curvox.curves.render import image_size, render

    rows, columns = image_size(scene, width=width)
    if rows * columns > _MOST_PIXELS:
        raise InputError(f"{file}: {columns} × {rows} pixels are too many: give a smaller --width")
    with torch.no_grad():
        try:
            image = render(scene, width=width, background=colour)
        except ValueError as error:
            raise InputError(f"{file} cannot be drawn: {error}") from error
    if colour is not None:
        return image
    alpha = image[:, :, 3:]
    return torch.cat([image[:, :, :3] / alpha.clamp_min(1e-6), alpha], 2)


def _colour(text: str) -> Tensor | None:
    import torch

    from curvox.curves.svg.values import colour

    if text == "none":
        return None
    try:
        found = colour(text)
    except ValueError:
        found = None
    if found is None or found[1] < 1:
        raise InputError(f"--background must be none or an opaque colour, got {text!r}")
    return torch.tensor(found[0])
