"""The painting of layers on CUDA: what its kernels are given, in which order they run.

The kernels are in ``kernels/cuda_paint.inc``; the headers under it say what they do.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from curvox import _native
from curvox._native import cuda

__all__ = ["paint_backward_cuda", "paint_cuda"]

_SCRATCH_BYTES = 2**28
"""For what blocks keep while they paint a tile, unless a single block needs more."""

_MASK_BYTES = 2**26
"""For bits that say which steps a tile has, unless a bit a step needs more."""

_MOST_BLOCKS = 2048  # that paint at a time: enough to fill any GPU

_NO_KEY = 2**31 - 1  # behind all others: for places of a list that are left empty


class _Painting:
    """The arguments that all kernels begin with. `plan` is what is prepared for all tiles, in one
    piece of memory; None: it is prepared now.
    """

    def __init__(
        self, height: int, width: int, channels: int, *inputs: Tensor, plan: Tensor | None = None
    ) -> None:
        vertices, colours, opacities, geometry, positions, stop_colours, *rest = inputs
        group_opacities, background, loops, layer_loops, rules, gradient_ids, *rest = rest
        steps, scene_steps, radial, spreads, stops = rest
        self.device, self.scenes = vertices.device, scene_steps.shape[0] - 1
        things = (vertices, opacities, group_opacities, radial, positions)
        self.counts = tuple(tensor.shape[0] for tensor in things)
        rows, columns = (-(-side // _native.cpu.PAINT_TILE) for side in (height, width))
        self.tiles = self.scenes * rows * columns
        tensors = (
            *(vertices, loops, layer_loops, rules, colours, opacities, gradient_ids),
            *(radial, geometry, spreads, stops, positions, stop_colours),
            *(steps, scene_steps, group_opacities, background),
        )
        count = steps.shape[0]
        words = count // _native.cpu.PAINT_MASK_STEPS + self.scenes
        cell = _cell(rows, columns, words)
        cell_rows, cell_columns = -(-rows // cell), -(-columns // cell)
        # Planned steps, their spans of tiles, edges before loops, masks, depths of groups.
        spans, masks = 8 * count * rows, 4 * words * cell_rows * cell_columns
        sizes = (_native.cpu.PAINT_STEP_BYTES * count, spans, 8 * loops.shape[0], masks)
        self.plan = self.bytes(sum(sizes) + 4 * self.scenes) if plan is None else plan
        planned, spans, edges, masks, depths = accumulate(sizes, initial=self.plan.data_ptr())
        self._arguments = (
            *(tensor.data_ptr() for tensor in tensors),
            *(opacities.shape[0], self.scenes, height, width, channels),
            *(edges, planned, spans, masks, cell),
        )
        self.depths = depths if group_opacities.shape[0] > 0 else None
        if plan is not None:
            return
        threads = _native.cpu.PAINT_PLAN_THREADS
        self.launch("curvox_paint_plan_steps", count, threads)
        if self.depths is not None:
            outer = steps.new_empty(count)
            self.launch("curvox_paint_plan_groups", self.scenes, threads, outer, self.depths)
        self.launch("curvox_paint_plan_masks", words * cell_rows, threads)

    def depth(self) -> int:
        """How deep groups lie in each other. Where there are any, the GPU is waited for."""
        if self.depths is None:
            return 0
        return int(self.plan[-4 * self.scenes :].view(torch.int32).amax())

    def bytes(self, count: int) -> Tensor:
        """Memory for kernels."""
        return torch.empty(count, dtype=torch.uint8, device=self.device)

    def launch(self, name: str, blocks: int, threads: int, *arguments: Any) -> None:
        cuda.launch(self.device, name, blocks, threads, *self._arguments, *arguments)

    def paint(self, name: str, blocks: int, *arguments: Any) -> None:
        """Run a kernel whose blocks take tiles."""
        self.launch(name, blocks, _native.cpu.PAINT_THREADS, *arguments)

    def blocks(self, each: int) -> int:
        """How many blocks may paint at a time, if each keeps so many bytes."""
        most = min(self.tiles, _MOST_BLOCKS)
        return max(1, min(most, _SCRATCH_BYTES // each)) if each > 0 else most


def _cell(rows: int, columns: int, words: int) -> int:
    """Tiles along a side of the cells that have masks of so many words: they are to stay small."""
    cell = 1
    while 4 * words * -(-rows // cell) * -(-columns // cell) > _MASK_BYTES:
        if cell >= max(rows, columns):
            break
        cell *= 2
    return cell


def paint_cuda(
    height: int, width: int, channels: int, *inputs: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """The op ``curvox::paint_layers`` on CUDA. Where there are groups, one number is waited for:
    how deep they lie in each other.
    """
    painting = _Painting(height, width, channels, *inputs)
    images = inputs[0].new_empty(painting.scenes, height, width, channels)
    blocks, depth, stack = painting.tiles, painting.depth(), None
    if depth > 0:
        each = depth * _native.cpu.PAINT_SIGHT_BYTES
        blocks = painting.blocks(each)
        stack = painting.bytes(blocks * each)
    painting.paint("curvox_paint_tiles", blocks, painting.tiles, depth, stack, images)
    return images, [painting.plan]


def paint_backward_cuda(gradient: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """The op ``curvox::paint_layers_backward`` on CUDA. The size of its list is waited for."""
    *inputs, (plan,), to_vertices, to_opacities, to_background = arguments
    painting = _Painting(*gradient.shape[1:], *inputs, plan=plan)
    tiles, device = painting.tiles, painting.device
    places = torch.empty(tiles + 3, dtype=torch.int64, device=device)
    tile_steps = torch.empty(tiles, dtype=torch.int32, device=device)
    asked = (to_vertices, to_background)
    painting.paint("curvox_paint_counts", tiles, *asked, places, tile_steps)
    task = (tiles, places, tile_steps, painting.scenes, painting.depths)
    cuda.launch(device, "curvox_paint_places", 1, _native.cpu.PAINT_PLACE_THREADS, *task)
    count, most, depth = places[-3:].tolist()

    keys = torch.full((count,), _NO_KEY, dtype=torch.int32, device=device)
    pairs = gradient.new_empty(count, 2)
    stacked = depth * _native.cpu.PAINT_CANVAS_BYTES
    kept = most * _native.cpu.PAINT_KEPT_BYTES
    blocks = painting.blocks(stacked + kept)
    memory = painting.bytes(blocks * (stacked + kept))
    stack = memory.data_ptr()
    painting.paint(
        "curvox_paint_gradients",
        blocks,
        *(tiles, depth, stack, most, stack + blocks * stacked),
        *(*painting.counts, to_vertices, to_opacities, to_background),
        *(gradient, places, tile_steps, keys, pairs),
    )
    ordered, order = torch.sort(keys, stable=True)
    results = tuple(torch.empty_like(tensor) for tensor in inputs[:8])
    targets = _native.cpu.paint_keys(*painting.counts)
    blocks = -(-targets // _native.cpu.PAINT_SUM_TARGETS)
    task = (ordered, order, count, pairs, *painting.counts, *results)
    cuda.launch(device, "curvox_paint_sums", blocks, _native.cpu.PAINT_SUM_THREADS, *task)
    return results
