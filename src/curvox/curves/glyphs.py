"""Outlines of glyphs as Bézier curves, read from TrueType and OpenType fonts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont, TTLibError
from torch import Tensor

from curvox.curves.bezier import concatenate, elevate
from curvox.curves.ink import Ink, weights_from_ink
from curvox.errors import InputError

__all__ = ["default_font", "fit_into", "glyph_curves", "glyph_image", "outline", "outline_ink"]

Point = tuple[float, float]


def default_font() -> Path:
    """DejaVu Sans, which comes with matplotlib."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def glyph_curves(text: str, font: str | Path | None = None, *, margin: float = 0.1) -> Tensor:
    """The outline of a glyph or of a line of text, centred in the unit square.

    Args:
        text: one character or more, set in a line with the font's advances and, where the font has
            a ``kern`` table, its kerning. No shaping: no ligatures, no right-to-left scripts.
        font: a TrueType or OpenType file (of a collection, the first font). None: DejaVu Sans.
        margin: free space on each side, in [0, 0.5).

    Returns:
        [N, 4, 2] float32 cubics, closed outlines one after the other, x right, y down, in 0..1.

    Raises:
        InputError: the font cannot be read, lacks a character, or has nothing to draw for the text.
        ValueError: a margin out of range.
    """
    return fit_into(outline(text, font), 1.0, 1.0, margin)


def fit_into(curves: Tensor, height: float, width: float, margin: float) -> Tensor:
    """Scale and move `curves` [N, P, 2] so that their control points fill a canvas but a margin.

    The shape is kept: the direction with less room decides, and the other one is centred.
    """
    if not 0 <= margin < 0.5:
        raise ValueError(f"margin must be in [0, 0.5), got {margin}")
    low, high = curves.amin((0, 1)), curves.amax((0, 1))
    size = curves.new_tensor([width, height])
    room = size * (1 - 2 * margin)
    extent = (high - low).clamp_min(torch.finfo(curves.dtype).tiny)
    return (curves - (low + high) / 2) * (room / extent).min() + size / 2


def outline(text: str, font: str | Path | None = None) -> Tensor:
    """The curves of :func:`glyph_curves` before they are fitted: [N, 4, 2] in em, y down.

    The origin is where the baseline of the first character starts.
    """
    path = default_font() if font is None else Path(font)
    if not text:
        raise InputError("There is no text to draw: give at least one character")
    try:
        with TTFont(path, fontNumber=0, lazy=True) as file:
            curves = _layout(file, text, path)
            units = file["head"].unitsPerEm
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"There is no font file {path}") from None
    # What fontTools raises on a damaged table is whatever its parsing stumbles over.
    except (TTLibError, OSError, KeyError, ValueError, AssertionError, IndexError) as error:
        raise InputError(f"{path} cannot be read as a TrueType or OpenType font") from error
    except Exception as error:
        if type(error).__module__ != "struct":
            raise
        raise InputError(f"{path} cannot be read as a TrueType or OpenType font") from error
    if not curves:
        raise InputError(f"{text!r} has no outline in {path.name}: it is blank")
    flip = torch.tensor([1.0, -1.0])
    return elevate(concatenate(curves), 3) * flip / units


def _layout(font: Any, text: str, path: Path) -> list[Tensor]:
    """Curves of every glyph at its place in the line, in font units, y up."""
    names, glyphs, advances = font.getBestCmap() or {}, font.getGlyphSet(), font["hmtx"]
    kerning: dict[tuple[str, str], int] = {}
    for table in font["kern"].kernTables if "kern" in font else []:
        kerning.update(getattr(table, "kernTable", {}))
    curves: list[Tensor] = []
    x, previous = 0.0, ""
    for character in text:
        name = names.get(ord(character))
        if name is None:
            raise InputError(f"{path.name} has no glyph for {character!r} (U+{ord(character):04X})")
        x += kerning.get((previous, name), 0)
        pen = _CurvePen(glyphs)
        glyphs[name].draw(pen)
        curves += [torch.tensor(points) + torch.tensor([x, 0.0]) for points in pen.curves]
        x += advances[name][0]
        previous = name
    return curves


class _CurvePen(BasePen):
    """Collects lines, quadratics and cubics; the base class resolves components and implied points.

    Contours are closed as a rasterizer would close them.
    """

    def __init__(self, glyphs: Any) -> None:
        super().__init__(glyphs)
        self.curves: list[list[Point]] = []
        self._start: Point = (0.0, 0.0)

    def _add(self, *points: Point) -> None:
        curve = [(float(x), float(y)) for x, y in (self._getCurrentPoint(), *points)]
        if any(point != curve[0] for point in curve):
            self.curves.append(curve)

    def _moveTo(self, point: Point) -> None:
        self._start = point

    def _lineTo(self, point: Point) -> None:
        self._add(point)

    def _qCurveToOne(self, control: Point, point: Point) -> None:
        self._add(control, point)

    def _curveToOne(self, first: Point, second: Point, point: Point) -> None:
        self._add(first, second, point)

    def _closePath(self) -> None:
        self._add(self._start)

    _endPath = _closePath


def outline_ink(
    text: str, longer: int, sigma: float, font: str | Path | None = None, *, margin: float = 0.1
) -> Ink:
    """The outline as black ink on white paper, equally dark along curves of any length.

    Args:
        text, font, margin: as for :func:`glyph_curves`.
        longer: pixels on the longer side. The canvas of one character is square, that of a text
            as high as it needs to be.
        sigma: of the ink, in units of the longer side, positive.

    Raises:
        InputError: as :func:`glyph_curves`.
    """
    curves = outline(text, font)
    size = torch.tensor([1.0, 1.0])
    if len(text) > 1:
        extent = curves.amax((0, 1)) - curves.amin((0, 1))
        # One margin, in units of the longer side, on all four sides.
        size = ((extent / extent.max()) * (1 - 2 * margin) + 2 * margin).clamp_max(1)
    width, height = (max(round(float(side) * longer), 1) for side in size)
    curves = fit_into(curves, height / longer, width / longer, margin)
    # Enough samples that the longest curve has no beads: at most a sigma apart.
    longest = 3 * (curves[:, 1:] - curves[:, :-1]).norm(dim=2).amax()
    steps = max(math.ceil(float(longest) / sigma), 1) + 1
    sigmas = torch.full(curves.shape[:1], sigma)
    weights = weights_from_ink(torch.full_like(sigmas, -1.0), curves, sigmas, steps)
    return Ink(curves, weights, sigmas, 1.0, height, width, steps)


def glyph_image(
    text: str, size: int, font: str | Path | None = None, *, margin: float = 0.1
) -> Tensor:
    """The text filled in black on white, as a picture to fit curves to.

    Args:
        text, font, margin: as for :func:`glyph_curves`.
        size: side of the square picture in pixels.

    Returns:
        [size, size] float32 in 0..1.

    Raises:
        InputError: as :func:`glyph_curves`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Contours

    curves = glyph_curves(text, font, margin=margin).tolist()
    vertices, codes, pen = [], [], None
    for first, *rest in curves:
        if first != pen:
            vertices.append(first)
            codes.append(Contours.MOVETO)
        vertices += rest
        codes += [Contours.CURVE4] * 3
        pen = rest[-1]
    figure = Figure((1, 1), dpi=size)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(1, 0))
    axes.axis("off")
    axes.add_patch(PathPatch(Contours(vertices, codes), facecolor="black", linewidth=0))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = torch.frombuffer(bytearray(canvas.buffer_rgba()), dtype=torch.uint8)
    return pixels.reshape(size, size, 4)[:, :, 0].float() / 255
