"""Rows of the bench of photographs as SVG as a table."""

from __future__ import annotations

from itertools import groupby
from statistics import mean
from typing import Any

from curvox.bench.fields_tables import Cells

__all__ = ["drawings"]

_Row = dict[str, Any]

# Mean decibels over all 24 photographs of Kodak's, of the training's own rendering, after minutes
# on large GPUs, by the number of closed paths.
_PUBLISHED = {
    256: {"Bézier Splatting": 24.19, "Vector Scaffolding": 25.18},
    512: {"Bézier Splatting": 25.61, "Vector Scaffolding": 26.68},
    1024: {"Bézier Splatting": 26.91, "Vector Scaffolding": 28.30},
}


def drawings(rows: list[_Row]) -> Cells:
    """PSNR of every image, a line for each number of paths and time, published ones below."""
    rows = sorted(rows, key=lambda row: (row["paths"], row["minutes"]))  # stable: images stay
    images = list(dict.fromkeys(row["image"] for row in rows))
    lines = []
    for paths, own in groupby(rows, lambda row: row["paths"]):
        lines += [
            _line(f"{paths:,} paths, {minutes:g} min", images, list(drawn))
            for minutes, drawn in groupby(own, lambda row: row["minutes"])
        ]
        for method, score in _PUBLISHED.get(paths, {}).items():
            blanks = [""] * len(images)
            lines.append([f"{paths:,}, {method}, Kodak's 24", *blanks, f"{score:.2f}", "", ""])
    return Cells("Photographs as SVG", ("drawing", *images, "mean dB", "KiB", "steps"), lines)


def _line(what: str, images: list[str], rows: list[_Row]) -> list[str]:
    scores = {row["image"]: row["psnr"] for row in rows}
    cells = [f"{scores[name]:.2f}" if name in scores else "" for name in images]
    whole = len(scores) == len(images)  # means over other images cannot be compared
    average = f"{mean(scores.values()):.2f}" if whole else ""
    size = f"{mean(row['bytes'] for row in rows) / 1024:,.0f}"
    return [what, *cells, average, size, f"{mean(row['iterations'] for row in rows):,.0f}"]
