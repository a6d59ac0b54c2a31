"""What keeps paths well-behaved while they are learned: penalties on their control points.

All take paths of cubics [..., P, 2] as :func:`curvox.curves.paths.render_paths` does, usually
[N, P, 2]: closed with P = 3 S points, open with P = 3 S + 1. They return one number a path, [...],
for the caller to weight and to sum, are differentiable, and stay finite, gradients included, where
points coincide. float32 or float64, any device; other shapes and numbers of points raise
ValueError, other dtypes TypeError.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from curvox.curves.path_segments import is_closed, path_segments

__all__ = ["crossing_penalty", "length_penalty", "smoothness_penalty"]

_SHORT = 0.1
"""Pixels. The direction of a leg of the control polygon counts less where the leg is not longer,
and not at all where it has no length; so no gradient exceeds a few times the inverse of this."""


def crossing_penalty(control_points: Tensor) -> Tensor:
    """How much the segments of each path cross themselves: 0 not at all, 1 at most.

    The control polygon A B C D of a cubic that bends one way turns the same way at C as at B, and
    by less than half a turn in all. A cubic that loops has CD on the other side of AB; before it
    comes to that it has an inflection or a cusp. Penalized is the sine of the angle from AB to CD
    as far as its sign is not that of the turn at B, the mean over segments. Some segments that are
    bent like an S are penalized as well: those that end beyond the direction they began with.

    This is the Xing loss of "Towards Layer-wise Image Vectorization" (LIVE, CVPR 2022):
    D1 relu(-D2) + (1 - D1) relu(D2), where D1 says whether AB x BC is positive and D2 is
    AB x CD / (|AB| |CD|).
    """
    legs = path_segments(control_points).diff(dim=-2)
    ways = legs / (legs.square().sum(-1, keepdim=True) + _SHORT**2).sqrt()
    first, middle, last = ways.unbind(-2)
    sine = _cross(first, last)
    return torch.where(_cross(first, middle) >= 0, -sine, sine).relu().mean(-1)


def smoothness_penalty(control_points: Tensor) -> Tensor:
    """How sharp the corners between neighbouring segments are: 0 smooth, 2 all turn back.

    The mean over the path's joints of 1 - cos of the angle between arriving and leaving. Joints
    where a handle has no length have no direction, and count as smooth. A single open segment has
    no joints: 0.
    """
    closed = is_closed(control_points)
    legs = path_segments(control_points).diff(dim=-2)
    arriving, leaving = legs[..., 2, :], legs[..., 0, :]
    if closed:
        leaving = leaving.roll(-1, -2)
    else:
        arriving, leaving = arriving[..., :-1, :], leaving[..., 1:, :]
    lengths = [torch.linalg.vector_norm(way, dim=-1) for way in (arriving, leaving)]
    scale = [(length.square() + _SHORT**2).sqrt() for length in lengths]
    turned = lengths[0] * lengths[1] - (arriving * leaving).sum(-1)
    return (turned / (scale[0] * scale[1])).sum(-1) / max(turned.shape[-1], 1)


def length_penalty(control_points: Tensor) -> Tensor:
    """The length of each path in pixels.

    By quadrature with eight points a segment: to about 1e-6 of it where the curve bends gently, to
    a percent or two where it has a cusp. A segment that is a single point has length 0 and
    gradient 0.
    """
    legs = path_segments(control_points).diff(dim=-2)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    times = (nodes + 1) / 2
    basis = np.stack([3 * (1 - times) ** 2, 6 * times * (1 - times), 3 * times**2], 1)
    speeds = torch.linalg.vector_norm(legs.new_tensor(basis) @ legs, dim=-1)  # [..., S, 8]
    return (speeds @ legs.new_tensor(weights / 2)).sum(-1)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
