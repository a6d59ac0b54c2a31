"""The outlines of strokes: polygons that cover what a pen of some width paints."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_codes, check_like, runs_kernel
from curvox.ops.flatten import check_contours, tolerances_like
from curvox.ops.outline_cuda import stroke_backward_cuda, stroke_cuda
from curvox.ops.stroke_reference import stroke_reference

__all__ = ["stroke"]


@torch.compiler.disable  # its sizes follow from values: compiled graphs go on behind it
def stroke(
    segments: Tensor,
    contours: Tensor,
    closed: Tensor,
    widths: Tensor,
    caps: Tensor,
    joins: Tensor,
    miter_limits: Tensor,
    *,
    tolerance: float | Tensor = 1 / 16,
    backend: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Outline every contour by what a pen of its width paints along it.

    Args:
        segments: [S, 4, 2] control points of cubics, float32 or float64, within ±2^20.
            Differentiable.
        contours: [C + 1] int64: contour c has segments contours[c] to contours[c + 1] - 1, end to
            end. One that stays on a point gets caps along x, as SVG has it.
        closed: [C] bool. A closed contour comes back to its start, and has a join there.
        widths: [C], not negative. Differentiable.
        caps: [C] uint8: 0 butt, 1 round, 2 square.
        joins: [C] uint8: 0 miter (bevel beyond the limit), 1 round, 2 bevel.
        miter_limits: [C], at least 1: greatest length of a miter over the width.
        tolerance: greatest distance of outlines from exact ones, about; [C] for each contour its
            own.
        backend: ``"torch"`` runs the reference. None takes the kernels for float32 on CPU and CUDA
            and the reference for everything else.

    Returns:
        vertices: [V, 2].
        offsets: [2 C + 1] int64: loop l has vertices offsets[l] to offsets[l + 1] - 1. Contour c
            has loops 2 c and 2 c + 1; the second is empty unless it is closed. What the pen paints
            is their inside by the nonzero rule.

    Raises:
        ValueError: a shape or a number out of range, on the CPU values that are not finite.
        TypeError: another dtype or device.

    Vertices stand across the curve from the corners of its polygon (see
    :func:`curvox.ops.flatten.flatten`), at steps so short that the outer side too stays within the
    tolerance. Round caps and joins are polygons of the arc's own area. Outlines may wind twice
    around what they cover twice; pixels at the rim of such places count a little more than their
    share.
    """
    check_contours(segments, contours)
    count = len(contours) - 1
    check_like("widths", widths, (count,), "segments", segments)
    check_like("miter_limits", miter_limits, (count,), "segments", segments)
    for name, tensor, dtype in (
        ("closed", closed, torch.bool),
        ("caps", caps, torch.uint8),
        ("joins", joins, torch.uint8),
    ):
        check_codes(name, tensor, (count,), dtype, "segments", segments)
    tolerances = tolerances_like(segments, count, tolerance)
    style = (caps, joins, miter_limits.detach(), tolerances)
    if runs_kernel(segments, backend):
        vertices, offsets = _Stroke.apply(segments, contours, closed, widths, *style)
        return vertices, offsets
    return stroke_reference(segments, contours, closed, widths, *style)


class _Stroke(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *inputs):  # type: ignore[no-untyped-def]
        inputs = [tensor.contiguous() for tensor in inputs]
        vertices, offsets, kept = torch.ops.curvox.stroke(*inputs)
        ctx.save_for_backward(*inputs, offsets, *kept)
        ctx.mark_non_differentiable(offsets)
        return vertices, offsets

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient, _):  # type: ignore[no-untyped-def]
        saved = ctx.saved_tensors
        given, kept = saved[:_TENSORS], saved[_TENSORS:]
        gradient = gradient.contiguous()
        by_segments, by_widths = torch.ops.curvox.stroke_backward(gradient, *given, kept)
        return by_segments, None, None, by_widths, None, None, None, None


_TENSORS = 9  # that the way back is given: all inputs, and offsets
_INPUTS = (
    "Tensor segments, Tensor contours, Tensor closed, Tensor widths, Tensor caps, Tensor joins, "
    "Tensor miter_limits, Tensor tolerances"
)
_library = torch.library.Library("curvox", "FRAGMENT")
# The last result is what the way back would find out again: on CUDA samples, where those of every
# segment begin, and where the vertices of every stop do; on the CPU nothing.
_library.define(f"stroke({_INPUTS}) -> (Tensor, Tensor, Tensor[])")
_library.define(
    f"stroke_backward(Tensor gradient, {_INPUTS}, Tensor offsets, Tensor[] kept) -> "
    "(Tensor, Tensor)"
)


def _strokes(segments, contours, *others):  # type: ignore[no-untyped-def]
    path = (segments.data_ptr(), len(segments), contours.data_ptr(), len(contours) - 1)
    return _native.cpu.Strokes(*path, *(tensor.data_ptr() for tensor in others))


def _stroke_cpu(segments, contours, *others):  # type: ignore[no-untyped-def]
    strokes = _strokes(segments, contours, *others)
    outlines = _native.cpu.Outlines(strokes, _native.threads())
    vertices = segments.new_empty(outlines.count, 2)
    offsets = contours.new_empty(2 * len(contours) - 1)
    outlines.copy(offsets.data_ptr(), vertices.data_ptr())
    return vertices, offsets, []


def _stroke_backward_cpu(gradient, segments, contours, closed, widths, *others):  # type: ignore[no-untyped-def]
    *style, offsets, _ = others
    by_segments, by_widths = torch.zeros_like(segments), torch.empty_like(widths)
    addresses = (tensor.data_ptr() for tensor in (offsets, gradient, by_segments, by_widths))
    _strokes(segments, contours, closed, widths, *style).backward(*addresses, _native.threads())
    return by_segments, by_widths


_library.impl("stroke", _stroke_cpu, "CPU")
_library.impl("stroke_backward", _stroke_backward_cpu, "CPU")
_library.impl("stroke", stroke_cuda, "CUDA")
_library.impl("stroke_backward", stroke_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::stroke")
def _(segments, contours, *others):  # type: ignore[no-untyped-def]
    sizes = torch.library.get_ctx().new_dynamic_size
    kept = []
    if segments.is_cuda:
        samples = segments.new_empty(sizes(), _native.cpu.OUTLINE_SAMPLE_BYTES, dtype=torch.uint8)
        kept = [samples, contours.new_empty(segments.shape[0] + 1), contours.new_empty(sizes())]
    return segments.new_empty(sizes(), 2), contours.new_empty(2 * contours.shape[0] - 1), kept


@torch.library.register_fake("curvox::stroke_backward")
def _(gradient, segments, contours, closed, widths, *others):  # type: ignore[no-untyped-def]
    return torch.empty_like(segments), torch.empty_like(widths)
