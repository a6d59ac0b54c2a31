"""``curvox eval``: how well a trained field shows what it has not seen."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from curvox.cli.device import DEFAULT_DEVICE, parse_device
from curvox.fields.rungs import RUNGS


def evaluate(
    run: tyro.conf.Positional[Path],
    split: Literal["train", "val", "test"] = "test",
    rung: Literal[tuple(RUNGS)] = "fused",  # type: ignore[valid-type]
    scene: Path | None = None,
    save_images: bool = False,
    device: str = DEFAULT_DEVICE,
) -> None:
    """PSNR, SSIM and LPIPS of a training, image by image.

    Prints a table and writes eval.json into the run's folder. LPIPS needs curvox[lpips].

    Args:
        run: folder that curvox train left.
        split: which photographs to judge by.
        rung: how to render.
        scene: folder of the photographs, where they are no longer where they were.
        save_images: write each rendering into the folder eval of the run.
        device: cpu, cuda or cuda:N.
    """
    from curvox import runs
    from curvox.fields.judge import judge, mean_scores, protocol
    from curvox.fields.train_folder import load_run
    from curvox.files import make_folder, write_json
    from curvox.images import save_png
    from curvox.metrics import Lpips, MetricUnavailable

    console = Console()
    where = parse_device(device)
    loaded = load_run(run, where)
    photographs = loaded.load_split(split, scene).to(where)
    try:
        lpips, reason = Lpips(), None
    except MetricUnavailable as error:
        lpips, reason = None, str(error)
    pictures = make_folder(run / "eval") if save_images else None
    judgements = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"rendering {split} views", total=len(photographs))
        views = judge(loaded.field, photographs, rung=rung, lpips=lpips)
        for index, (judgement, _, view) in enumerate(views):
            judgements.append(judgement)
            if pictures is not None:
                save_png(pictures / f"{index:03d}.png", view.colour)
            progress.advance(task)
    means = mean_scores(judgements)
    said = protocol(photographs)
    report: dict[str, Any] = {
        "split": split,
        "protocol": said,
        "rung": rung,
        "mean": means,
        "lpips_missing": reason,
        "images": [dataclasses.asdict(judgement) for judgement in judgements],
        "device": device,
        **runs.surroundings(),
        "config": dataclasses.asdict(loaded.config),
    }
    write_json(run / "eval.json", report)

    columns = [name for name, mean in means.items() if mean is not None]
    table = Table(box=SIMPLE_HEAD, show_footer=True)
    table.add_column("image", footer="mean")
    for name in columns:
        table.add_column(name, justify="right", footer=_digits(name, means[name]))
    for judgement in judgements:
        values = (_digits(name, getattr(judgement, name)) for name in columns)
        table.add_row(judgement.image, *values)
    console.print(table)
    console.print(said, highlight=False, soft_wrap=True)
    if reason is not None:
        console.print(reason, style="yellow", markup=False, highlight=False, soft_wrap=True)
    console.print(f"rows: {run / 'eval.json'}", highlight=False, soft_wrap=True)


def _digits(name: str, value: float | None) -> str:
    assert value is not None
    return f"{value:.2f}" if name.startswith("psnr") else f"{value:.4f}"
