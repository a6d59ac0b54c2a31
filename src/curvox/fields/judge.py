"""How well a field shows what photographs show that it has not seen."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.scene import Scene
from curvox.fields.view import View, render_view
from curvox.metrics import Lpips, psnr, ssim_or_none

__all__ = ["Judgement", "judge", "mean_scores", "protocol"]


@dataclass(frozen=True)
class Judgement:
    """Scores of one image. None: the measure does not apply or is not there."""

    image: str
    """The photograph's file."""
    psnr: float
    """Decibels, of floats as they come out of the renderer."""
    psnr_uint8: float
    """Decibels, after rendering and photograph were rounded to 8 bits a channel."""
    ssim: float | None
    """Of floats. Images of less than 11 pixels a side have none."""
    lpips: float | None
    """The lower, the better. Of values cut to 0..1."""


def judge(
    field: Field, scene: Scene, *, rung: str = "fused", lpips: Lpips | None = None
) -> Iterator[tuple[Judgement, Tensor, View]]:
    """Render every photograph of a scene and compare, one after the other.

    Args:
        field: on the device of the scene.
        scene: photographs; what is transparent in them is composited over the scene's background,
            as what is empty in the field is.
        rung: how to render.
        lpips: computes LPIPS.

    Yields:
        The scores, the photograph [H, W, 3] and the rendering.
    """
    background = scene.poses.new_tensor(scene.background)
    for frame, file in enumerate(scene.files):
        photograph = scene.image(frame)
        view = render_view(
            field, scene.poses[frame], scene.intrinsics[frame], background, rung=rung
        )
        rendering = view.colour
        yield (
            Judgement(
                image=file.name,
                psnr=psnr(rendering, photograph),
                psnr_uint8=psnr(_rounded(rendering), _rounded(photograph)),
                ssim=ssim_or_none(rendering, photograph),
                lpips=None if lpips is None else lpips(rendering, photograph),
            ),
            photograph,
            view,
        )


def _rounded(image: Tensor) -> Tensor:
    return (image.clamp(0, 1) * 255).round() / 255


def mean_scores(judgements: list[Judgement]) -> dict[str, float | None]:
    """The mean over images of each measure; None where one of them is missing."""
    table: list[dict[str, Any]] = [asdict(judgement) for judgement in judgements]
    means: dict[str, float | None] = {}
    for name in ("psnr", "psnr_uint8", "ssim", "lpips"):
        values = [row[name] for row in table]
        means[name] = None if None in values else statistics.fmean(values)
    return means


def protocol(scene: Scene) -> str:
    """A sentence that says what was compared and how."""
    colour = {(1.0, 1.0, 1.0): "white", (0.0, 0.0, 0.0): "black"}.get(scene.background)
    return (
        f"{colour or f'RGB {scene.background}'} background; means over {len(scene)} images of the "
        f"{scene.split} split; psnr and ssim of float renderings, not clipped; psnr_uint8 of both "
        "images rounded to 8 bits; lpips with VGG-16, clipped to 0..1"
    )
