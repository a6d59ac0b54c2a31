"""The fields of ``curvox demo``: a scene traced, trained on, and flown around in a minute."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from curvox.fields.train_config import TrainConfig

_VIEWS = {"train": 60, "val": 1, "test": 8}
_PIXELS = 200
# Rates above the published ones: they clear the fog of a short training, several times sooner.
_CONFIG = TrainConfig(
    voxels=96,
    iterations=1200,
    coarse_iterations=300,
    rays=1024,
    grid_rate=0.4,
    network_rate=5e-3,
)
_FRAMES, _FILM_PIXELS = 90, 200


def demo_fields(out: Path, console: Console) -> None:
    """Train a radiance field on pictures of a few solids, traced exactly.

    Args:
        out: folder for scene, run and film; what is there already is replaced.
        console: where to print.
    """
    from curvox.cli.render import write_film
    from curvox.cli.train import finish, run
    from curvox.fields import load_scene
    from curvox.fields.film import flight_around, shoot
    from curvox.fields.synthetic import write_synthetic_scene
    from curvox.fields.train_folder import load_held_out, open_training

    scene, folder, film = out / "scene", out / "run", out / "turntable.mp4"
    for old in (scene, folder):
        shutil.rmtree(old, ignore_errors=True)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("tracing pictures", total=sum(_VIEWS.values()))
        write_synthetic_scene(
            scene, size=_PIXELS, on_view=lambda *_: progress.advance(task), **_VIEWS
        )
    photographs, held_out = load_scene(scene), load_held_out(scene)
    training = open_training(photographs, scene, _CONFIG, folder, resume=False)
    run(training, console, folder, held_out)
    finish(training, console, folder, scene)
    camera = photographs.intrinsics[0].resized(_FILM_PIXELS, _FILM_PIXELS)
    flight = flight_around(photographs.poses, camera, _FRAMES)
    views = shoot(training.field, flight, photographs.background)
    with Progress(console=console, transient=True) as progress:
        shown = progress.track(views, total=len(flight), description="flying around")
        write_film(iter(shown), film, 30, "beside")
    console.print(
        f"photographs, renderings and depths: {folder / held_out.split}; film: {film}",
        highlight=False,
        soft_wrap=True,
    )
