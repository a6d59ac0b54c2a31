"""Scenes to pixels: the call for drawings made of objects."""

from __future__ import annotations

import math

from torch import Tensor

from curvox.curves.lowering import scene_to_layers
from curvox.curves.render_layers import TOLERANCE, render_layers
from curvox.curves.scene import Scene

__all__ = ["image_size", "render"]


def image_size(
    scene: Scene, height: int | None = None, width: int | None = None
) -> tuple[int, int]:
    """Rows and columns of the image that :func:`render` makes of a scene."""
    if height is not None and width is not None:
        return height, width
    scale = 1.0
    if width is not None:
        scale = width / scene.width
    elif height is not None:
        scale = height / scene.height
    # Rounded up, but not for what is a hair over a whole number.
    rows, columns = (max(math.ceil(side * scale - 1e-6), 1) for side in (scene.height, scene.width))
    return rows if height is None else height, columns if width is None else width


def render(
    scene: Scene,
    height: int | None = None,
    width: int | None = None,
    *,
    background: Tensor | None = None,
    tolerance: float = TOLERANCE,
    backend: str | None = None,
) -> Tensor:
    """Draw a scene, differentiable in every tensor that it holds.

    Args:
        scene: the drawing.
        height, width: of the image in pixels. Given both, the drawing is stretched to fill it.
            Given one, it keeps its shape, and the other is what it needs, rounded up. Given none,
            one unit of the scene is a pixel.
        background: [3] RGB in 0..1, differentiable too. None: nothing, the image has an alpha.
        tolerance: pixels that curves may be away from the polygons that stand for them.
        backend: ``"torch"`` runs the references of all ops.

    Returns:
        [H, W, 4] RGBA in 0..1, the colour multiplied by alpha; over a background [H, W, 3].

    Raises:
        ValueError: see :func:`curvox.curves.lowering.scene_to_layers`.
    """
    rows, columns = image_size(scene, height, width)
    return render_layers(
        scene_to_layers(scene, height, width),
        rows,
        columns,
        background=background,
        tolerance=tolerance,
        backend=backend,
    )
