"""``python -m curvox.bench.tables``: the tables in README and docs, written from the bench's JSON.

A table stands between two comments, ``<!-- bench:NAME -->`` and ``<!-- /bench -->``. Names ending
in ``-gpu`` are of what was recorded on a GPU.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from curvox.bench import fields_tables, vector_tables
from curvox.bench.fields_tables import Cells
from curvox.errors import InputError
from curvox.files import write_text

__all__ = [
    "curves_series",
    "curves_summary",
    "fields",
    "fill",
    "format_speedup",
    "main",
    "vector",
]

_NOT_YET = "Not recorded yet: `make bench` does it."
_BLOCK = re.compile(r"(<!-- bench:([\w-]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def curves_summary(report: dict[str, Any] | None, tests: tuple[int, ...] = (1, 2, 3, 4)) -> str:
    """Tests 1 to 4, or some of them: one line a method, measured beside published."""
    if report is None:
        return _NOT_YET
    columns = ("forward ms", "backward ms", "total ms", "over base", "peak MiB")
    lines = [
        _line(["test", "method", *columns, "published"]),
        _line(["---", "---", *["--:"] * len(columns), "---"]),
    ]
    for row in report["rows"]:
        if row["test"] in tests:
            name = f"{row['test']}: {row['draw']}"
            lines.append(_line([name, row["method"], *_numbers(row), _published(row)]))
    return "\n".join([*lines, "", _caption(report)])


def curves_series(report: dict[str, Any] | None) -> str:
    """Tests 5 and 6: total time and peak memory of every method against the number of curves."""
    if report is None:
        return _NOT_YET
    series = [row for row in report["rows"] if row["test"] == 5]
    methods = list(dict.fromkeys(row["method"] for row in series))
    lines = [_line(["curves", *methods]), _line(["--:"] * (len(methods) + 1))]
    for count, cutoff in dict.fromkeys((row["num_curves"], row["cutoff"]) for row in series):
        cells = {
            row["method"]: _cell(row)
            for row in series
            if (row["num_curves"], row["cutoff"]) == (count, cutoff)
        }
        label = f"{count}" if cutoff is None else f"{count}, cut at {cutoff:g} sigma"
        lines.append(_line([label, *(cells.get(method, "") for method in methods)]))
    return "\n".join([*lines, "", _caption(report)])


def fields(report: dict[str, Any] | None) -> str:
    """Every size: the rungs beside the published ladder, and where an iteration goes."""
    if report is None:
        return "Not recorded yet: `make bench SCENE=DIR` does it."
    rows = report["rows"]
    tables = []
    for voxels in dict.fromkeys(row["voxels"] for row in rows):
        own = [row for row in rows if row["voxels"] == voxels]
        tables.append(_markdown(fields_tables.summary(own)))
        tables += [_markdown(fields_tables.breakdown(row)) for row in own if row["breakdown"]]
    return "\n\n".join([*tables, _fields_caption(report)])


def vector(report: dict[str, Any] | None, *, short: bool = False) -> str:
    """Filled and stroked paths: all rows, or in short those beside which something is published."""
    if report is None:
        return _NOT_YET
    rows = report["rows"]
    tables = [vector_tables.compared(rows)] if short else vector_tables.measured(rows)
    return "\n\n".join([*map(_markdown, tables), _vector_caption(report)])


def _markdown(cells: Cells) -> str:
    marks = ["---", *["--:"] * (len(cells.columns) - 1)]
    lines = [list(cells.columns), marks, *cells.lines]
    return "\n".join([f"{cells.title}:", "", *map(_line, lines)])


def fill(text: str, tables: dict[str, str]) -> str:
    """`text` with every marked block replaced by its table; unknown names are errors."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(2)
        if name not in tables:
            raise InputError(f"there is no table {name!r}, only {', '.join(tables)}")
        return f"{match.group(1)}\n{tables[name]}\n\n{match.group(3)}"

    return _BLOCK.sub(replace, text)


def main(root: Path) -> list[Path]:
    """Rewrite the tables of the documents below `root`; returns those that were out of date."""
    on_gpu = _tables(root / "docs/bench/gpu")
    tables = _tables(root / "docs/bench") | {f"{name}-gpu": on_gpu[name] for name in on_gpu}
    changed = []
    for path in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
        text = path.read_text("utf-8")
        filled = fill(text, tables)
        if filled != text:
            write_text(path, filled)
            changed.append(path)
    return changed


def _tables(folder: Path) -> dict[str, str]:
    """All tables of what was recorded on one device."""
    curves = _recorded(folder / "curves.json")
    vector_report = _recorded(folder / "vector.json")
    return {
        "curves-short": curves_summary(curves, tests=(1, 2)),
        "curves-summary": curves_summary(curves),
        "curves-series": curves_series(curves),
        "fields": fields(_recorded(folder / "fields.json")),
        "vector-short": vector(vector_report, short=True),
        "vector": vector(vector_report),
    }


def _recorded(path: Path) -> dict[str, Any] | None:
    report: dict[str, Any] | None = json.loads(path.read_text("utf-8")) if path.exists() else None
    return report


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def format_speedup(value: float | None) -> str:
    """How many times faster than base; a tenth counts where it is slower."""
    return "" if value is None else f"{value:,.{int(value < 1)}f}×"


def _numbers(row: dict[str, Any]) -> list[str]:
    if row["total_ms"] is None:
        return ["", "", row["skipped"], "", ""]
    speedup = format_speedup(row["speedup"])
    peak = "" if row["peak_mib"] is None else f"{row['peak_mib']:,.1f}"
    times = [_milliseconds(row[f"{part}_ms"]) for part in ("forward", "backward", "total")]
    return [*times, speedup, peak]


def _cell(row: dict[str, Any]) -> str:
    if row["total_ms"] is None:
        return "does not fit"
    return f"{_milliseconds(row['total_ms'])} ms, {row['peak_mib']:,.0f} MiB"


def _milliseconds(value: float) -> str:
    return f"{value:,.2f}" if value < 10 else f"{value:,.0f}"


def _published(row: dict[str, Any]) -> str:
    figure = row["published"]
    if figure is None:
        return ""
    memory = "" if figure["peak_mb"] is None else f", {figure['peak_mb']:,.0f} MB"
    return f"{figure['total_ms']:,.1f} ms{memory} ({figure['hardware']})"


def _caption(report: dict[str, Any]) -> str:
    return (
        f"{_run(report)}; medians of forward and backward through autograd, {report['canvas']} "
        f"pixels, {report['steps']} samples a curve."
    )


def _fields_caption(report: dict[str, Any]) -> str:
    limits = report["limits"]
    return (
        f"{_run(report)}; medians over iterations of {report['rays']:,} rays. At best this machine "
        f"moves {limits['bandwidth'] / 1e9:,.1f} GB/s and does {limits['float32'] / 1e9:,.0f} "
        f"GFLOP/s in float32, {limits['bfloat16'] / 1e9:,.0f} in bfloat16."
    )


def _vector_caption(report: dict[str, Any]) -> str:
    return (
        f"{_run(report)}; milliseconds, medians of forward and backward through autograd over "
        f"white. At best this machine moves {report['limits']['bandwidth'] / 1e9:,.1f} GB/s."
    )


def _run(report: dict[str, Any]) -> str:
    return (
        f"`{report['command']}`, revision {report['commit']}, {report['device']}, "
        f"{report['threads']} threads, torch {report['torch']}"
    )


if __name__ == "__main__":
    for written in main(Path.cwd()):
        print(f"wrote {written}")
