"""``curvox train``: a radiance field from posed photographs."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from curvox.cli.device import DEFAULT_DEVICE, parse_device

# The dataclass is what the options are made of, so it must be there at run time.
from curvox.fields.train_config import TrainConfig

if TYPE_CHECKING:
    from curvox.fields.scene import Scene
    from curvox.fields.train import Training

_CHECKPOINT_SECONDS = 120.0
_CHECKPOINT_SHARE = 0.03  # of the time, at most
_REFRESH_SECONDS = 0.5
_LOG_SECONDS = 2.0


def train(
    scene: tyro.conf.Positional[Path],
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = TrainConfig(),  # noqa: B008 (frozen)
    out: Path = Path("field"),
    resume: bool = False,
    device: str = DEFAULT_DEVICE,
) -> None:
    """Train a radiance field on a folder of posed photographs.

    Leaves checkpoints, previews and curves for TensorBoard in a folder as it goes, and scores and
    pictures of the test photographs at the end.

    Args:
        scene: folder of photographs with poses: NeRF-synthetic, nerfstudio, NSVF or COLMAP.
        config: settings of the training.
        out: folder for the results. It must not hold another run.
        resume: go on with the run in that folder; on the CPU to the same result as if it had never
            stopped.
        device: cpu, cuda or cuda:N.
    """
    from curvox.fields.datasets import load_scene
    from curvox.fields.train_folder import choose_config, load_held_out, open_training

    console = Console()
    where = parse_device(device)
    config = choose_config(config, out, resume)
    with console.status("reading photographs"):
        held_out = load_held_out(scene)
        held_out = held_out.select([len(held_out) // 2])  # the rest is read again when it is due
        photographs = load_scene(scene, "train")
    _announce(console, photographs, config, out)
    with console.status("finding out what the photographs see"):
        training = open_training(photographs.to(where), scene, config, out, resume)
    run(training, console, out, held_out)
    finish(training, console, out, scene)


def _announce(console: Console, scene: Scene, config: TrainConfig, out: Path) -> None:
    from curvox.fields.memory import expected_memory

    sizes = {(camera.width, camera.height) for camera in scene.intrinsics}
    width, height = max(sizes)
    length = (
        f"{config.coarse_iterations:,} coarse and {config.iterations:,} fine iterations"
        if config.minutes is None
        else f"{config.minutes:g} minutes, a fifth of them coarse"
    )
    console.print(
        f"{len(scene)} photographs of {width} × {height}{' or fewer' if len(sizes) > 1 else ''} "
        f"pixels; {length}, {config.rays:,} rays each; a grid of {config.voxels}³ voxels in the "
        f"end; about {_memory(expected_memory(scene, config))} of memory; results go to {out}/",
        highlight=False,
        soft_wrap=True,
    )


def _memory(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def run(training: Training, console: Console, folder: Path, held_out: Scene) -> None:
    """Make all iterations under a progress bar, with checkpoints, curves and previews.

    Raises:
        KeyboardInterrupt: Ctrl-C; the state at that moment is in the checkpoint.
        OSError: the folder could not be written to.
    """
    from curvox.fields.memory import peak_memory
    from curvox.fields.train_folder import save_checkpoint
    from curvox.fields.train_log import Curves, Preview

    curves, preview = Curves(folder / "logs"), Preview(held_out, folder / "preview")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(),
    )
    device = training.scene.device
    count, saved, spent, logged = 1, time.perf_counter(), 0.0, 0.0
    with (
        contextlib.closing(curves),
        _interrupts() as interrupted,
        Progress(*columns, console=console) as progress,
    ):
        task = progress.add_task("training", total=1.0, state="")
        while not training.done:
            start, before, fine = time.perf_counter(), training.iteration, training.fine
            if not fine and training.progress >= 1:
                preview.write(training)  # the last look at the coarse field
            training.advance(count)
            now = time.perf_counter()
            seconds = now - start
            made = training.iteration - (before if training.fine == fine else 0)
            stage = "fine" if training.fine else "coarse"
            progress.update(
                task,
                completed=training.overall_progress,
                description=stage,
                state=f"iteration {training.iteration:,}  PSNR {training.stage.psnr:.2f} dB  "
                f"{made / seconds:.1f}/s  {_memory(peak_memory(device))}",
            )
            if now - logged > _LOG_SECONDS or training.done:
                x, y, z = training.field.shape
                curves.add(
                    training.iteration,
                    {
                        f"{stage}/psnr": training.stage.psnr,
                        f"{stage}/iterations_per_second": made / seconds,
                        f"{stage}/voxels": x * y * z,
                        "memory/peak_mib": peak_memory(device) / (1 << 20),
                    },
                )
                curves.flush()
                logged = now
            if preview.due:
                preview.write(training)
            if interrupted():
                save_checkpoint(training, folder)
                console.print(
                    f"stopped at iteration {training.iteration:,} of the {stage} stage; "
                    "add --resume to go on",
                    highlight=False,
                )
                raise KeyboardInterrupt
            if now - saved > max(_CHECKPOINT_SECONDS, spent / _CHECKPOINT_SHARE):
                save_checkpoint(training, folder)
                saved = time.perf_counter()
                spent = saved - now
            count = _next_count(training, made, seconds)
        preview.write(training)
    save_checkpoint(training, folder)


def _next_count(training: Training, made: int, seconds: float) -> int:
    """How many iterations to make before the next look, without crossing the end of a stage."""
    count = max(int(made / seconds * _REFRESH_SECONDS), 1)
    config = training.config
    if config.minutes is None and not training.fine:
        count = min(count, max(config.coarse_iterations - training.iteration, 1))
    return count


@contextlib.contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C was pressed.

    An iteration is not cut in two by it: what it has begun would not be the same when it goes on
    from a checkpoint. A second Ctrl-C is not held up.
    """
    pressed = False

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    try:
        before: Any = signal.signal(signal.SIGINT, press)
    except ValueError:  # not the main thread: Ctrl-C does not arrive here
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def finish(training: Training, console: Console, folder: Path, scene: Path) -> dict[str, Any]:
    """Judge by photographs that were not trained on; write metrics.json and pictures."""
    from curvox.fields.train_folder import load_held_out
    from curvox.fields.train_results import write_results

    photographs = load_held_out(scene).to(training.scene.device)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"judging by {photographs.split} views", total=len(photographs))
        metrics = write_results(training, photographs, folder, lambda: progress.advance(task))
    similarity = "" if metrics["ssim"] is None else f", SSIM {metrics['ssim']:.4f}"
    seconds = sum(stage["seconds"] for stage in metrics["stages"].values())
    console.print(
        f"PSNR {metrics['psnr']:.2f} dB{similarity} on {len(photographs)} views of the "
        f"{photographs.split} split, after {seconds:.0f} s of training, "
        f"{metrics['peak_memory_mib']:.0f} MiB; look at {folder / photographs.split}/",
        highlight=False,
        soft_wrap=True,
    )
    return metrics
