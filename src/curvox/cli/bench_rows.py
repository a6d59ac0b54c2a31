"""What the suites of ``curvox bench`` share: their options, saving rows as they come, tables."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from curvox.bench.fields_tables import Cells
from curvox.bench.run import describe_run
from curvox.errors import InputError
from curvox.files import write_json

__all__ = ["check_json", "measure_rows", "parse_names", "print_cells"]

_Row = TypeVar("_Row")


def check_json(path: Path | None) -> None:
    """Raise InputError where --json names a file that could not be written in the end."""
    if path is not None and not path.parent.is_dir():
        raise InputError(f"--json: the folder {path.parent} does not exist")


def parse_names(option: str, text: str, known: Iterable[str]) -> list[str]:
    """The names in `text`, with commas between them, each one of `known`."""
    names, known = text.split(","), list(known)
    for name in names:
        if name not in known:
            raise InputError(f"{option}: {name!r} is none of {', '.join(known)}")
    return names


def measure_rows(
    console: Console,
    coming: Iterable[_Row],
    device: torch.device,
    settings: dict[str, Any],
    json: Path | None,
    *,
    group: Callable[[_Row], object],
    describe: Callable[[_Row], str],
    show: Callable[[list[_Row]], None],
) -> list[_Row]:
    """Measure row by row.

    Args:
        console: says on what is measured, and by a spinner what was measured last.
        coming: the rows; each dataclass of them is measured when it is asked for.
        device: that they are measured on.
        settings: what all rows have in common, for the report.
        json: written with the rows so far whenever there is one more. None: no file.
        group: of a row; those of one group come one after the other.
        describe: a row in a few words.
        show: called with the rows of each group as soon as they are complete.
    """
    run = describe_run(device)
    console.print(f"{run['device']}, {run['threads']} threads, torch {run['torch']}")
    report = {"command": _command(), **run, **settings}
    measured: list[_Row] = []
    unshown: list[_Row] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("measuring")
        for row in coming:
            if unshown and group(row) != group(unshown[-1]):
                show(unshown)
                unshown = []
            measured.append(row)
            unshown.append(row)
            if json is not None:
                rows = [asdict(each) for each in measured]  # type: ignore[call-overload]
                write_json(json, {**report, "rows": rows})
            progress.update(task, description=describe(row))
    if unshown:
        show(unshown)
    if json is not None:
        console.print(f"rows: {json}")
    return measured


def print_cells(console: Console, cells: Cells) -> None:
    """Print a table, its columns aligned as in the documents."""
    table = Table(title=cells.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for index, column in enumerate(cells.columns):
        table.add_column(column, justify="right" if index else "left")
    for line in cells.lines:
        table.add_row(*line)
    console.print(table)


def _command() -> str:
    """The command line; of absolute paths, which mean nothing elsewhere, the last part."""
    arguments = (Path(a).name if Path(a).is_absolute() else a for a in sys.argv[1:])
    return "curvox " + shlex.join(arguments)
