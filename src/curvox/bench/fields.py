"""``curvox bench fields``: every rung of the ladder of radiance fields, measured here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from curvox.bench.breakdown import break_down
from curvox.bench.limits import Limits
from curvox.bench.measure import peak_bytes, time_calls, too_large
from curvox.bench.moments import Moment, Preparation
from curvox.bench.published_fields import published_times
from curvox.bench.samples import Samples, count_samples
from curvox.fields.field import Field
from curvox.fields.view import render_view

__all__ = ["Row", "rows"]

_VIEWS = 3  # that are rendered

# Estimated bytes that an iteration takes beside field and optimizer, used only to tell beforehand
# what will not fit: for each step of the longest ray times rays, for each sample in the box, for
# each that is occupied, for each that is coloured times the width of the network, and for each
# entry of the grids. Measured (float32, CPU).
_BYTES = {
    "native": (60, 0, 230, 24, 16),
    "adam": (60, 0, 230, 24, 4),
    "rendering": (0, 40, 240, 24, 4),
    "weights": (0, 40, 240, 24, 4),
    "fused": (0, 0, 170, 2, 4),
}


@dataclass(frozen=True)
class Row:
    """One measurement. Figures are None where there are none, or the case was skipped."""

    scene: str
    voxels: int
    """Of the fine grid in the end, along a side."""
    rung: str
    stage: str
    """``coarse``; ``growth``, the fine grid at a smaller size; ``fine``, at its full size;
    ``render``; or ``total``, the whole training."""
    grid_voxels: int | None = None
    """That the grid has at that moment, in all."""
    seconds_per_iteration: float | None = None
    seconds_per_view: float | None = None
    """Only in ``render``."""
    spread: float | None = None
    """Distance between the quartiles of the seconds."""
    timed: int = 0
    """Iterations or views."""
    projected_seconds: float | None = None
    """Of the iterations of the published schedule that this row stands for."""
    peak_mib: float | None = None
    speedup: float | None = None
    """Over the rung native."""
    samples_per_ray: dict[str, float] | None = None
    """What is left after each filter."""
    published: dict[str, float | None] | None = None
    """Seconds of the whole training by hardware; None where it ran out of memory."""
    breakdown: list[dict[str, Any]] | None = None
    """Of an iteration, in ``fine`` of the rung fused; see :mod:`curvox.bench.breakdown`."""
    skipped: str | None = None


def rows(
    name: str,
    preparation: Preparation,
    voxels: list[int],
    rungs: list[str],
    seconds: float,
    limits: Limits,
) -> Iterator[Row]:
    """Measure one row after the other.

    Args:
        name: of the scene.
        preparation: how it is trained before.
        voxels: sizes of the fine grid, along a side.
        rungs: in this order; speed-ups need native among them, first.
        seconds: for each row, where three iterations do not take longer. The fine grid before its
            last size gets a quarter: it weighs less in the projection.
        limits: of the machine, for the breakdown.
    """
    coarse: list[Row] = []
    for size in voxels:
        measured: list[Row] = []
        blank = Row(scene=name, voxels=size, rung="", stage="")
        for moment in preparation.moments(size):
            if moment.name == "coarse" and coarse:
                group = iter([replace(row, voxels=size) for row in coarse])
            else:
                given = seconds / 4 if moment.name == "growth" else seconds
                group = _compared(_iterations(blank, moment, rungs, given, limits))
            for row in group:
                measured.append(row)
                yield row
            if moment.name == "coarse":
                coarse = list(measured)
            if moment.name == "fine":  # the last moment
                yield from _compared(_totals(blank, rungs, measured))
                # Last, since a view takes the slow rungs a minute.
                yield from _compared(_views(blank, moment, rungs, seconds))


def _compared(group: Iterator[Row]) -> Iterator[Row]:
    """Rows of one stage, with their speed-ups."""
    native = None
    for row in group:
        took = row.seconds_per_iteration or row.seconds_per_view or row.projected_seconds
        if row.rung == "native":
            native = took
        yield replace(row, speedup=native / took if native and took else None)


def _iterations(
    blank: Row, moment: Moment, rungs: list[str], seconds: float, limits: Limits
) -> Iterator[Row]:
    """Each rung at one moment of the training."""
    device = moment.stage.scene.device
    samples = count_samples(moment.stage.field, *moment.first_batch()[:3])
    for rung in rungs:
        row = replace(
            blank,
            rung=rung,
            stage=moment.name,
            grid_voxels=len(moment.stage.field.density.values),
            samples_per_ray=samples.per_ray(),
            skipped=too_large(_estimated_bytes(rung, moment.stage.field, samples), device),
        )
        yield row if row.skipped else _timed(row, moment, samples, seconds, limits)


def _timed(row: Row, moment: Moment, samples: Samples, seconds: float, limits: Limits) -> Row:
    stage = moment.stage_of(row.rung)
    device = stage.scene.device

    def step() -> None:
        stage.step(moment.progress)

    peak = peak_bytes(step, device)
    step()
    repeats = time_calls(step, device, seconds)
    explained = row.rung == "fused" and row.stage == "fine" and device.type == "cpu"
    parts = break_down(stage, moment.progress, samples, limits) if explained else []
    return replace(
        row,
        seconds_per_iteration=repeats.seconds,
        spread=repeats.spread,
        timed=repeats.count,
        projected_seconds=repeats.seconds * moment.iterations,
        peak_mib=None if peak is None else peak / 2**20,
        breakdown=[asdict(part) for part in parts] or None,
    )


def _views(blank: Row, moment: Moment, rungs: list[str], seconds: float) -> Iterator[Row]:
    """Each rung at rendering photographs of the scene anew, a different one every time."""
    scene, field = moment.stage.scene, moment.stage.field
    background = torch.tensor(scene.background, device=scene.device)
    for rung in rungs:
        frames = itertools.cycle(range(0, len(scene), max(len(scene) // _VIEWS, 1)))

        def render(rung: str = rung, frames: Iterator[int] = frames) -> None:
            frame = next(frames)
            render_view(field, scene.poses[frame], scene.intrinsics[frame], background, rung=rung)

        peak = peak_bytes(render, scene.device)
        repeats = time_calls(render, scene.device, seconds, fewest=1, most=_VIEWS)
        yield replace(
            blank,
            rung=rung,
            stage="render",
            grid_voxels=len(field.density.values),
            seconds_per_view=repeats.seconds,
            spread=repeats.spread,
            timed=repeats.count,
            peak_mib=None if peak is None else peak / 2**20,
        )


def _totals(blank: Row, rungs: list[str], measured: list[Row]) -> Iterator[Row]:
    """The whole training with each rung, and what was published."""
    for rung in rungs:
        own = [row for row in measured if row.rung == rung]
        times = [row.projected_seconds for row in own if row.projected_seconds is not None]
        peaks = [row.peak_mib for row in own if row.peak_mib is not None]
        yield replace(
            blank,
            rung=rung,
            stage="total",
            projected_seconds=sum(times) if len(times) == len(own) else None,
            peak_mib=max(peaks, default=None),
            published=published_times(blank.scene, blank.voxels, rung),
            skipped=next((row.skipped for row in own if row.skipped), None),
        )


def _estimated_bytes(rung: str, field: Field, samples: Samples) -> float:
    """What an iteration will need, a copy of field and optimizer included."""
    width = 0 if field.network is None else field.settings.width
    entries = field.density.values.numel() + field.colour.values.numel()
    counts = (
        samples.num_rays * samples.longest,
        samples.in_box,
        len(samples.occupied),
        len(samples.coloured) * width,
        entries,
    )
    held = 3 * 4 * entries  # values and two moments
    return held + sum(a * b for a, b in zip(counts, _BYTES[rung], strict=True))
