"""Depth as a picture."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.view import View

__all__ = ["colour_depth", "depth_range"]

_MAP = "viridis"  # equal steps of depth look equally large, also in grey and to the colour-blind
_MARGIN = 0.75  # of the box's half diagonal: what is to be seen seldom reaches its corners


def depth_range(field: Field, poses: Tensor) -> tuple[float, float]:
    """Distances between which pictures from these cameras show something, one range for all.

    Args:
        field: what is seen.
        poses: [N, 3, 4].
    """
    low, high = field.box.cpu()
    middle, reach = (low + high) / 2, float((high - low).norm()) / 2 * _MARGIN
    distances = (poses[:, :, 3].cpu() - middle).norm(dim=1)
    settings = field.settings
    near = max(float(distances.min()) - reach, settings.near)
    return near, max(min(float(distances.max()) + reach, settings.far), near + 1e-6)


def colour_depth(view: View, near: float, far: float) -> Tensor:
    """[H, W, 3] in 0..1 on the CPU: near is bright, far dark, and what is empty white."""
    from matplotlib import colormaps  # slow to import, seldom needed

    place = 1 - ((view.depth.cpu() - near) / (far - near)).clamp(0, 1)
    colours = torch.from_numpy(colormaps[_MAP](place.numpy())[..., :3]).float()
    opacity = view.opacity.cpu().clamp(0, 1)[..., None]
    return colours * opacity + (1 - opacity)
