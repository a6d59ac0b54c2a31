"""Layers one by one, gathered into one batch and checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from curvox.curves.affine import apply
from curvox.curves.cubics import Cubics
from curvox.curves.layers import Cap, Gradients, Join, Layers, Rule
from curvox.curves.paint import Scalar, Stroke

__all__ = ["Row", "as_tensor", "assemble"]


@dataclass
class Row:
    """A layer to be."""

    label: str
    """What messages call it."""
    line: Cubics
    matrix: Tensor | None
    """[2, 3], from the coordinates of the line to pixels. None: they are."""
    rule: Rule = Rule.NONZERO
    stroke: Stroke | None = None
    colour: Tensor | None = None
    """[3]; None where there is a gradient, or where the layer only clips."""
    gradient: int = -1
    opacity: Scalar = 1.0


def as_tensor(value: Scalar, like: Tensor) -> Tensor:
    """A number as a tensor like `like`; a tensor stays in the graph."""
    if isinstance(value, Tensor):
        return value
    return torch.tensor(value, dtype=like.dtype, device=like.device)


def assemble(
    rows: Sequence[Row],
    steps: Sequence[tuple[int, int, int]],
    group_opacities: Sequence[Scalar],
    gradients: Gradients | None,
    like: Tensor,
) -> Layers:
    """All rows as one batch, of the dtype and on the device of `like`.

    Raises:
        ValueError: a number that is not finite, a negative width. It names the row.
    """
    device = like.device
    strokes = [row.stroke for row in rows]
    of_strokes = [None if row.stroke is None else row.matrix for row in rows]
    black = like.new_zeros(3)
    colours = [black if row.colour is None else row.colour for row in rows]
    layers = Layers(
        segments=_segments(rows, like),
        contours=_starts([row.line.counts for row in rows]).to(device),
        closed=_flags([row.line.closed for row in rows]).to(device),
        paths=_starts([np.array([len(row.line.counts) for row in rows], int)]).to(device),
        transforms=None if all(m is None for m in of_strokes) else _matrices(of_strokes, like),
        rules=_codes((row.rule for row in rows), like),
        stroked=_flags([np.array([stroke is not None for stroke in strokes], bool)]).to(device),
        widths=_column([stroke.width if stroke else 0.0 for stroke in strokes], like),
        caps=_codes((stroke.cap if stroke else Cap.BUTT for stroke in strokes), like),
        joins=_codes((stroke.join if stroke else Join.MITER for stroke in strokes), like),
        miter_limits=_column([stroke.miter_limit if stroke else 4.0 for stroke in strokes], like),
        colours=torch.stack(colours) if rows else like.new_zeros(0, 3),
        opacities=_column([row.opacity for row in rows], like),
        gradient_ids=torch.tensor([row.gradient for row in rows], dtype=torch.int32).to(device),
        gradients=gradients,
        steps=torch.tensor(steps, dtype=torch.int32).reshape(-1, 3).to(device),
        group_opacities=_column(group_opacities, like),
    )
    _check(layers, rows)
    return layers


def _segments(rows: Sequence[Row], like: Tensor) -> Tensor:
    """All segments, those of fills mapped to pixels."""
    if not rows:
        return like.new_zeros(0, 4, 2)
    segments = torch.cat([row.line.segments for row in rows])
    of_fills = [row.matrix if row.stroke is None else None for row in rows]
    if all(matrix is None for matrix in of_fills):
        return segments
    counts = torch.tensor([len(row.line.segments) for row in rows], device=like.device)
    return apply(_matrices(of_fills, like)[torch.repeat_interleave(counts)], segments)


def _matrices(matrices: Sequence[Tensor | None], like: Tensor) -> Tensor:
    identity = torch.eye(2, 3).to(like)
    return torch.stack([identity if matrix is None else matrix for matrix in matrices])


def _starts(counts: Sequence[np.ndarray]) -> Tensor:
    """Where runs of so many begin, and where the last one ends."""
    return torch.from_numpy(np.concatenate([[0], *counts]).astype(np.int64).cumsum())


def _flags(parts: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate([np.zeros(0, bool), *parts]))


def _codes(values: Iterable[int], like: Tensor) -> Tensor:
    return torch.tensor(list(values), dtype=torch.uint8, device=like.device)


def _column(values: Sequence[Scalar], like: Tensor) -> Tensor:
    if not any(isinstance(value, Tensor) for value in values):
        return torch.tensor(values, dtype=like.dtype, device=like.device)
    return torch.stack([as_tensor(value, like).reshape(()) for value in values])


def _check(layers: Layers, rows: Sequence[Row]) -> None:
    """Look at all numbers at once, and for the shape at fault only where there is one."""
    of_segments = torch.repeat_interleave(layers.paths.diff())[
        torch.repeat_interleave(layers.contours.diff())
    ]
    of_rows = torch.arange(len(rows), device=of_segments.device)
    columns = [
        ("points", layers.segments, of_segments),
        ("width", layers.widths, of_rows),
        ("miter limit", layers.miter_limits, of_rows),
        ("colour", layers.colours, of_rows),
        ("opacity", layers.opacities, of_rows),
    ]
    if layers.transforms is not None:
        columns.append(("transform", layers.transforms, of_rows))
    for name, values, owners in columns:
        bad = ~values.isfinite().reshape(len(owners), *values.shape[1:], 1).flatten(1).all(1)
        if bool(bad.any()):
            raise ValueError(f"{rows[int(owners[bad][0])].label}: {name} must be finite")
    for name, values, least in (
        ("width", layers.widths, 0),
        ("miter limit", layers.miter_limits, 1),
    ):
        bad = values < least
        if bool(bad.any()):
            row = int(bad.nonzero()[0])
            raise ValueError(
                f"{rows[row].label}: {name} must be at least {least}, not {float(values[row]):g}"
            )
