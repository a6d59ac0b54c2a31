"""Rows of the bench of vector graphics as tables, for the terminal and for the documents."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from curvox.bench.fields_tables import Cells

__all__ = ["compared", "measured"]

_Row = dict[str, Any]


def measured(rows: list[_Row]) -> list[Cells]:
    """All figures of all rows, a table for each kind and canvas."""
    return [_canvas(list(own)) for _, own in groupby(rows, _place)]


def _place(row: _Row) -> str:
    batch = "" if row["pictures"] == 1 else f"{row['pictures']} pictures of "
    return f"{batch}{row['kind']}s, {row['width']}×{row['height']}"


def _canvas(rows: list[_Row]) -> Cells:
    lines = []
    for row in rows:
        times = [_milliseconds(row[f"{part}_ms"]) for part in ("forward", "backward", "total")]
        bound = [_milliseconds(row["least_ms"]), _reached(row)]
        beside = row["skipped"] or _published(row)
        lines.append([f"{row['num_paths']:,}", *times, _peak(row), *bound, beside])
    columns = ("paths", "forward", "backward", "total ms", "MiB", "least", "reached", "published")
    return Cells(_place(rows[0]), columns, lines)


def compared(rows: list[_Row]) -> Cells:
    """Total and memory of those rows beside which something was published."""
    lines = [
        [
            _drawing(row),
            row["skipped"] or _milliseconds(row["total_ms"]),
            _peak(row),
            _published(row),
        ]
        for row in rows
        if row["published"]
    ]
    columns = ("drawing", "total ms", "peak MiB", "published")
    return Cells("Filled and stroked paths", columns, lines)


def _drawing(row: _Row) -> str:
    paths = f"{row['num_paths']:,} {row['kind']}{'' if row['num_paths'] == 1 else 's'}"
    return f"{paths}, {row['width']}×{row['height']}"


def _milliseconds(value: float | None) -> str:
    """To about three digits."""
    if value is None:
        return ""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def _peak(row: _Row) -> str:
    return "" if row["peak_mib"] is None else f"{row['peak_mib']:,.1f}"


def _reached(row: _Row) -> str:
    """How near the total is to the least."""
    return "" if row["total_ms"] is None else f"{row['least_ms'] / row['total_ms']:.1%}"


def _published(row: _Row) -> str:
    return "; ".join(
        f"{_range(figure)} ({figure['what']}, {figure['hardware']})" for figure in row["published"]
    )


def _range(figure: dict[str, Any]) -> str:
    """Of forward and backward together."""
    ends = zip(figure["forward_ms"], figure["backward_ms"], strict=True)
    low, high = (_milliseconds(forward + backward) for forward, backward in ends)
    return f"{low if low == high else f'{low} to {high}'} ms"
