"""Curves turned into polygons on CUDA: what the kernels are given, in which order they run.

The kernels are in ``kernels/cuda_outline.inc``; ``outline_parts.h`` says what they do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from curvox import _native
from curvox._native import cuda

__all__ = ["flatten_backward_cuda", "flatten_cuda", "stroke_backward_cuda", "stroke_cuda"]


def _launch(items: int, name: str, *arguments: Any) -> None:
    """Run a kernel with one thread an item; the first argument is a tensor."""
    threads = _native.cpu.OUTLINE_THREADS
    cuda.launch(arguments[0].device, name, -(-items // threads), threads, *arguments)


def _places(items: int, name: str, *task: Any) -> Tensor:
    """Where what a kernel counts for each item begins in a list, and where the last of it ends."""
    counts = torch.empty(items + 1, dtype=torch.int64, device=task[0].device)
    _launch(items + 1, name, *task, items, counts)
    return counts.cumsum(0)


def flatten_cuda(
    segments: Tensor, contours: Tensor, tolerances: Tensor
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The op ``curvox::flatten`` on CUDA. The number of vertices is waited for."""
    total, count = segments.shape[0], contours.shape[0] - 1
    task = (segments, contours, count)
    begins = _places(total, "curvox_flatten_counts", *task, tolerances)
    vertices = segments.new_empty(int(begins[-1]), 2)
    offsets = torch.empty_like(contours)
    items = max(total, count + 1)
    _launch(items, "curvox_flatten_vertices", *task, total, begins, vertices, offsets)
    return vertices, offsets, [begins]


def flatten_backward_cuda(gradient: Tensor, *arguments: Any) -> Tensor:
    """The op ``curvox::flatten_backward`` on CUDA."""
    segments, contours, _, _, (begins,) = arguments
    total, by_segments = segments.shape[0], torch.empty_like(segments)
    task = (segments, contours, contours.shape[0] - 1, total, begins, gradient)
    _launch(total, "curvox_flatten_backward", *task, by_segments)
    return by_segments


def stroke_cuda(*inputs: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The op ``curvox::stroke`` on CUDA. The numbers of samples and of vertices are waited for."""
    segments, contours, *style = inputs
    total, count = segments.shape[0], contours.shape[0] - 1
    task = (segments, contours, count, *style)
    begins = _places(total, "curvox_stroke_counts", *task)
    length = int(begins[-1])
    samples = segments.new_empty(length, _native.cpu.OUTLINE_SAMPLE_BYTES, dtype=torch.uint8)
    _launch(total, "curvox_stroke_samples", *task, total, begins, samples)
    task, stops = (*task, samples, begins), 2 * length
    stop_vertices = _places(stops, "curvox_stroke_vertex_counts", *task)
    vertices = segments.new_empty(int(stop_vertices[-1]), 2)
    offsets = contours.new_empty(2 * count + 1)
    items = max(stops, count + 1)
    _launch(items, "curvox_stroke_vertices", *task, stops, stop_vertices, vertices, offsets)
    return vertices, offsets, [samples, begins, stop_vertices]


def stroke_backward_cuda(gradient: Tensor, *arguments: Any) -> tuple[Tensor, Tensor]:
    """The op ``curvox::stroke_backward`` on CUDA."""
    *inputs, _, (samples, begins, stop_vertices) = arguments
    segments, contours, _, widths, *_ = inputs
    total, count, length = segments.shape[0], contours.shape[0] - 1, samples.shape[0]
    task = (segments, contours, count, *inputs[2:], samples, begins)
    by_samples, by_half_widths = gradient.new_empty(length, 3), gradient.new_empty(length)
    of_samples = (length, stop_vertices, gradient, by_samples, by_half_widths)
    _launch(length, "curvox_stroke_sample_gradients", *task, *of_samples)
    by_segments, by_widths = torch.empty_like(segments), torch.empty_like(widths)
    _launch(total, "curvox_stroke_segment_gradients", *task, total, by_samples, by_segments)
    threads = _native.cpu.OUTLINE_THREADS
    of_contours = (contours, begins, by_half_widths, by_widths)
    cuda.launch(gradient.device, "curvox_stroke_width_gradients", count, threads, *of_contours)
    return by_segments, by_widths
