"""Where new curves are worth most: matching pursuit on what a drawing still misses."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["place", "scatter"]

_ORIENTATIONS = 8
_SIZES = (1.0, 1.7)  # of the sigma that is asked for
_ASPECTS = (1.0, 2.0, 4.0)  # of a stroke's Gaussian: standard deviation along over across
_PIXELS_PER_SIGMA = 1.5  # resolution of the search

Curves = tuple[Tensor, Tensor, Tensor]
"""Control points [N, 4, 2], inks [N] and sigmas [N]."""


def scatter(
    count: int, height: float, width: float, sigma: float, ink: float, generator: torch.Generator
) -> Curves:
    """Straight strokes at random places in random directions, eight sigmas long.

    Args:
        count: how many.
        height, width: of the canvas, in units of its longer side.
        sigma, ink: of every stroke.
        generator: source of the random numbers, on the CPU.
    """
    centres = torch.rand(count, 2, generator=generator) * torch.tensor([width, height])
    angles = torch.rand(count, generator=generator) * math.pi
    points = _straight(centres, angles, torch.full((count,), 8 * sigma))
    return points, torch.full((count,), ink), torch.full((count,), sigma)


def place(residual: Tensor, count: int, sigma: float) -> Curves:
    r"""The straight strokes of about one size that take the most squared error away.

    A straight stroke is nearly an elongated Gaussian g. Against the residual r its best ink is
    <r, g> / <g, g>, which lowers the squared error by <r, g>² / <g, g>. Both are known at every
    pixel, for a bank of shapes and directions, from one convolution each. The place of the greatest
    gain is taken, the gains around it are damped by what the new stroke explains there, and so on.

    Args:
        residual: [H, W] float32 on the CPU: target minus drawing.
        count: how many strokes.
        sigma: of the strokes (some are 1.7 times as wide), in units of the longer side.

    Where the residual is zero throughout, the strokes have no ink.
    """
    longer = max(residual.shape)
    pixels = max(min(round(longer * _PIXELS_PER_SIGMA / (sigma * longer)), longer), 1)
    height, width = (max(round(side * pixels / longer), 1) for side in residual.shape)
    residual = interpolate(residual[None, None], size=(height, width), mode="area")[0, 0]
    shapes = torch.tensor(_bank(sigma * pixels))  # [S, 3], lengths in pixels of this resolution
    gains, best, inks = _match(residual, shapes.tolist())  # [height, width] each
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    chosen = torch.empty(count, dtype=torch.long)
    for index in range(count):
        chosen[index] = place = int(gains.argmax())
        row, column = divmod(place, width)
        across, along, angle = shapes[best.view(-1)[place]].tolist()
        reach = math.ceil(3 * along)
        window = (
            slice(max(row - reach, 0), row + reach + 1),
            slice(max(column - reach, 0), column + reach + 1),
        )
        down, right = rows[window[0]] - row, columns[window[1]] - column
        forward = right * math.cos(angle) + down * math.sin(angle)
        sideways = down * math.cos(angle) - right * math.sin(angle)
        # The normalized <g, g'> of two equal strokes this far apart.
        overlap = torch.exp(-((forward / along) ** 2 + (sideways / across) ** 2) / 4)
        gains[window] *= (1 - overlap) ** 2
    across, along, angle = shapes[best.view(-1)[chosen]].unbind(1)
    centres = torch.stack([chosen % width + 0.5, chosen // width + 0.5], 1) / pixels
    # A line of length L blurred by sigma has the variance sigma² + L²/12 along itself.
    lengths = (12 * (along**2 - across**2)).sqrt() / pixels
    return _straight(centres, angle, lengths), inks.view(-1)[chosen], across / pixels


def _straight(centres: Tensor, angles: Tensor, lengths: Tensor) -> Tensor:
    """Straight cubics [N, 4, 2] with evenly spaced control points."""
    directions = torch.stack([angles.cos(), angles.sin()], 1)  # [N, 2]
    along = torch.linspace(-0.5, 0.5, 4)[None, :, None] * lengths[:, None, None]
    return centres[:, None] + along * directions[:, None]


def _bank(sigma: float) -> list[tuple[float, float, float]]:
    """(across, along, angle) of every shape tried."""
    return [
        (sigma * size, sigma * size * aspect, math.pi * turn / _ORIENTATIONS)
        for size in _SIZES
        for aspect in _ASPECTS
        for turn in range(_ORIENTATIONS if aspect > 1 else 1)
    ]


def _match(
    residual: Tensor, shapes: list[tuple[float, float, float]]
) -> tuple[Tensor, Tensor, Tensor]:
    """At every pixel the greatest gain, the index of the shape that has it and its best ink.

    By FFT, where the transform of a Gaussian is a Gaussian again; padded with zeros so that
    nothing wraps around.
    """
    height, width = residual.shape
    pad = math.ceil(3 * max(along for _, along, _ in shapes))
    size = (height + pad, width + pad)
    spectrum = torch.fft.rfft2(residual, s=size)
    v = 2 * math.pi * torch.fft.fftfreq(size[0])[:, None]
    u = 2 * math.pi * torch.fft.rfftfreq(size[1])
    gains = torch.full_like(residual, -1.0)
    best = torch.zeros_like(residual, dtype=torch.long)
    inks = torch.zeros_like(residual)
    for index, (across, along, angle) in enumerate(shapes):
        forward = (u * math.cos(angle) + v * math.sin(angle)) * along
        sideways = (v * math.cos(angle) - u * math.sin(angle)) * across
        mean = torch.fft.irfft2(spectrum * torch.exp(-(forward**2 + sideways**2) / 2), s=size)
        mean = mean[:height, :width]  # <r, g> / sum of g, and that sum is 2 pi along across
        gain = mean**2 * (4 * math.pi * along * across)  # <g, g> = pi along across
        better = gain > gains
        gains = torch.where(better, gain, gains)
        inks = torch.where(better, 2 * mean, inks)
        best[better] = index
    return gains, best, inks
