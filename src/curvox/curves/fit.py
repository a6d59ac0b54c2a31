"""Fitting curves to an image: from a few random strokes to a picture."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from curvox.curves.fit_placement import place, scatter
from curvox.curves.fit_schedule import FitConfig, Round, schedule
from curvox.curves.ink import Ink, weights_from_ink
from curvox.errors import InputError
from curvox.metrics import psnr
from curvox.optim import Adam

__all__ = ["Fit", "FitConfig", "visible_error"]

_START_INK = 0.3  # of the first strokes, less where they lie in several layers
_STROKE_AREA = 20  # of such a stroke, in squared sigmas
_SNAPSHOTS = 48
_CUTOFF = 3.5  # sigmas: what it leaves out is 0.2 % of a stroke's strength, outside of it
_SPACING = 1.5  # sigmas between samples, at most: beads then stand out by 2 exp(-8.8), 0.03 %
_FINEST = 0.5  # pixels of the picture compared: sigmas below could hide between its pixels
_WIDEST = 0.3
_USELESS = 0.6  # curves that do less than this share of the median are moved,
_MOST_MOVED = 0.05  # but no more than this share of them in a round
_WARM_UP = 10  # iterations: Adam knows nothing of the new curves yet


class Fit:
    """A fit in progress.

    Each round of the schedule takes away curves that do next to nothing, puts new ones where the
    picture lacks most (:func:`curvox.curves.fit_placement.place`), and optimizes all of them
    together by Adam on the squared error. The first curves are strewn at random.

    >>> fit = Fit(target, FitConfig(curves=300))
    >>> while not fit.done:
    ...     fit.advance(50)
    >>> picture = fit.ink().render()

    Args:
        target: [H, W] float32 in 0..1. Curves are drawn and optimized on its device.
        config: settings.

    Raises:
        ValueError: `target` has another shape or dtype.
        InputError: `target` holds NaN or values out of range.

    The same target, settings and seed give the same bits on the same device, also through
    :meth:`state_dict`.
    """

    def __init__(self, target: Tensor, config: FitConfig) -> None:
        if target.ndim != 2 or target.dtype != torch.float32 or target.numel() == 0:
            raise ValueError(f"target must be [H, W] float32, got {list(target.shape)}")
        if not (torch.isfinite(target).all() and target.min() >= 0 and target.max() <= 1):
            raise InputError("The image to fit holds values that are NaN or out of the range 0..1")
        self.target, self.config = target.detach().contiguous(), config
        height, width = target.shape
        longer = max(height, width)
        self.iteration = 0
        self.paper = float(target.median())
        self.snapshots: list[Ink] = []
        """Drawings along the way, the random start first."""
        self.psnr = 0.0
        """Of the latest snapshot against the target, in decibels."""
        self._rounds = schedule(config, longer)
        marks = min(_SNAPSHOTS, config.iterations) + 1
        # Denser at the beginning, where more happens.
        self._marks = {
            round(config.iterations * (mark / (marks - 1)) ** 1.5) for mark in range(marks)
        }
        # Ink of the sign that the picture needs on the whole: a glyph starts as pen strokes.
        first = self._rounds[0]
        layers = max(first.curves * _STROKE_AREA * first.sigma**2, 1.0)
        ink = math.copysign(_START_INK / layers, float(target.mean()) - self.paper)
        generator = torch.Generator().manual_seed(config.seed)
        self._start(
            *scatter(first.curves, height / longer, width / longer, first.sigma, ink, generator)
        )
        self._picture = self._at(first.longer)
        self._snapshot()

    @property
    def done(self) -> bool:
        """Whether all iterations have been made."""
        return self.iteration >= self.config.iterations

    @property
    def curves(self) -> int:
        """How many there are now."""
        return self._points.shape[0]

    def ink(self) -> Ink:
        """The drawing as it is now (a copy)."""
        points, sigmas = self._points.detach().clone(), self._log_sigmas.detach().exp()
        weights = weights_from_ink(self._inks.detach(), points, sigmas, self.config.steps)
        height, width = self.target.shape
        return Ink(points, weights, sigmas, self.paper, height, width, self.config.steps)

    def advance(self, iterations: int) -> None:
        """Make so many iterations, or those that are left."""
        for _ in range(min(iterations, self.config.iterations - self.iteration)):
            current = self._round()
            if self.iteration == current.start and self.iteration > 0:
                self._renew(current)
            self._step(current)
            self.iteration += 1
            if self.iteration in self._marks:
                self._snapshot()

    def _round(self) -> Round:
        return next(part for part in self._rounds if self.iteration < part.stop)

    def _start(self, points: Tensor, inks: Tensor, sigmas: Tensor) -> None:
        """Take these curves as parameters, with a fresh optimizer."""
        device = self.target.device
        self._points = points.to(device).contiguous().requires_grad_()
        self._inks = inks.to(device).contiguous().requires_grad_()
        self._log_sigmas = sigmas.to(device).log().contiguous().requires_grad_()
        parameters = (self._points, self._inks, self._log_sigmas)
        groups = [{"params": [parameter]} for parameter in parameters]
        self._optimizer = Adam(groups, betas=(0.9, 0.99))

    def _at(self, longer: int) -> Tensor:
        """The target with `longer` pixels on its longer side, each the mean of what it covers."""
        scale = longer / max(self.target.shape)
        size = [max(round(side * scale), 1) for side in self.target.shape]
        return interpolate(self.target[None, None], size=size, mode="area")[0, 0]

    @torch.no_grad()
    def _renew(self, current: Round) -> None:
        """Drop what is useless and fill up to the round's number of curves."""
        self._picture = self._at(current.longer)
        points, inks = self._points.detach().cpu(), self._inks.detach().cpu()
        sigmas = self._log_sigmas.detach().exp().cpu()
        missing = -visible_error(self.ink().render(*self._picture.shape), self._picture).cpu()
        # The square of a stroke's profile, integrated: of a line and of a dot, blended.
        squared_length = 3 * (points[:, 1:] - points[:, :-1]).square().sum((1, 2))
        value = inks**2 * sigmas * (math.pi**2 * sigmas**2 + math.pi * squared_length).sqrt()
        useless = int((value < _USELESS * value.median()).sum())
        keep = value.argsort(stable=True)[min(useless, int(_MOST_MOVED * len(value))) :]
        keep = keep.sort().values
        new = place(missing, current.curves - len(keep), current.sigma)
        old = (points[keep], inks[keep], sigmas[keep])
        self._start(*(torch.cat(pair) for pair in zip(old, new, strict=True)))

    def _step(self, current: Round) -> None:
        config = self.config
        factor = config.final_rate ** (self.iteration / config.iterations)
        factor *= min(1.0, (self.iteration - current.start + 1) / _WARM_UP)
        sigmas = self._log_sigmas.exp()
        groups = self._optimizer.param_groups
        rates = (config.points_rate, config.ink_rate, config.sigma_rate)
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * factor
        groups[0]["rates"] = [sigmas.detach()[:, None, None].expand(-1, 4, 2).contiguous()]
        weights = weights_from_ink(self._inks, self._points, sigmas, config.steps)
        height, width = self._picture.shape
        drawing = Ink(self._points, weights, sigmas, self.paper, height, width, config.steps)
        error = visible_error(drawing.render(cutoff=_CUTOFF), self._picture)
        error.square().mean().backward()
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._keep_in_bounds()

    @torch.no_grad()
    def _keep_in_bounds(self) -> None:
        """Sigmas within their range, and no stroke so long that its samples part into beads."""
        finest = _FINEST / max(self._picture.shape)
        self._log_sigmas.clamp_(math.log(finest), max(math.log(_WIDEST), math.log(finest)))
        # A cubic moves at most three times its longest leg a unit of t.
        legs = (self._points[:, 1:] - self._points[:, :-1]).norm(dim=2).amax(1)
        spacing = 3 * legs / (self.config.steps - 1)
        shrink = (_SPACING * self._log_sigmas.exp() / spacing.clamp_min(1e-12)).clamp_max(1)
        middle = self._points.mean(1, keepdim=True)
        self._points.copy_(middle + (self._points - middle) * shrink[:, None, None])

    @torch.no_grad()
    def _snapshot(self) -> None:
        self.snapshots.append(self.ink())
        self.psnr = psnr(self.snapshots[-1].render().clamp(0, 1), self.target)

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to go on to the same bits."""
        return {
            "iteration": self.iteration,
            "points": self._points.detach().clone(),
            "inks": self._inks.detach().clone(),
            "log_sigmas": self._log_sigmas.detach().clone(),
            "optimizer": self._optimizer.state_dict(),
            "snapshots": [vars(snapshot) for snapshot in self.snapshots],
            "psnr": self.psnr,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where the fit of the same target and settings stood that gave `state`."""
        self.iteration = state["iteration"]
        self._start(state["points"], state["inks"], state["log_sigmas"].exp())
        with torch.no_grad():  # exp and log do not give back every bit
            self._log_sigmas.copy_(state["log_sigmas"])
        self._optimizer.load_state_dict(state["optimizer"])
        device = self.target.device
        self.snapshots = [Ink(**snapshot).to(device) for snapshot in state["snapshots"]]
        self.psnr = state["psnr"]
        if not self.done:
            self._picture = self._at(self._round().longer)


def visible_error(drawing: Tensor, target: Tensor) -> Tensor:
    """drawing - target, but zero where a white pixel is too white or a black one too black.

    Pictures are cut to 0..1 when they are shown, so ink may go beyond: edges of glyphs get sharper.
    """
    error = drawing - target
    hidden = ((target >= 1) & (error > 0)) | ((target <= 0) & (error < 0))
    return error.masked_fill(hidden, 0)
