"""The painting of layers on CUDA: what its kernels are given, in which order they run.

The kernels are in ``kernels/cuda_paint.inc``; the headers under it say what they do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from curvox import _native
from curvox._native import cuda
from curvox.ops.sum_shares import sum_by_key

__all__ = ["paint_backward_cuda", "paint_cuda"]

_SCRATCH_BYTES = 2**28
"""For what blocks keep while they paint a tile, unless a single block needs more."""

_MOST_BLOCKS = 1024  # that paint at a time: enough to fill any GPU


class _Painting:
    """The arguments that all kernels begin with, and what is prepared for all tiles."""

    def __init__(self, height: int, width: int, channels: int, *inputs: Tensor) -> None:
        vertices, colours, opacities, geometry, positions, stop_colours, *rest = inputs
        group_opacities, background, loops, layer_loops, rules, gradient_ids, *rest = rest
        steps, scene_steps, radial, spreads, stops = rest
        self.layers, self.groups = len(opacities), len(group_opacities)
        self.gradients, self.stops = len(radial), len(positions)
        self.scenes, self.like = len(scene_steps) - 1, vertices
        loop_edges = scene_steps.new_zeros(len(loops) + 1)
        torch.cumsum(loops[:, 1] - loops[:, 0], 0, out=loop_edges[1:])
        self._arguments = (
            *(vertices, loops, layer_loops, rules, colours, opacities, gradient_ids),
            *(radial, geometry, spreads, stops, positions, stop_colours),
            *(steps, scene_steps, group_opacities, background),
            *(self.layers, self.scenes, height, width, channels, loop_edges),
        )
        tile = _native.cpu.PAINT_TILE
        self.tiles = self.scenes * -(-height // tile) * -(-width // tile)
        layer_boxes = steps.new_empty(self.layers, 4)
        self.launch("curvox_paint_layer_boxes", self.layers, layer_boxes)
        self.boxes = steps.new_empty(len(steps), 4)
        outer = depths = None
        if self.groups > 0:
            outer, depths = steps.new_empty(len(steps)), steps.new_zeros(self.scenes)
        boxes = (layer_boxes, self.boxes, outer, depths)
        self.launch("curvox_paint_step_boxes", self.scenes, *boxes)
        self.depth = 0 if depths is None else int(depths.amax())  # waits for the GPU

    def launch(self, name: str, blocks: int, *arguments: Any) -> None:
        threads = _native.cpu.PAINT_TILE_THREADS
        cuda.launch(self.like.device, name, blocks, threads, *self._arguments, *arguments)

    def scratch(self, *floats: int) -> tuple[int, list[Tensor]]:
        """How many blocks may paint at a time, and for each of some kinds of numbers that a pixel
        keeps memory for so many of them.
        """
        floats = tuple(count * _native.cpu.PAINT_TILE_THREADS for count in floats)
        blocks = min(self.tiles, _MOST_BLOCKS)
        if sum(floats) > 0:
            blocks = max(1, min(blocks, _SCRATCH_BYTES // (4 * sum(floats))))
        return blocks, [self.like.new_empty(blocks * count) for count in floats]


def paint_cuda(height: int, width: int, channels: int, *inputs: Tensor) -> Tensor:
    """The op ``curvox::paint_layers`` on CUDA. Where there are groups, one number is waited for:
    how deep they lie in each other.
    """
    painting = _Painting(height, width, channels, *inputs)
    images = painting.like.new_empty(painting.scenes, height, width, channels)
    depth, stack = painting.depth, None
    blocks = painting.tiles
    if depth > 0:
        blocks, (stack,) = painting.scratch(depth * _native.cpu.PAINT_SIGHT_FLOATS)
    task = (painting.boxes, painting.tiles, depth, stack, images)
    painting.launch("curvox_paint_tiles", blocks, *task)
    return images


def paint_backward_cuda(gradient: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """The op ``curvox::paint_layers_backward`` on CUDA. The sizes of its lists are waited for."""
    *inputs, to_vertices, _, _ = arguments
    painting = _Painting(*gradient.shape[1:], *inputs)
    groups, gradients = painting.groups, painting.gradients
    targets = (painting.layers + groups + 1, len(inputs[0]), 2 * gradients + painting.stops)

    counts = inputs[8].new_zeros(painting.tiles + 1, 3)
    painting.launch("curvox_paint_counts", painting.tiles, painting.boxes, to_vertices, counts[1:])
    offsets = counts.cumsum(0)
    most, steps, edges, shades = torch.cat([counts[:, 0].amax()[None], offsets[-1]]).tolist()
    rows = (steps + painting.tiles, 2 * edges, shades)
    keys = [offsets.new_full((n,), m) for n, m in zip(rows, targets, strict=True)]
    values = [gradient.new_empty(n, m) for n, m in zip(rows, (4, 2, 8), strict=True)]

    floats = painting.depth * _native.cpu.PAINT_CANVAS_FLOATS, most * _native.cpu.PAINT_KEPT_FLOATS
    blocks, (stack, kept) = painting.scratch(*floats)
    lists = (tensor for pair in zip(keys, values, strict=True) for tensor in pair)
    painting.launch(
        "curvox_paint_gradients",
        blocks,
        *(painting.boxes, painting.tiles, painting.depth, stack, most, kept),
        *(groups, gradients, to_vertices, gradient, offsets, *lists),
    )
    by_steps, by_vertices, by_shades = map(sum_by_key, keys, values, targets)
    by_layers, by_groups, background = by_steps.split([painting.layers, groups, 1])
    by_geometry, by_stops = by_shades.split([2 * gradients, painting.stops])
    results = (
        *(by_vertices, by_layers[:, :3], by_layers[:, 3]),
        *(by_geometry.reshape(gradients, 16)[:, :9], by_stops[:, 0], by_stops[:, 1:5]),
        *(by_groups[:, 0], background[0]),
    )
    return tuple(tensor.contiguous() for tensor in results)
