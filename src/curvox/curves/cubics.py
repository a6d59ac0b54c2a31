"""Outlines as batches of cubics: raised, boxed, turned round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from curvox.curves.affine import apply
from curvox.curves.shapes import Contour

__all__ = ["Cubics", "bounding_box", "concatenate", "cubics", "oriented"]

# Control points of a line, a quadratic and a cubic (padded to four) to those of the same cubic.
_RAISE = (
    ((1, 0, 0, 0), (2 / 3, 1 / 3, 0, 0), (1 / 3, 2 / 3, 0, 0), (0, 1, 0, 0)),
    ((1, 0, 0, 0), (1 / 3, 2 / 3, 0, 0), (0, 2 / 3, 1 / 3, 0), (0, 0, 1, 0)),
    ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
)


@dataclass(frozen=True)
class Cubics:
    """Contours of cubics."""

    segments: Tensor
    """[S, 4, 2]."""
    counts: np.ndarray
    """[C] int64: segments of each contour, end to end in `segments`."""
    closed: np.ndarray
    """[C] bool."""

    @staticmethod
    def none(like: Tensor) -> Cubics:
        """Not a single contour."""
        return Cubics(like.new_zeros(0, 4, 2), np.zeros(0, int), np.zeros(0, bool))

    def transformed(self, matrix: Tensor | None) -> Cubics:
        """Mapped by [2, 3]; None changes nothing."""
        if matrix is None:
            return self
        return replace(self, segments=apply(matrix, self.segments))


def cubics(contours: Sequence[Contour]) -> Cubics:
    """The same curves, each a cubic. At least one contour."""
    points = torch.cat([contour.points for contour in contours])
    corners, all_degrees, first = [], [], 0
    for contour in contours:
        degrees = np.array(contour.degrees)
        starts = np.cumsum(degrees) - degrees
        count = len(contour.points)
        # Beyond a lower degree's points stands any index in range; closed contours wrap around.
        corners.append((starts[:, None] + np.arange(4)) % count + first)
        all_degrees.append(degrees)
        first += count
    degrees = np.concatenate(all_degrees)
    segments = points[torch.from_numpy(np.concatenate(corners)).to(points.device)]
    if (degrees < 3).any():
        matrices = points.new_tensor(_RAISE)[torch.from_numpy(degrees - 1).to(points.device)]
        segments = matrices @ segments
    counts = np.array([len(contour.degrees) for contour in contours])
    return Cubics(segments, counts, np.array([contour.closed for contour in contours]))


def concatenate(parts: Sequence[Cubics]) -> Cubics:
    """All contours of all parts. At least one part."""
    if len(parts) == 1:
        return parts[0]
    return Cubics(
        torch.cat([part.segments for part in parts]),
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.closed for part in parts]),
    )


def bounding_box(segments: Tensor) -> Tensor:
    """The least and the greatest x and y on cubics [S, 4, 2], as [2, 2]. S is at least 1.

    Differentiable: where a curve turns, its point moves with its control points at fixed parameter.
    """
    a, b, c, d = segments.unbind(1)
    with torch.no_grad():
        # The derivative, over 3: u t² - 2 v t + w.
        u, v, w = d - a + 3 * (b - c), c - 2 * b + a, b - a
        v = -v
        root = (v.square() - u * w).clamp_min(0).sqrt()
        big = v + torch.where(v < 0, -root, root)  # the sum that does not cancel
        turns = torch.stack([big / u, w / big]).nan_to_num(0, 0, 0).clamp(0, 1)
    t, s = turns, 1 - turns
    curve = s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d  # [2, S, 2]
    points = torch.cat([curve.flatten(0, 1), a, d])
    return torch.stack([points.amin(0), points.amax(0)])


def oriented(shape: Cubics) -> Cubics:
    """The shape, turned round as a whole if most of its area is wound towards negative."""
    points = shape.segments.detach()
    step = (points[:, 1:] - points[:, :-1]).flatten(0, 1)
    x, y = points[:, :-1].flatten(0, 1).unbind(1)
    # Of open contours, the closing line counts as well; the polygon of control points will do.
    area = (x * step[:, 1] - y * step[:, 0]).sum()
    ends = np.cumsum(shape.counts) - 1
    starts = torch.from_numpy(ends - shape.counts + 1).to(points.device)
    last, first = points[torch.from_numpy(ends).to(points.device), 3], points[starts, 0]
    area = area + (last[:, 0] * first[:, 1] - last[:, 1] * first[:, 0]).sum()
    if area >= 0:
        return shape
    return Cubics(shape.segments.flip(0, 1), shape.counts[::-1], shape.closed[::-1])
