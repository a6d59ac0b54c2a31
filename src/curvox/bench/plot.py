"""Time and memory against the number of curves, log–log, with the published figures dashed."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from curvox.bench.curves import Row
from curvox.files import writing

__all__ = ["plot_series"]


def plot_series(rows: list[Row], path: Path) -> None:
    """Draw tests 5 (time) and 6 (memory) as far as `rows` hold them."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    series = [row for row in rows if row.cutoff is None]
    _draw(axes[0], [row for row in series if row.test == 5], "total_ms", "total_ms", 1.0)
    _draw(axes[1], [row for row in series if row.test == 6], "peak_mib", "peak_mb", 1e6 / 2**20)
    axes[0].set_ylabel("forward + backward [ms]")
    axes[1].set_ylabel("peak memory [MiB]")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    with writing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)


def _draw(axes: Axes, rows: list[Row], field: str, published_field: str, unit: float) -> None:
    for index, method in enumerate(dict.fromkeys(row.method for row in rows)):
        colour = f"C{index}"
        own = [row for row in rows if row.method == method]
        measured = [(row.num_curves, getattr(row, field)) for row in own if getattr(row, field)]
        if measured:
            axes.plot(*zip(*measured, strict=True), "o-", color=colour, markersize=4, label=method)
        reported = [
            (row.num_curves, row.published[published_field] * unit, row.published["hardware"])
            for row in own
            if row.published and row.published[published_field]
        ]
        if reported:
            axes.plot(
                [point[0] for point in reported],
                [point[1] for point in reported],
                "x--",
                color=colour,
                alpha=0.6,
                markersize=5,
                label=f"{method}, published ({reported[0][2]})",
            )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("curves")
    axes.xaxis.set_major_formatter(matplotlib.ticker.ScalarFormatter())
    axes.grid(alpha=0.3)
