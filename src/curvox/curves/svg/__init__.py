"""SVG files: read into scenes, written from them."""

from __future__ import annotations

from pathlib import Path

from curvox.curves.scene import Scene
from curvox.curves.svg.document import Document
from curvox.curves.svg.read import read_scene
from curvox.curves.svg.report import Report
from curvox.curves.svg.write import to_svg
from curvox.errors import InputError
from curvox.files import write_text

__all__ = ["Report", "from_svg", "load", "save", "to_svg"]


def load(path: str | Path) -> tuple[Scene, Report]:
    """Read an SVG file.

    Understood are all shapes and path commands, attributes, ``style`` and style sheets with classes
    and other selectors, groups, ``use``, ``symbol`` and nested ``svg``, view boxes, units,
    transforms, linear and radial gradients, opacity, strokes with dashes, and clip paths. What is
    not, is noted in the report and left out: text, images, filters, masks, patterns, markers,
    blend modes, animation.

    Args:
        path: the file.

    Returns:
        The drawing, its tensors float32 on the CPU, one pixel a unit; and the report, whose
        `unsupported` is empty if all of the file is drawn as SVG prescribes.

    Raises:
        InputError: the file is missing, is no SVG, is not well-formed, declares entities, refers to
            other files, or is absurdly large.
    """
    try:
        text = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}") from None
    return _read(text, str(path))


def from_svg(text: str | bytes) -> tuple[Scene, Report]:
    """As :func:`load`, of the text of a file."""
    return _read(text, "the SVG text")


def _read(text: str | bytes, name: str) -> tuple[Scene, Report]:
    report = Report()
    return read_scene(Document(text, name, report), name, report), report


def save(path: str | Path, scene: Scene, decimals: int | None = None) -> None:
    """Write :func:`to_svg` to `path`, whole or not at all."""
    write_text(path, to_svg(scene, decimals))
