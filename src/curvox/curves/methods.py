"""The rungs of the published ladder: one picture, drawn with less and less work.

Every function takes ``(control_points, weights, sigmas, canvas)`` with [N, P, 2], [N] and [N], is
plain PyTorch, differentiable in all three, and runs on any device. :func:`curvox.ops.splat.splat`
is the rung above them.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from curvox.ops.splat import pixel_centres, sample_bezier, splat, splat_reference

__all__ = ["METHODS", "Canvas", "base", "bounded", "fused", "half", "shrunk", "tiled"]


@dataclass(frozen=True)
class Canvas:
    """What is drawn on: pixels, samples a curve, and where a sample's Gaussian may be cut."""

    height: int
    width: int
    steps: int
    cutoff: float | None
    tolerance: float

    @property
    def longer(self) -> int:
        """Pixels of the longer side, the unit of coordinates."""
        return max(self.height, self.width)


def base(control_points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas) -> Tensor:
    """Dense: every pixel against every sample. The reference of all others."""
    return splat_reference(
        control_points, weights, sigmas, canvas.height, canvas.width, steps=canvas.steps
    )


def half(control_points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas) -> Tensor:
    """Dense, in half precision: half the memory of `base`, about three digits.

    Distances along each axis are taken in full precision, in sigmas (a canvas coordinate alone
    would use up the eleven bits of a half), and only what is [samples, height, width] is half.
    """
    x, y, weight = _axis_distances(control_points, weights, sigmas, canvas)
    limit = 100.0  # sigmas; e^-5000 is zero in any precision, and 100² is far from overflow
    x, y = x.clamp(-limit, limit).half(), y.clamp(-limit, limit).half()
    squared = x[:, None, :] ** 2 + y[:, :, None] ** 2
    ink = weight.half()[:, None, None] * torch.exp(squared * -0.5)
    return ink.sum(0, dtype=torch.float32).to(control_points.dtype)


def bounded(control_points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas) -> Tensor:
    """Each curve only inside its bounding box, grown by the Gaussian's reach."""
    points, weight, sigma = _samples(control_points, weights, sigmas, canvas)
    radius = window_radius(weights, sigmas, canvas)[:, None]
    corners = control_points.detach()
    low = _pixels(corners.amin(1) - radius, canvas)
    high = _pixels(corners.amax(1) + radius, canvas)
    image = control_points.new_zeros(canvas.height, canvas.width)
    for curve, ((left, top), (right, bottom)) in enumerate(
        zip(low.tolist(), (high + 1).tolist(), strict=True)
    ):
        if left >= right or top >= bottom:
            continue
        samples = slice(curve * canvas.steps, (curve + 1) * canvas.steps)
        rows, columns = slice(top, bottom), slice(left, right)
        ink = _dense(points[samples], weight[samples], sigma[samples], canvas, rows, columns)
        image[rows, columns] += ink
    return image


def tiled(
    control_points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas, tiles: int = 8
) -> Tensor:
    """`tiles` × `tiles` tiles, each against only the samples that reach it.

    On CUDA the tiles run side by side on streams of their own.
    """
    points, weight, sigma = _samples(control_points, weights, sigmas, canvas)
    radius = window_radius(weights, sigmas, canvas).repeat_interleave(canvas.steps)
    # Which samples reach a tile is found on the CPU, for all tiles before the first is drawn: each
    # question to a GPU would wait for it.
    positions = (points.detach() * canvas.longer).cpu()
    reach = (radius[:, None] * canvas.longer).cpu()
    low, high = positions - reach, positions + reach  # [samples, 2], pixels
    cuts = list(product(_cuts(canvas.height, tiles), _cuts(canvas.width, tiles)))
    inside = []
    for (top, bottom), (left, right) in cuts:
        corner, opposite = low.new_tensor([left, top]), low.new_tensor([right, bottom])
        inside.append(((high > corner) & (low < opposite)).all(1).nonzero()[:, 0])
    counts = [len(samples) for samples in inside]
    chosen = torch.cat(inside).to(points.device).split(counts)
    streams = _Streams(points.device)
    drawn: list[Tensor] = []
    for ((top, bottom), (left, right)), samples in zip(cuts, chosen, strict=True):
        if drawn and len(samples) == 0:  # the first is drawn always: the image hangs on the points
            drawn.append(points.new_zeros(bottom - top, right - left))
            continue
        rows, columns = slice(top, bottom), slice(left, right)
        with streams.next():
            ink = points[samples], weight[samples], sigma[samples]
            drawn.append(_dense(*ink, canvas, rows, columns))
    streams.join(drawn)
    across = len(_cuts(canvas.width, tiles))
    rows_of_tiles = [drawn[i : i + across] for i in range(0, len(drawn), across)]
    return torch.cat([torch.cat(row, 1) for row in rows_of_tiles], 0)


def shrunk(control_points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas) -> Tensor:
    """A small window around each sample, added into the image.

    All windows have the size that the widest curve needs. On CUDA the additions are atomic, so
    the last bits differ from run to run.
    """
    points, weight, sigma = _samples(control_points, weights, sigmas, canvas)
    if len(points) == 0:
        return control_points.new_zeros(canvas.height, canvas.width)
    radius = math.ceil(float(window_radius(weights, sigmas, canvas).amax()) * canvas.longer)
    extent = torch.tensor([canvas.width, canvas.height], device=points.device)
    size = extent.clamp(max=2 * radius + 2)  # a window never leaves the canvas
    first = (points.detach() * canvas.longer).floor().clamp(-1e9, 1e9).long() - radius
    first = torch.minimum(first.clamp(min=0), extent - size)
    columns = first[:, :1] + torch.arange(int(size[0]), device=points.device)  # [samples, w]
    rows = first[:, 1:] + torch.arange(int(size[1]), device=points.device)  # [samples, h]
    x = pixel_centres(canvas.width, canvas.longer, points)[columns] - points[:, :1]
    y = pixel_centres(canvas.height, canvas.longer, points)[rows] - points[:, 1:]
    squared = x[:, None, :] ** 2 + y[:, :, None] ** 2  # [samples, h, w]
    ink = weight[:, None, None] * torch.exp(-squared / (2 * sigma[:, None, None] ** 2))
    pixels = rows[:, :, None] * canvas.width + columns[:, None, :]
    flat = control_points.new_zeros(canvas.height * canvas.width)
    return flat.index_add(0, pixels.flatten(), ink.flatten()).view(canvas.height, canvas.width)


def fused(control_points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas) -> Tensor:
    """One kernel forward, one backward: :func:`curvox.ops.splat.splat`."""
    return splat(
        control_points,
        weights,
        sigmas,
        canvas.height,
        canvas.width,
        steps=canvas.steps,
        cutoff=canvas.cutoff,
        tolerance=canvas.tolerance,
    )


METHODS = {
    "base": base,
    "half": half,
    "bounded": bounded,
    "tiled": tiled,
    "shrunk": shrunk,
    "fused": fused,
}


def window_radius(weights: Tensor, sigmas: Tensor, canvas: Canvas) -> Tensor:
    """Half-width of the window around the samples of each curve, [N], without gradient.

    With S samples in all, a cut at r sigmas loses at most |w| exp(-r² / 2) a sample, which is
    `tolerance` / S at r = sqrt(2 ln(|w| S / tolerance)). Curves of |w| < 1 keep the window of
    w = 1, so that the gradient of the weight sees as far (as in kernels/curves.h).
    """
    if canvas.cutoff is not None:
        return canvas.cutoff * sigmas.detach()
    samples = len(weights) * canvas.steps
    ratio = weights.detach().abs().clamp(min=1) * (samples / canvas.tolerance)
    return sigmas.detach() * (2 * ratio.clamp(min=1).log()).sqrt()


def _samples(
    control_points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas
) -> tuple[Tensor, Tensor, Tensor]:
    """Positions [N * steps, 2], weights and sigmas [N * steps] of all samples."""
    points = sample_bezier(control_points, canvas.steps).reshape(-1, 2)
    weight = weights.repeat_interleave(canvas.steps)
    return points, weight, sigmas.repeat_interleave(canvas.steps)


def _axis_distances(
    control_points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas
) -> tuple[Tensor, Tensor, Tensor]:
    """Signed distances in sigmas, [samples, width] and [samples, height], and the weights."""
    points, weight, sigma = _samples(control_points, weights, sigmas, canvas)
    x = pixel_centres(canvas.width, canvas.longer, points) - points[:, :1]
    y = pixel_centres(canvas.height, canvas.longer, points) - points[:, 1:]
    return x / sigma[:, None], y / sigma[:, None], weight


def _dense(
    points: Tensor, weight: Tensor, sigma: Tensor, canvas: Canvas, rows: slice, columns: slice
) -> Tensor:
    """Every given sample against every pixel of a part of the canvas."""
    x = pixel_centres(canvas.width, canvas.longer, points)[columns] - points[:, :1]
    y = pixel_centres(canvas.height, canvas.longer, points)[rows] - points[:, 1:]
    squared = x[:, None, :] ** 2 + y[:, :, None] ** 2
    return (weight[:, None, None] * torch.exp(-squared / (2 * sigma[:, None, None] ** 2))).sum(0)


def _pixels(positions: Tensor, canvas: Canvas) -> Tensor:
    """The pixels that hold `positions`, [..., 2], kept one pixel around the canvas."""
    extent = positions.new_tensor([canvas.width, canvas.height])
    whole = torch.minimum((positions * canvas.longer).floor().clamp(min=0), extent)
    return whole.long()


def _cuts(size: int, parts: int) -> list[tuple[int, int]]:
    """[0, size) in at most `parts` pieces of equal length (the last may be shorter)."""
    length = -(-size // min(parts, size))
    return [(start, min(start + length, size)) for start in range(0, size, length)]


class _Streams:
    """CUDA streams taken in turn; on other devices everything stays where it is.

    What the streams read must live until :meth:`join`.
    """

    def __init__(self, device: torch.device, count: int = 8) -> None:
        self._turn = 0
        self._streams: list[torch.cuda.Stream] = []
        if device.type == "cuda":
            self._main = torch.cuda.current_stream(device)
            self._streams = [torch.cuda.Stream(device) for _ in range(count)]
            for stream in self._streams:
                stream.wait_stream(self._main)

    def next(self) -> contextlib.AbstractContextManager[object]:
        """Work inside the returned block runs on the next stream."""
        if not self._streams:
            return contextlib.nullcontext()
        self._turn += 1
        return torch.cuda.stream(self._streams[self._turn % len(self._streams)])

    def join(self, results: list[Tensor]) -> None:
        """Let the main stream wait for all others before it reads `results`."""
        for stream in self._streams:
            self._main.wait_stream(stream)
        if self._streams:
            for result in results:
                result.record_stream(self._main)
