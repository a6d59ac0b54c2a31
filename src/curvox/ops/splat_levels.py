"""Many wide Gaussians, drawn thin and blurred together: the splat by levels.

The Gaussian of sigma is a thinner one, blurred by that of b, with sigma² = thin² + b². Curves of
like sigmas share the blur: each is drawn thin, in windows of a few pixels, and one pass over the
image does the rest. What that costs in exactness is derived in kernels/curves.h (4e-8 of a pixel's
value) and in :func:`_level`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from curvox.ops.blur import gaussian_taps

__all__ = ["Level", "draw_levels", "level_curves", "plan_levels"]

_FEWEST_SAMPLES = 16384  # below, the direct way takes at most a few passes over the image
_THINNEST = 1.0  # pixels: what is thinner has lost its shape to the grid
# sigma / thin, at most. The gradient of sigma is a difference of terms larger by the square of it:
# float32 then leaves an error of 2e-5 of what the gradient would be if nothing cancelled in it.
_THIN_PART = 8
_LEAST = 3.0  # pixels: sigmas below have no blur to share
_RATIO = 1.2  # between the sigmas that are told apart when curves are sorted into levels
_MOST_GROUPS = 48
# Nanoseconds of one core, both ways; only their ratios matter.
_SAMPLE, _PIXEL, _WINDOW_EDGE = 50.0, 0.11, 16  # of a sample and each pixel of its grown window
_THIN_SAMPLE, _THIN_WINDOW = 100.0, 16  # of a sample whose window has at most so many pixels a side
_TAP = 0.5  # of a tap of the blur at one pixel, along one axis
_HUGE = 1e38
_CANVAS = 1.0  # of a pixel of the canvas with its margin: cleared, read, its memory asked for
_CUT_SIGMAS = 1.0  # further out than the direct way cuts, where it is told where


class Level(NamedTuple):
    """Curves drawn together: which ones, and the blur that follows.

    `curves` are their indices, None for all. A `blurred` of 0 draws them directly; otherwise it is
    the sigma of the blur in pixels, cut `reach` pixels out.
    """

    curves: Tensor | None
    blurred: float
    reach: int


def plan_levels(
    weights: Tensor,
    sigmas: Tensor,
    height: int,
    width: int,
    steps: int,
    cutoff: float,
    tolerance: float,
) -> list[Level]:
    """Sort curves into levels where that costs less than drawing all directly (an empty list).

    Args:
        weights, sigmas: [N] float32 on the CPU, as of :func:`curvox.ops.splat.splat`.
        height, width, steps: of the drawing.
        cutoff: in sigmas, or 0.
        tolerance: what one sample may lose to the cut.

    The choice looks at sizes and sigmas, never at the number of threads.
    """
    if len(sigmas) * steps < _FEWEST_SAMPLES:
        return []
    longer = max(height, width)
    low, high = (float(bound) * longer for bound in sigmas.detach().aminmax())
    if not (low > 0 and _LEAST <= high < math.inf):  # NaN goes to the kernel, which complains
        return []
    window = cutoff or _sigmas_to(tolerance)
    # Most drawings are settled here: no level costs less than its blur and thin samples.
    most = _sample_cost(np.array(high), height, width, window) - _THIN_SAMPLE
    if len(sigmas) * steps * most <= _blur_cost(np.array(max(low, _LEAST)), height, width, window):
        return []
    groups = min(math.ceil(math.log(high / low) / math.log(_RATIO) + 1e-3), _MOST_GROUPS)
    spacing = max(math.log(high / low), 1e-3) / groups
    position = (sigmas.detach() * (longer / low)).log() / spacing
    group = position.long().clamp_(0, groups - 1)
    lower = low * np.exp(spacing * np.arange(groups))
    count = np.bincount(group.numpy(), minlength=groups)
    starts = _cheapest(lower, count * steps, height, width, window)
    if all(start is None for start in starts):
        return []
    if groups == 1:
        return [level_curves(None, low, weights, cutoff, tolerance)]
    level_of = torch.tensor([-1 if start is None else start for start in starts])[group]
    levels = []
    for start in level_of.unique().tolist():
        curves = (level_of == start).nonzero()[:, 0]
        if start < 0:
            levels.append(Level(curves, 0.0, 0))
        else:
            thinnest = float(sigmas.detach()[curves].amin()) * longer
            levels.append(level_curves(curves, thinnest, weights, cutoff, tolerance))
    return levels


def level_curves(
    curves: Tensor | None, thinnest: float, weights: Tensor, cutoff: float, tolerance: float
) -> Level:
    """The level for curves of which the thinnest has a sigma of so many pixels, above _THINNEST.

    Reach: a blur cut at r of its sigmas b takes at most w (sigma² / b²) exp(-r² / 2) from a sample
    of weight w, and sigma² / b² is at most 9/8 for sigmas of 3 pixels. Half of the tolerance is
    left to this cut and half to that of the thin Gaussian, whose tail is blurred, too, and takes
    far less than its share.
    """
    blurred = math.sqrt(_blurred_squared(np.array(thinnest)))
    if cutoff:
        return Level(curves, blurred, math.ceil((cutoff + _CUT_SIGMAS) * blurred))
    # In this order not-a-number gives 1, and the kernel complains of it.
    heaviest = min(max(1.0, float(weights.detach().abs().max())), _HUGE)
    return Level(curves, blurred, math.ceil(_sigmas_to(tolerance / (2 * heaviest)) * blurred))


def draw_levels(
    control_points: Tensor,
    weights: Tensor,
    sigmas: Tensor,
    height: int,
    width: int,
    steps: int,
    cutoff: float,
    tolerance: float,
    levels: list[Level],
) -> Tensor:
    """The image, [height, width], of curves in `levels`, each of them in one; differentiable.

    Arguments are those of :func:`plan_levels`; `control_points` [N, P, 2].
    """
    image: Tensor = _Levels.apply(
        control_points, weights, sigmas, height, width, steps, cutoff, tolerance, levels
    )
    return image


def _sigmas_to(part: float) -> float:
    """Where a Gaussian of height one has fallen to `part`, in sigmas."""
    return math.sqrt(2 * math.log(max(1 / part, 1.0)))


def _cheapest(
    lower: np.ndarray, samples: np.ndarray, height: int, width: int, window: float
) -> list[int | None]:
    """For each group of sigmas the first group of its level, or None where it is drawn directly.

    Args:
        lower: [G] the least sigma of each group in pixels, ascending.
        samples: [G] in each group.
        window: half-width of a sample's window in sigmas.

    Levels are runs of neighbouring groups; the cheapest split into runs is found from left to
    right.
    """
    groups = len(lower)
    sigma = lower * (math.sqrt(lower[1] / lower[0]) if groups > 1 else 1.0)  # amid the group
    base = _blurred_squared(lower)  # [G] of a level from here on
    blur = _blur_cost(lower, height, width, window)
    blur[lower < _LEAST] = np.inf
    thin = np.sqrt(np.maximum(sigma**2 - base[:, None], 0.0))  # [first of a level, G]
    level = samples * _sample_cost(thin, height, width, window + _CUT_SIGMAS)
    # [first, last]: what groups first to last cost as one level
    level = np.cumsum(np.triu(level), axis=1) + blur[:, None]
    direct = samples * _sample_cost(sigma, height, width, window)  # [G]
    best = np.zeros(groups + 1)  # of the groups before
    choices: list[int | None] = []  # of the split that ends with a group: where its level begins
    for last in range(groups):
        options = best[: last + 1] + level[: last + 1, last]
        first = int(options.argmin())
        alone = best[last] + direct[last]
        choices.append(first if options[first] < alone else None)
        best[last + 1] = min(options[first], alone)
    starts: list[int | None] = []
    while len(starts) < groups:
        last = groups - len(starts) - 1
        choice = choices[last]
        starts += [choice] * (1 if choice is None else last - choice + 1)
    return starts[::-1]


def _blurred_squared(sigma: np.ndarray) -> np.ndarray:
    """Square of the blur, in pixels, of levels whose thinnest curves have these sigmas."""
    return sigma**2 - np.maximum(_THINNEST, sigma / _THIN_PART) ** 2


def _blur_cost(sigma: np.ndarray, height: int, width: int, window: float) -> np.ndarray:
    """Nanoseconds of the canvas and the blur of such levels, both ways."""
    reach = (window + _CUT_SIGMAS) * np.sqrt(np.maximum(_blurred_squared(sigma), 0.0))
    taps: np.ndarray = height * (2 * width + 2 * reach) * (2 * reach + 1) * _TAP
    return taps + (height + 2 * reach) * (width + 2 * reach) * _CANVAS


def _sample_cost(sigma: np.ndarray, height: int, width: int, window: float) -> np.ndarray:
    """Nanoseconds of samples of such sigmas (pixels), windows cut at the canvas."""
    side = 2 * window * sigma + 1
    rows = np.minimum(side + _WINDOW_EDGE, height)
    columns = np.minimum(side + _WINDOW_EDGE, width)
    return np.where(side <= _THIN_WINDOW, _THIN_SAMPLE, _SAMPLE + _PIXEL * rows * columns)


class _Levels(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, control_points, weights, sigmas, height, width, steps, cutoff, tolerance, levels
    ):
        curves = (control_points.contiguous(), weights.contiguous(), sigmas.contiguous())
        ctx.save_for_backward(*curves)
        ctx.settings, ctx.levels = (steps, cutoff, tolerance), levels
        images = []
        for level in levels:
            reach = level.reach
            image = torch.ops.curvox.splat(
                *_choose(curves, level),
                height + 2 * reach,
                width + 2 * reach,
                *_settings(level, *ctx.settings),
            )
            if level.blurred:
                image = torch.ops.curvox.blur(image, _taps(level, image), -reach)
            images.append(image)
        for image in images[1:]:
            images[0] += image
        return images[0]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, image_gradient):  # type: ignore[no-untyped-def]
        image_gradient = image_gradient.contiguous()
        curves, wanted = ctx.saved_tensors, ctx.needs_input_grad[2]
        gradients = [torch.empty_like(tensor) for tensor in curves]
        for level in ctx.levels:
            gradient = image_gradient
            if level.blurred:
                gradient = torch.ops.curvox.blur(gradient, _taps(level, gradient), level.reach)
            parts = torch.ops.curvox.splat_backward(
                gradient, *_choose(curves, level), *_settings(level, *ctx.settings), wanted
            )
            if level.curves is None:
                gradients = list(parts)
            else:
                for whole, part in zip(gradients, parts[: 2 + wanted], strict=False):
                    whole[level.curves] = part
        return (*gradients[:2], gradients[2] if wanted else None, *[None] * 6)


def _choose(curves: tuple[Tensor, ...], level: Level) -> tuple[Tensor, ...]:
    if level.curves is None:
        return curves
    return tuple(tensor[level.curves] for tensor in curves)


def _settings(level: Level, steps: int, cutoff: float, tolerance: float) -> tuple[float, ...]:
    """What `curvox::splat` and its backward take after sizes and tensors."""
    if not level.blurred:
        return steps, cutoff, tolerance, 0, 0.0
    cutoff = cutoff and cutoff + _CUT_SIGMAS
    return steps, cutoff, tolerance / 2, level.reach, level.blurred


def _taps(level: Level, like: Tensor) -> Tensor:
    return gaussian_taps(level.blurred, level.reach, like)
