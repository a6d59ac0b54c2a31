"""``curvox bench vectorize``: photographs as SVG, measured on this machine."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from rich.console import Console

from curvox.cli.bench_rows import check_json, measure_rows, print_cells
from curvox.cli.device import DEFAULT_DEVICE, parse_device
from curvox.errors import InputError

if TYPE_CHECKING:
    from curvox.bench.vectorize import Row

__all__ = ["VectorizeBench", "run_vectorize"]


@dataclass(frozen=True)
class VectorizeBench:
    """Measure how well so many closed paths show photographs after so many minutes.

    Scores are of the saved SVG, rendered by resvg (`pip install resvg-py`). It takes the sum of
    all times: --resume goes on where a run was stopped.
    """

    images: tyro.conf.Positional[tuple[Path, ...]]
    """Photographs."""
    paths: str = "256,512,1024"
    """Numbers of paths, commas between."""
    minutes: str = "1,3,10"
    """Times to take for each drawing."""
    device: str = DEFAULT_DEVICE
    """cpu, cuda or cuda:N."""
    json: Path | None = None
    """Write the rows here as they come."""
    resume: bool = False
    """Keep the rows that are in that file, and measure what is missing."""


def run_vectorize(suite: VectorizeBench) -> None:
    """Measure what `suite` says."""
    from curvox.bench.vectorize import rows
    from curvox.bench.vectorize_tables import drawings

    counts, minutes = _parse_paths(suite.paths), _parse_minutes(suite.minutes)
    device = parse_device(suite.device)
    check_json(suite.json)
    _check_images(suite.images)
    if importlib.util.find_spec("resvg_py") is None:
        raise InputError("bench vectorize needs resvg: pip install resvg-py")
    known = _read_rows(suite)
    console = Console()
    drawn = len(suite.images) * len(counts) * len(minutes)
    total = len(suite.images) * len(counts) * sum(minutes)
    what = f"{drawn} drawings in {total:g} min, less those that are known"
    console.print(what, highlight=False)

    def show(row: Row) -> None:
        what = f"{row.image}, {row.paths} paths, {row.minutes:g} min"
        console.print(f"{what}: {row.psnr:.2f} dB, {row.bytes / 1024:.0f} KiB", highlight=False)

    finished = measure_rows(
        console,
        rows(suite.images, counts, minutes, device, known),
        device,
        {},
        suite.json,
        group=lambda row: row.key,
        describe=lambda row: f"after {row.image}, {row.paths} paths, {row.minutes:g} min",
        show=lambda group: show(*group),
    )
    print_cells(console, drawings([asdict(row) for row in finished]))


def _check_images(images: tuple[Path, ...]) -> None:
    """Raise InputError before anything is measured for what would only fail hours later."""
    from curvox.images import load_image

    if not images:
        raise InputError("name at least one photograph")
    if len({image.stem for image in images}) < len(images):
        raise InputError("two photographs have the same name: rows could not be told apart")
    for image in images:
        load_image(image)


def _read_rows(suite: VectorizeBench) -> list[Row]:
    """The rows of the file that is gone on with; none without --resume."""
    from curvox.bench.vectorize import Row

    if not suite.resume:
        return []
    if suite.json is None:
        raise InputError("--resume needs --json: the file to go on with")
    try:
        return [Row(**row) for row in json.loads(suite.json.read_text("utf-8"))["rows"]]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"--resume: {suite.json} is no report of this bench") from None


def _parse_paths(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--paths takes numbers with commas, got {text!r}") from None
    if min(counts) < 1:
        raise InputError(f"--paths must be at least 1, got {min(counts)}")
    return counts


def _parse_minutes(text: str) -> list[float]:
    try:
        minutes = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--minutes takes numbers with commas, got {text!r}") from None
    for each in minutes:
        if not 0 < each < float("inf"):
            raise InputError(f"--minutes must be positive, got {each:g}")
    return minutes
