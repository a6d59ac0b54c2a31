"""``curvox bench curves``: the tables of the published rasterizer, measured on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from curvox.bench.cases import TESTS
from curvox.bench.curves import SETTINGS, Row, rows
from curvox.bench.profile import profile_method
from curvox.bench.tables import format_speedup
from curvox.cli.bench_rows import check_json, measure_rows, parse_names
from curvox.cli.device import DEFAULT_DEVICE, parse_device
from curvox.curves.methods import METHODS
from curvox.errors import InputError
from curvox.files import make_folder

__all__ = ["CurvesBench", "run_curves"]


@dataclass(frozen=True)
class CurvesBench:
    """Measure the seven tests of the published Bézier rasterizer, method by method.

    512×512 pixels, 128 samples a curve, forward and backward through autograd; medians. Each row
    stands beside the published figure (a V100, or 8 Broadwell cores).
    """

    tests: str = "1,2,3,4,5,6,7"
    """Which tests: 1 a quadratic, 2 a cubic, 3 a composite and glyphs, 4 sixteen sections, 5 time
    and 6 memory against the number of curves, 7 profiles (with --profile)."""
    methods: str = ",".join(METHODS)
    """Which methods, in this order. Speed-ups need base among them, first."""
    device: str = DEFAULT_DEVICE
    """cpu, cuda or cuda:N."""
    passes: int = 100
    """Passes a case; slow cases make do with fewer, three at least."""
    json: Path | None = None
    """Write the rows here as they come, and a plot of tests 5 and 6 beside it (.png)."""
    profile: Path | None = None
    """A folder for test 7: METHOD.prof (snakeviz) and METHOD.trace.json (chrome://tracing)."""


def run_curves(suite: CurvesBench) -> None:
    """Measure what `suite` says."""
    tests = _parse_tests(suite.tests)
    methods = parse_names("--methods", suite.methods, METHODS)
    device = parse_device(suite.device)
    if suite.passes < 1:
        raise InputError(f"--passes must be at least 1, got {suite.passes}")
    check_json(suite.json)
    console = Console()
    measured = measure_rows(
        console,
        rows(tests, methods, device, suite.passes),
        device,
        SETTINGS,
        suite.json,
        group=_group,
        describe=lambda row: f"test {row.test}: {row.draw}, {row.method}",
        show=lambda finished: _print_tables(console, finished),
    )
    if suite.json is not None and {5, 6} & set(tests):
        from curvox.bench.plot import plot_series  # matplotlib takes a second to import

        plot = suite.json.with_suffix(".png")
        plot_series(measured, plot)
        console.print(f"plot: {plot}")
    if 7 in tests and suite.profile is not None:
        folder = make_folder(suite.profile)
        for method in methods:
            for path in profile_method(method, device, min(suite.passes, 10), folder):
                console.print(f"profile: {path}")
    elif 7 in tests:
        console.print("test 7: name a folder with --profile DIR to write profiles")


def _group(row: Row) -> str:
    """Rows of one group come together; those of tests 5 and 6 take turns."""
    return row.draw if row.test < 5 else "series"


def _print_tables(console: Console, finished: list[Row]) -> None:
    for title in dict.fromkeys(_title(row) for row in finished):
        console.print(_table([row for row in finished if _title(row) == title]))


def _title(row: Row) -> str:
    return f"Test {row.test}: {TESTS[row.test]}" + (f" ({row.draw})" if row.test < 5 else "")


def _table(own: list[Row]) -> Table:
    table = Table(title=_title(own[0]), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("curves", justify="right")
    table.add_column("method")
    for name in ("forward", "backward", "total ms", "speed-up", "MiB"):
        table.add_column(name, justify="right")
    table.add_column("published")
    for row in own:
        cutoff = "" if row.cutoff is None else f", {row.cutoff:g} sigma"
        head = (str(row.num_curves), row.method + cutoff)
        if row.total_ms is None:
            table.add_row(*head, "", "", "", "", "", row.skipped)
            continue
        total = f"{row.total_ms:,.2f} ± {row.spread_ms:,.2f}"
        speedup = format_speedup(row.speedup)
        peak = "" if row.peak_mib is None else f"{row.peak_mib:,.1f}"
        numbers = (f"{row.forward_ms:,.2f}", f"{row.backward_ms:,.2f}", total, speedup, peak)
        table.add_row(*head, *numbers, _published(row))
    return table


def _published(row: Row) -> str:
    figure = row.published
    if figure is None:
        return ""
    parts = []
    if figure["total_ms"] is not None and row.test != 6:
        parts.append(f"{figure['total_ms']:,.1f} ms")
    if figure["peak_mb"] is not None and row.test != 5:
        parts.append(f"{figure['peak_mb']:,.0f} MB")
    return ", ".join(parts) + (f", {figure['hardware']}" if parts else "")


def _parse_tests(text: str) -> list[int]:
    try:
        tests = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--tests takes numbers with commas, got {text!r}") from None
    unknown = [test for test in tests if test not in TESTS]
    if unknown:
        raise InputError(f"--tests: there is no test {unknown[0]}, they are 1 to {max(TESTS)}")
    return tests
