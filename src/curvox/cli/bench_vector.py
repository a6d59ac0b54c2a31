"""``curvox bench vector``: filled and stroked paths, measured on this machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from curvox.cli.bench_rows import check_json, measure_rows, print_cells
from curvox.cli.device import DEFAULT_DEVICE, parse_device
from curvox.errors import InputError

if TYPE_CHECKING:
    from curvox.bench.vector import Row
    from curvox.bench.vector_cases import Case

__all__ = ["VectorBench", "run_vector"]


@dataclass(frozen=True)
class VectorBench:
    """Measure filled and stroked paths: 1 to 8,192 of them on three canvases, and a batch.

    Forward and backward through autograd over a white background, with gradients to control points,
    colours, opacities and widths; medians. Beside them stands what was published, and the least
    time in which image and gradient pass through memory.
    """

    cases: str = "*"
    """Which cases, by name, such as fill-2048-2040x1344; * stands for anything, commas between."""
    device: str = DEFAULT_DEVICE
    """cpu, cuda or cuda:N."""
    passes: int = 100
    """Passes a case; slow cases make do with fewer, three at least."""
    json: Path | None = None
    """Write the rows here as they come."""


def run_vector(suite: VectorBench) -> None:
    """Measure what `suite` says."""
    from curvox.bench.limits import measure_limits
    from curvox.bench.vector import rows
    from curvox.bench.vector_tables import measured

    cases = _parse_cases(suite.cases)
    device = parse_device(suite.device)
    if suite.passes < 1:
        raise InputError(f"--passes must be at least 1, got {suite.passes}")
    check_json(suite.json)
    console = Console()
    limits = measure_limits(device)
    console.print(f"at best {limits.bandwidth / 1e9:,.1f} GB/s", highlight=False)

    def show(finished: list[Row]) -> None:
        for cells in measured([asdict(row) for row in finished]):
            print_cells(console, cells)

    measure_rows(
        console,
        rows(cases, device, suite.passes, limits),
        device,
        {"limits": asdict(limits)},
        suite.json,
        group=lambda row: (row.kind, row.height, row.width),
        describe=lambda row: row.case,
        show=show,
    )


def _parse_cases(text: str) -> list[Case]:
    """The cases whose names are like one of the patterns, in the order of all cases."""
    from curvox.bench.vector_cases import CASES

    patterns = text.split(",")
    for pattern in patterns:
        if not any(fnmatchcase(case.name, pattern) for case in CASES):
            known = f"{CASES[0].name} to {CASES[-1].name}"
            raise InputError(f"--cases: {pattern!r} is the name of no case, they are {known}")
    return [case for case in CASES if any(fnmatchcase(case.name, each) for each in patterns)]
