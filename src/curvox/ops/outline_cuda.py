"""Curves turned into polygons on CUDA: what the kernels are given, in which order they run.

The kernels are in ``kernels/cuda_outline.inc``; ``outline_parts.h`` says what they do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from curvox import _native
from curvox._native import cuda
from curvox.ops.sum_shares import sum_ranges

__all__ = ["flatten_backward_cuda", "flatten_cuda", "stroke_backward_cuda", "stroke_cuda"]


def _launch(items: int, name: str, *arguments: Any) -> None:
    """Run a kernel with one thread an item; the first argument is a tensor."""
    threads = _native.cpu.OUTLINE_THREADS
    cuda.launch(arguments[0].device, name, -(-items // threads), threads, *arguments)


def _flatten_begins(segments: Tensor, contours: Tensor, tolerances: Tensor) -> Tensor:
    """Where the vertices of each segment begin, and where the last ones end."""
    total = len(segments)
    counts = contours.new_zeros(total + 1)
    task = (segments, contours, len(contours) - 1, total, tolerances)
    _launch(total, "curvox_flatten_counts", *task, counts[1:])
    return counts.cumsum(0)


def flatten_cuda(segments: Tensor, contours: Tensor, tolerances: Tensor) -> tuple[Tensor, Tensor]:
    """The op ``curvox::flatten`` on CUDA. The number of vertices is waited for."""
    begins = _flatten_begins(segments, contours, tolerances)
    vertices = segments.new_empty(int(begins[-1]), 2)
    task = (segments, contours, len(contours) - 1, len(segments), begins)
    _launch(len(segments), "curvox_flatten_vertices", *task, vertices)
    return vertices, begins[contours]


def flatten_backward_cuda(
    gradient: Tensor, segments: Tensor, contours: Tensor, tolerances: Tensor, offsets: Tensor
) -> Tensor:
    """The op ``curvox::flatten_backward`` on CUDA."""
    begins = _flatten_begins(segments, contours, tolerances)
    by_segments = torch.empty_like(segments)
    task = (segments, contours, len(contours) - 1, len(segments), begins)
    _launch(len(segments), "curvox_flatten_backward", *task, gradient, by_segments)
    return by_segments


class _Strokes:
    """The samples of strokes, and where the vertices of their outlines' stops begin."""

    def __init__(self, *inputs: Tensor) -> None:
        segments, contours, *style = inputs
        self.task = (segments, contours, len(contours) - 1, *style)
        total = len(segments)
        counts = contours.new_zeros(total + 1)
        _launch(total, "curvox_stroke_counts", *self.task, total, counts[1:])
        begins = counts.cumsum(0)
        self.count = int(begins[-1])  # waits for the GPU
        size = _native.cpu.OUTLINE_SAMPLE_BYTES
        samples = segments.new_empty(self.count * size, dtype=torch.uint8)
        _launch(total, "curvox_stroke_samples", *self.task, total, begins, samples)
        self.samples = (samples, begins)
        stops = 2 * self.count
        counts = contours.new_zeros(stops + 1)
        task = (*self.task, *self.samples, stops)
        _launch(stops, "curvox_stroke_vertex_counts", *task, counts[1:])
        self.stop_vertices = counts.cumsum(0)


def stroke_cuda(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The op ``curvox::stroke`` on CUDA. The numbers of samples and of vertices are waited for."""
    strokes = _Strokes(*inputs)
    segments, contours = inputs[:2]
    vertices = segments.new_empty(int(strokes.stop_vertices[-1]), 2)
    stops, stop_vertices = 2 * strokes.count, strokes.stop_vertices
    task = (*strokes.task, *strokes.samples)
    _launch(stops, "curvox_stroke_vertices", *task, stops, stop_vertices, vertices)
    offsets = contours.new_zeros(2 * len(contours) - 1)
    _launch(len(contours) - 1, "curvox_stroke_loops", *task, stop_vertices, offsets)
    return vertices, offsets


def stroke_backward_cuda(gradient: Tensor, *inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The op ``curvox::stroke_backward`` on CUDA. The number of samples is waited for."""
    strokes = _Strokes(*inputs[:-1])
    segments, contours = inputs[:2]
    samples, begins = strokes.samples
    task = (*strokes.task, samples, begins)
    by_samples = gradient.new_empty(strokes.count, 3)
    by_half_widths = gradient.new_empty(strokes.count, 1)
    of_samples = (strokes.count, strokes.stop_vertices, gradient, by_samples, by_half_widths)
    _launch(strokes.count, "curvox_stroke_sample_gradients", *task, *of_samples)
    by_segments = torch.empty_like(segments)
    of_segments = (len(segments), by_samples, by_segments)
    _launch(len(segments), "curvox_stroke_segment_gradients", *task, *of_segments)
    return by_segments, 0.5 * sum_ranges(begins[contours], by_half_widths)[:, 0]
