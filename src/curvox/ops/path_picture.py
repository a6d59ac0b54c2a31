"""Many paths of one kind, outlined and painted by one call of the kernels on the CPU."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_like

__all__ = ["PathKind", "paint_paths"]


class PathKind(NamedTuple):
    """What all paths have in common."""

    pictures: int | None
    """None: one, and its image is no batch."""
    paths: int
    """Of all pictures together."""
    segments: int
    """Cubics of each path."""
    closed: bool
    stroked: bool
    rule: int
    cap: int
    join: int
    miter_limit: float
    tolerance: float

    @property
    def points(self) -> int:
        """Of each path: neighbouring segments share their ends."""
        return 3 * self.segments + (not self.closed)


@torch.compiler.disable  # a kernel that is given addresses: compiled graphs go on behind it
def paint_paths(
    points: Tensor,
    widths: Tensor | None,
    colours: Tensor,
    opacities: Tensor,
    background: Tensor | None,
    kind: PathKind,
    height: int,
    width: int,
) -> Tensor:
    """What :func:`curvox.ops.flatten.flatten` or :func:`curvox.ops.stroke.stroke` and then
    :func:`curvox.ops.paint.paint_layers` make of paths, to the same bits.

    For few paths most of the time goes to calls of operations, not to kernels: here there is one.

    Args:
        points: [N, P, 2] control points of all pictures' paths, in pixels, float32 on the CPU.
            Differentiable, as are all other tensors.
        widths: [N] of strokes. None: the paths are filled.
        colours: [N, 3].
        opacities: [N].
        background: [3]. None: nothing.
        kind: the rest.
        height, width: of a picture in pixels.

    Returns:
        [B, height, width, 4], over a background [B, height, width, 3]; without B where the number
        of pictures is None.

    Raises:
        ValueError: a shape or a value out of range.
        TypeError: another dtype or device.
    """
    name = "control_points"
    check_like(name, points, (kind.paths, kind.points, 2), name, points)
    if widths is not None:
        check_like("stroke_widths", widths, (kind.paths,), name, points)
    check_like("colours", colours, (kind.paths, 3), name, points)
    check_like("opacities", opacities, (kind.paths,), name, points)
    if background is not None:
        check_like("background", background, (3,), name, points)
    if height < 1 or width < 1:
        raise ValueError(f"the image must be at least 1 x 1, got {height} x {width}")
    image: Tensor = _PaintPaths.apply(
        kind, height, width, points, widths, colours, opacities, background
    )
    return image


class _PaintPaths(torch.autograd.Function):
    @staticmethod
    def forward(ctx, kind, height, width, *inputs):  # type: ignore[no-untyped-def]
        inputs = [None if tensor is None else tensor.contiguous() for tensor in inputs]
        addresses = (0 if tensor is None else tensor.data_ptr() for tensor in inputs)
        points, background = inputs[0], inputs[-1]
        channels = 4 if background is None else 3
        size, threads = (height, width, channels), _native.threads()
        batch = () if kind.pictures is None else (kind.pictures,)
        pictures = 1 if kind.pictures is None else kind.pictures
        picture = _native.cpu.PathPicture(*addresses, pictures, *kind[1:], *size, threads)
        image = points.new_empty(*batch, *size)
        picture.paint(image.data_ptr(), threads)
        ctx.picture = picture  # with copies of all values
        ctx.save_for_backward(*inputs)
        return image

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        needed = ctx.needs_input_grad[3:]
        *inputs, _ = ctx.saved_tensors
        by_inputs = [None if tensor is None else torch.zeros_like(tensor) for tensor in inputs]
        by_inputs.append(gradient.new_zeros(4))  # as if the background had an alpha
        addresses = (0 if tensor is None else tensor.data_ptr() for tensor in by_inputs)
        asked = (needed[0] or needed[1], needed[3], needed[4])
        gradient = gradient.contiguous()
        ctx.picture.paint_backward(gradient.data_ptr(), *addresses, *asked, _native.threads())
        by_inputs[-1] = by_inputs[-1][:3]
        wanted = (by if need else None for by, need in zip(by_inputs, needed, strict=True))
        return None, None, None, *wanted
