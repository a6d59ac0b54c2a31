"""Contours of cubic Bézier segments as polygons."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_float, runs_kernel
from curvox.ops.outline_cuda import flatten_backward_cuda, flatten_cuda

__all__ = [
    "check_contours",
    "chords",
    "corner_weights",
    "flatten",
    "pieces_within",
    "tolerances_like",
]


@torch.compiler.disable  # its sizes follow from values: compiled graphs go on behind it
def flatten(
    segments: Tensor,
    contours: Tensor,
    *,
    tolerance: float | Tensor = 1 / 16,
    backend: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Replace every segment by straight pieces that stay within a tolerance of it.

    Args:
        segments: [S, 4, 2] control points of cubics, float32 or float64, within ±2^20 (float32
            holds sixteenths of a pixel up to there). Differentiable; the only argument that is.
        contours: [C + 1] int64: contour c has segments contours[c] to contours[c + 1] - 1, end to
            end.
        tolerance: greatest distance of a curve from its polygon, at least 1e-4; [C] for each
            contour its own.
        backend: ``"torch"`` runs the reference. None takes the kernels for float32 on CPU and CUDA
            and the reference for everything else.

    Returns:
        vertices: [V, 2], the pieces' ends, contour after contour, the first and the last point of
            a contour included.
        offsets: [C + 1] int64: contour c has vertices offsets[c] to offsets[c + 1] - 1.

    Raises:
        ValueError: a shape or a number out of range, on the CPU values that are not finite.
        TypeError: another dtype or device.

    A segment C is cut into n pieces, equal in its parameter. So that polygons keep the area of what
    they stand for, corners within a segment stand outside of it, at C - C'' / (12 n (n - 1)):
    a chord over a step h cuts off as much as h²/12 C'' all along it. The bound of C'' is six times
    the greater second difference of the control points.
    """
    check_contours(segments, contours)
    tolerances = tolerances_like(segments, len(contours) - 1, tolerance)
    if runs_kernel(segments, backend):
        vertices, offsets = _Flatten.apply(segments, contours, tolerances)
        return vertices, offsets
    return flatten_reference(segments, contours, tolerances)


def flatten_reference(
    segments: Tensor, contours: Tensor, tolerances: Tensor
) -> tuple[Tensor, Tensor]:
    """:func:`flatten` in plain PyTorch, after its checks."""
    counts = contours.diff()
    tolerance = tolerances.repeat_interleave(counts)
    pieces = chords(segments, tolerance)
    ends = torch.zeros_like(pieces)  # the last segment of a contour shows its end too
    ends[contours[1:][counts > 0] - 1] = 1
    shown = pieces + ends
    segment = torch.arange(len(segments), device=segments.device).repeat_interleave(shown)
    before = shown.cumsum(0) - shown
    piece = torch.arange(len(segment), device=segments.device) - before[segment]
    weights = corner_weights(piece.to(segments.dtype) / pieces[segment], pieces[segment])
    vertices = (weights[:, :, None] * segments[segment]).sum(1)
    offsets = torch.cat([shown.new_zeros(1), shown.cumsum(0)])[contours]
    return vertices, offsets


def chords(segments: Tensor, tolerance: Tensor) -> Tensor:
    """How many pieces stand for each segment [S, 4, 2] at a tolerance [S]; [S] int64."""
    bend = 6 * segments.detach().diff(n=2, dim=1).norm(dim=2).amax(1)
    return pieces_within(bend, tolerance)


def pieces_within(bend: Tensor, tolerance: Tensor) -> Tensor:
    """The least number of pieces, int64, whose corners stay within `tolerance` of a curve with
    second derivatives up to `bend`.
    """
    pieces = (0.5 + torch.sqrt(0.25 + bend / (12 * tolerance))).ceil().long()
    return torch.where(bend <= 8 * tolerance, 1, pieces)


def corner_weights(t: Tensor, pieces: Tensor) -> Tensor:
    """What the four control points of a cubic count for in the corner at t [...] of a polygon of
    so many pieces; [..., 4].
    """
    s = 1 - t
    point = torch.stack([s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t], -1)
    bends = torch.stack([s, t - 2 * s, s - 2 * t, t], -1)  # C'' is 6 times these
    inner = (pieces > 1) & (t > 0) & (t < 1)
    out = torch.where(inner, 0.5 / (pieces * (pieces - 1)).clamp_min(1), 0)
    return point - out.to(t)[..., None] * bends


def check_contours(segments: Tensor, contours: Tensor) -> None:
    """Raise ValueError or TypeError if these are no contours of cubic segments."""
    if segments.ndim != 3 or segments.shape[1:] != (4, 2):
        raise ValueError(f"segments must be [S, 4, 2], got {list(segments.shape)}")
    check_float("segments", segments)
    if contours.ndim != 1 or len(contours) < 1:
        raise ValueError(f"contours must be [C + 1], got {list(contours.shape)}")
    if contours.dtype != torch.int64:
        raise TypeError(f"contours must be int64, got {contours.dtype}")
    if contours.device != segments.device:
        raise TypeError(f"contours is on {contours.device}, segments on {segments.device}")


def check_tolerance(tolerance: float) -> float:
    """`tolerance`; raise ValueError if it is out of range."""
    if not 1e-4 <= tolerance <= 2**20:
        raise ValueError(f"tolerance must lie in 0.0001 to 2^20, got {tolerance}")
    return tolerance


def tolerances_like(segments: Tensor, count: int, tolerance: float | Tensor) -> Tensor:
    """One tolerance a contour, [count]."""
    if not isinstance(tolerance, Tensor):
        return segments.new_full((count,), check_tolerance(tolerance))
    if tolerance.shape != (count,):
        raise ValueError(f"tolerance must be [{count}], got {list(tolerance.shape)}")
    return tolerance.detach().to(segments)


class _Flatten(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *inputs):  # type: ignore[no-untyped-def]
        inputs = [tensor.contiguous() for tensor in inputs]
        vertices, offsets, kept = torch.ops.curvox.flatten(*inputs)
        ctx.save_for_backward(*inputs, offsets, *kept)
        ctx.mark_non_differentiable(offsets)
        return vertices, offsets

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient, _):  # type: ignore[no-untyped-def]
        saved = ctx.saved_tensors
        given, kept = saved[:_TENSORS], saved[_TENSORS:]
        by_segments = torch.ops.curvox.flatten_backward(gradient.contiguous(), *given, kept)
        return by_segments, None, None


_TENSORS = 4  # that the way back is given: all inputs, and offsets
_library = torch.library.Library("curvox", "FRAGMENT")
# The last result is what the way back would find out again: on CUDA where the vertices of every
# segment begin, on the CPU nothing.
_library.define(
    "flatten(Tensor segments, Tensor contours, Tensor tolerances) -> (Tensor, Tensor, Tensor[])"
)
_library.define(
    "flatten_backward(Tensor gradient, Tensor segments, Tensor contours, Tensor tolerances, "
    "Tensor offsets, Tensor[] kept) -> Tensor"
)


def _task(segments, contours, tolerances):  # type: ignore[no-untyped-def]
    arguments = (segments.data_ptr(), len(segments), contours.data_ptr(), len(contours) - 1)
    return *arguments, tolerances.data_ptr()


def _flatten_cpu(segments, contours, tolerances):  # type: ignore[no-untyped-def]
    task, threads = _task(segments, contours, tolerances), _native.threads()
    offsets = torch.empty_like(contours)
    _native.cpu.flatten_counts(*task, offsets.data_ptr(), threads)
    vertices = segments.new_empty(int(offsets[-1]), 2)
    _native.cpu.flatten(*task, offsets.data_ptr(), vertices.data_ptr(), threads)
    return vertices, offsets, []


def _flatten_backward_cpu(gradient, segments, contours, tolerances, offsets, _):  # type: ignore[no-untyped-def]
    by_segments = torch.zeros_like(segments)
    _native.cpu.flatten_backward(
        *_task(segments, contours, tolerances),
        offsets.data_ptr(),
        gradient.data_ptr(),
        by_segments.data_ptr(),
        _native.threads(),
    )
    return by_segments


_library.impl("flatten", _flatten_cpu, "CPU")
_library.impl("flatten_backward", _flatten_backward_cpu, "CPU")
_library.impl("flatten", flatten_cuda, "CUDA")
_library.impl("flatten_backward", flatten_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::flatten")
def _(segments, contours, tolerances):  # type: ignore[no-untyped-def]
    count = torch.library.get_ctx().new_dynamic_size()
    kept = [contours.new_empty(segments.shape[0] + 1)] if segments.is_cuda else []
    return segments.new_empty(count, 2), torch.empty_like(contours), kept


@torch.library.register_fake("curvox::flatten_backward")
def _(gradient, segments, *others):  # type: ignore[no-untyped-def]
    return torch.empty_like(segments)
