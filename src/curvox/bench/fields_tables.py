"""Rows of the bench of radiance fields as tables, for the terminal and for the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curvox.bench.published_fields import HARDWARE

__all__ = ["Cells", "breakdown", "stage", "summary"]

_Row = dict[str, Any]
_FILTERS = {
    "in_box": "in the box",
    "occupied": "occupied",
    "alpha": "dense enough",
    "transmittance": "lit enough",
    "weight": "seen enough",
}


@dataclass(frozen=True)
class Cells:
    """A table: what is over it, its columns, and its lines. The first column is text."""

    title: str
    columns: tuple[str, ...]
    lines: list[list[str]]


def stage(rows: list[_Row]) -> Cells:
    """The rungs in one stage, or at rendering."""
    first = rows[0]
    title = (
        f"{first['scene']} {first['voxels']}³, {first['stage']}: {first['grid_voxels']:,} voxels"
    )
    if first["samples_per_ray"]:
        title += f"; samples a ray: {_samples(first)}"
    what = "view" if first["stage"] == "render" else "iteration"
    columns = ("rung", f"s / {what}", "±", "timed", "over native", "peak MiB", "projected")
    return Cells(title, columns, [_stage_line(row) for row in rows])


def _stage_line(row: _Row) -> list[str]:
    if row["skipped"]:
        return [row["rung"], row["skipped"], *[""] * 5]
    seconds = row["seconds_per_iteration"] or row["seconds_per_view"]
    return [
        row["rung"],
        _seconds(seconds),
        _seconds(row["spread"]),
        str(row["timed"]),
        _speedup(row),
        _peak(row),
        _clock(row["projected_seconds"]),
    ]


def summary(rows: list[_Row]) -> Cells:
    """All rungs at one size: what a training takes, beside what was published."""
    first = rows[0]
    columns = (
        "rung",
        "coarse s",
        "fine s",
        "over native",
        "peak MiB",
        "view s",
        "training",
        "over native",
        *HARDWARE,
    )
    lines = []
    for total in rows:
        if total["stage"] == "total":
            own = {row["stage"]: row for row in rows if row["rung"] == total["rung"]}
            lines.append(_summary_line(total, own))
    samples = "; ".join(
        f"{name}: {_samples(row)}"
        for name, row in {row["stage"]: row for row in rows}.items()
        if row["samples_per_ray"] and name != "growth"
    )
    return Cells(
        f"{first['scene']} at {first['voxels']}³; samples a ray, {samples}", columns, lines
    )


def _summary_line(total: _Row, own: dict[str, _Row]) -> list[str]:
    published = total["published"] or {}
    times = [
        ("out of memory" if published[name] is None else _clock(published[name]))
        if name in published
        else ""
        for name in HARDWARE
    ]
    if total["skipped"]:
        return [total["rung"], total["skipped"], *[""] * 6, *times]
    return [
        total["rung"],
        _seconds(own["coarse"]["seconds_per_iteration"]),
        _seconds(own["fine"]["seconds_per_iteration"]),
        _speedup(own["fine"]),
        _peak(total),
        _seconds(own["render"]["seconds_per_view"]) if "render" in own else "",
        _clock(total["projected_seconds"]),
        _speedup(total),
        *times,
    ]


def breakdown(row: _Row) -> Cells:
    """Where an iteration of the rung fused goes."""
    lines = []
    for part in row["breakdown"]:
        least = part["least_milliseconds"]
        bound = ["", "", "", ""]
        if least is not None:
            share = least / part["milliseconds"] if part["milliseconds"] else 0.0
            bound = [
                f"{part['mib_moved']:,.1f}",
                f"{part['operations']:,.0f}",
                f"{least:.2f}",
                f"{share:.0%}",
            ]
        lines.append([part["name"], f"{part['milliseconds']:.2f}", *bound])
    columns = ("part", "ms", "MiB", "M operations", "least ms", "reached")
    title = f"{row['scene']} at {row['voxels']}³: an iteration of the fine stage, {row['rung']}"
    return Cells(title, columns, lines)


def _samples(row: _Row) -> str:
    counts = row["samples_per_ray"]
    return ", ".join(f"{counts[key]:,.1f} {name}" for key, name in _FILTERS.items())


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    digits = 1 if value >= 10 else 3 if value >= 0.1 else 5  # a GPU's iterations are milliseconds
    return f"{value:,.{digits}f}"


def _speedup(row: _Row) -> str:
    return "" if row["speedup"] is None else f"{row['speedup']:,.1f}×"


def _peak(row: _Row) -> str:
    return "" if row["peak_mib"] is None else f"{row['peak_mib']:,.0f}"


def _clock(seconds: float | None) -> str:
    """As minutes and seconds, or as hours and minutes from an hour and a half on."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d}"
