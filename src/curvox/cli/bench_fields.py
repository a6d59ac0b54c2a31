"""``curvox bench fields``: the published ladder of radiance fields, measured on this machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console

from curvox.bench.fields_tables import breakdown, stage, summary
from curvox.cli.bench_rows import check_json, measure_rows, parse_names, print_cells
from curvox.cli.device import DEFAULT_DEVICE, parse_device
from curvox.errors import InputError

if TYPE_CHECKING:
    from curvox.bench.fields import Row
    from curvox.fields.field import Field
    from curvox.fields.scene import Scene

__all__ = ["FieldsBench", "run_fields"]

_VOXELS = (8, 1024)  # least and most along a side


@dataclass(frozen=True)
class FieldsBench:
    """Measure every rung of the published ladder of radiance fields on a scene.

    Each rung makes the same iterations from the same states: the end of a short coarse stage, every
    size of the growing fine grid, and the full-size grid when space is carved. From their medians
    follows what the published schedule would take (5,000 coarse and 20,000 fine iterations).
    """

    scene: Path
    """Folder of posed photographs: NeRF-synthetic, nerfstudio, NSVF or COLMAP."""
    voxels: str = "160,256"
    """Sizes of the fine grid: this number cubed."""
    rungs: str = "native,adam,rendering,weights,fused"
    """Which rungs, in this order. Speed-ups need native among them, first."""
    seconds_per_rung: float = 20.0
    """Time for each measurement; at least three iterations are made, at most fifty."""
    prepare: int = 100
    """Iterations before a size of the fine grid is measured, of 1,000 in the published schedule;
    five times as many in the coarse stage. With the rung fused."""
    finished: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """The folder of a finished `curvox train` on this scene: its grid is the full-size one."""
    rays: int = 8_192
    """Rays an iteration."""
    device: str = DEFAULT_DEVICE
    """cpu, cuda or cuda:N."""
    json: Path | None = None
    """Write the rows here as they come."""


def run_fields(suite: FieldsBench) -> None:
    """Measure what `suite` says."""
    from curvox.bench.fields import rows
    from curvox.bench.limits import measure_limits
    from curvox.bench.moments import Preparation
    from curvox.fields.datasets import load_scene
    from curvox.fields.rungs import RUNGS

    device = parse_device(suite.device)
    voxels = _parse_voxels(suite.voxels)
    rungs = parse_names("--rungs", suite.rungs, RUNGS)
    for option in ("prepare", "rays"):
        if getattr(suite, option) < 1:
            raise InputError(f"--{option} must be at least 1, got {getattr(suite, option)}")
    if not suite.seconds_per_rung >= 0:
        raise InputError(f"--seconds-per-rung must not be negative, got {suite.seconds_per_rung}")
    check_json(suite.json)
    console = Console()
    with console.status("reading photographs"):
        scene = load_scene(suite.scene, "train").to(device)
        finished = None if suite.finished is None else _load_finished(suite.finished, scene)
    if finished is not None and any(size**3 != finished.settings.base_voxels for size in voxels):
        side = round(finished.settings.base_voxels ** (1 / 3))
        raise InputError(f"--from holds a grid of {side}³, so --voxels must be {side}")
    limits = measure_limits(device)
    console.print(
        f"at best {limits.bandwidth / 1e9:,.1f} GB/s, {limits.float32 / 1e9:,.0f} GFLOP/s in "
        f"float32, {limits.bfloat16 / 1e9:,.0f} in bfloat16",
        highlight=False,
    )
    name = suite.scene.resolve().name
    shown: list[dict[str, Any]] = []

    def show(finished: list[Row]) -> None:
        own = [asdict(row) for row in finished]
        shown.extend(own)
        if own[0]["stage"] == "total":
            print_cells(
                console, summary([row for row in shown if row["voxels"] == own[0]["voxels"]])
            )
        else:
            print_cells(console, stage(own))
        for row in own:
            if row["breakdown"]:
                print_cells(console, breakdown(row))

    measure_rows(
        console,
        rows(
            name,
            Preparation(scene, suite.rays, suite.prepare, finished),
            voxels,
            rungs,
            suite.seconds_per_rung,
            limits,
        ),
        device,
        {"scene": name, "rays": suite.rays, "prepare": suite.prepare, "limits": asdict(limits)},
        suite.json,
        group=lambda row: (row.voxels, row.grid_voxels, row.stage),
        describe=lambda row: f"{row.voxels}³, {row.stage}, {row.rung}",
        show=show,
    )


def _load_finished(folder: Path, scene: Scene) -> Field:
    """The field of a training of that scene."""
    from curvox.fields.field import Field
    from curvox.runs import load_checkpoint

    file = folder / "checkpoint.pt"
    if not file.is_file():
        raise InputError(f"--from: {folder} holds no training, there is no {file.name}")
    saved = load_checkpoint(file, map_location=scene.device, mmap=True)["training"]
    if saved["scene"] != scene.fingerprint():
        raise InputError(f"--from: {folder} is a training of another scene")
    if not saved["fine"]:
        raise InputError(f"--from: {folder} has not come to its fine stage yet")
    return Field.from_state(saved["field"], scene.device)


def _parse_voxels(text: str) -> list[int]:
    try:
        voxels = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--voxels takes numbers with commas, got {text!r}") from None
    least, most = _VOXELS
    for size in voxels:
        if not least <= size <= most:
            raise InputError(f"--voxels must be in {least}..{most}, got {size}")
    return voxels
