"""The painting of layers in plain PyTorch: exact areas, edge by edge and pixel by pixel."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from curvox.ops.gradient_paint import GradientTable, gradient_colours

__all__ = ["paint_reference", "winding_numbers"]


def paint_reference(
    height: int,
    width: int,
    channels: int,
    vertices: Tensor,
    colours: Tensor,
    opacities: Tensor,
    geometry: Tensor,
    positions: Tensor,
    stop_colours: Tensor,
    group_opacities: Tensor,
    background: Tensor,
    loops: Tensor,
    layer_loops: Tensor,
    rules: Tensor,
    gradient_ids: Tensor,
    steps: Tensor,
    scene_steps: Tensor,
    radial: Tensor,
    spreads: Tensor,
    stops: Tensor,
) -> Tensor:
    """:func:`curvox.ops.paint.paint_layers` in plain PyTorch, after its checks."""
    gradients = GradientTable(radial, geometry, spreads, stops, positions, stop_colours)
    centres = torch.stack(
        torch.meshgrid(
            torch.arange(width, dtype=vertices.dtype, device=vertices.device) + 0.5,
            torch.arange(height, dtype=vertices.dtype, device=vertices.device) + 0.5,
            indexing="xy",
        ),
        -1,
    )

    def covered(layer: int) -> Tensor:
        edges = _edges(vertices, loops[layer_loops[layer] : layer_loops[layer + 1]])
        return coverage(winding_numbers(*edges, height, width), int(rules[layer]))[..., None]

    def painted(layer: int) -> Tensor:
        """The layer's own picture, RGBA multiplied by alpha."""
        index = int(gradient_ids[layer])
        if index < 0:
            colour, alpha = colours[layer].expand(height, width, 3), opacities[layer]
        else:
            rgba = gradient_colours(gradients, index, centres)
            colour, alpha = rgba[..., :3], rgba[..., 3:] * opacities[layer]
        return covered(layer) * alpha * torch.cat([colour, torch.ones_like(colour[..., :1])], -1)

    images = []
    for begin, end in pairwise(scene_steps.tolist()):
        canvases = [background.expand(height, width, 4)]
        for kind, index, clip in steps[begin:end].tolist():
            if kind == 1:
                canvases.append(torch.zeros_like(canvases[0]))
                continue
            if kind == 0:
                over = painted(index)
            else:
                over = canvases.pop() * group_opacities[index]
                over = over if clip < 0 else over * covered(clip)
            canvases[-1] = over + (1 - over[..., 3:]) * canvases[-1]
        images.append(canvases[0])
    return torch.stack(images)[..., :channels]


def coverage(winding: Tensor, rule: int) -> Tensor:
    """The share of a pixel that lies inside, of its mean winding number."""
    magnitude = winding.abs()
    if rule == 0:
        return magnitude.clamp_max(1)
    folded = magnitude - 2 * torch.floor(magnitude.detach() / 2)
    return torch.where(folded < 1, folded, 2 - folded)


def _edges(vertices: Tensor, loops: Tensor) -> tuple[Tensor, Tensor]:
    """Starts and ends of all edges of closed polygons, each [E, 2]."""
    starts = [vertices[begin:end] for begin, end in loops.tolist()]
    ends = [polygon.roll(-1, 0) for polygon in starts]
    none = vertices.new_zeros(0, 2)
    return torch.cat([none, *starts]), torch.cat([none, *ends])


def winding_numbers(starts: Tensor, ends: Tensor, height: int, width: int) -> Tensor:
    """Every pixel's mean winding number of polygons with edges [E, 2] to [E, 2]; [height, width].

    An edge that comes down through a row by dy adds dy times the share of a pixel to its right.
    """
    dtype, device = starts.dtype, starts.device
    rows = torch.arange(height, dtype=dtype, device=device)
    top, bottom = rows[None], rows[None] + 1  # [1, H]
    y0, y1 = (_clip(points[:, 1:], top, bottom) for points in (starts, ends))  # [E, H]
    rise = (ends - starts)[:, 1:]
    flat = rise == 0
    rate = (ends - starts)[:, :1] / torch.where(flat, torch.ones_like(rise), rise)
    x0 = torch.where(flat, starts[:, :1], starts[:, :1] + (y0 - starts[:, 1:]) * rate)
    x1 = torch.where(flat, ends[:, :1], starts[:, :1] + (y1 - starts[:, 1:]) * rate)
    left, right = torch.minimum(x0, x1)[..., None], torch.maximum(x0, x1)[..., None]  # [E, H, 1]
    column = torch.arange(width, dtype=dtype, device=device)
    near, far = (_clip(x, column, column + 1) for x in (left, right))  # [E, H, W]
    # Not torch.minimum, which shares a gradient out where both are equal.
    before = torch.where(right < column, right, column) - torch.where(left < column, left, column)
    span = right - left
    narrow = span < (1e-4 if dtype == torch.float32 else 1e-9)
    swept = before + (far - near) * (column + 1 - (near + far) / 2)
    middle = _clip((left + right) / 2, column, column + 1)
    share = torch.where(
        narrow, column + 1 - middle, swept / torch.where(narrow, torch.ones_like(span), span)
    )
    return ((y1 - y0)[..., None] * share).sum(0)


def _clip(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Clamped, with a gradient where low <= value < high."""
    values, low, high = torch.broadcast_tensors(values, low, high)
    return torch.where(values < low, low, torch.where(values >= high, high, values))
