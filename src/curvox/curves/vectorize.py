"""Pictures turned into paths: placed where the drawing lacks most, optimized all together."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from curvox.curves.drawing import Drawing
from curvox.curves.vectorize_placement import place_discs
from curvox.curves.vectorize_schedule import Round, VectorizeConfig, rounds
from curvox.errors import InputError
from curvox.metrics import psnr
from curvox.optim import Adam

__all__ = ["Vectorize"]

_OPACITY = 0.9  # of new paths
_FAINT = 0.04  # opacities below are useless
_STROKE_WIDTH = 0.5  # of a new stroke's length
_THINNEST = 0.3  # pixels
_USELESS = 0.05  # share of the paths, those of least worth, that a round moves
_WARM_UP = 12  # steps: Adam knows nothing of the new paths yet
_SNAPSHOTS = 48


class Vectorize:
    """A picture on its way to paths.

    Each round of the schedule moves paths that do next to nothing, puts new ones where the picture
    lacks most (:func:`curvox.curves.vectorize_placement.place_discs`), and optimizes outlines,
    colours and opacities of all of them together by Adam on the squared error.

    >>> work = Vectorize(target, VectorizeConfig(paths=256))
    >>> for done in work.steps():
    ...     print(done, work.psnr)
    >>> picture = work.drawing().render()

    Args:
        target: [H, W, 3] float32 in 0..1. Paths are drawn and optimized on its device.
        config: settings.

    Raises:
        ValueError: `target` has another shape or dtype.
        InputError: `target` holds NaN or values out of range.
    """

    def __init__(self, target: Tensor, config: VectorizeConfig) -> None:
        if target.ndim != 3 or target.shape[2] != 3 or target.dtype != torch.float32:
            raise ValueError(f"target must be [H, W, 3] float32, got {list(target.shape)}")
        if not (torch.isfinite(target).all() and target.min() >= 0 and target.max() <= 1):
            raise InputError("The picture holds values that are NaN or out of the range 0..1")
        self.target, self.config = target.detach().contiguous(), config
        self.iteration = 0
        self.psnr = 0.0
        """Of the latest snapshot, in decibels."""
        self.snapshots: list[Drawing] = []
        """Drawings along the way."""
        self.progress = 0.0
        self._rounds = rounds(config, max(target.shape[:2]))
        self._next = 0
        none = target.new_zeros(0)
        closed = config.mode == "fill"
        points = 3 * config.segments + (not closed)
        widths = None if closed else target.new_zeros(0)
        shapes = none.view(0, points, 2), none.view(0, 3), none, widths
        self._start(*shapes, target.mean((0, 1)))
        self._since = 0  # steps since paths were added
        self._picture = self.target

    @property
    def paths(self) -> int:
        """How many there are now."""
        return len(self._points)

    def drawing(self) -> Drawing:
        """The drawing as it is now (a copy)."""
        return self._live().copy()

    def _live(self) -> Drawing:
        """The drawing whose tensors are optimized."""
        shapes = (self._points, self._colours, self._opacities, self._widths, self._paper)
        return Drawing(*shapes, *self.target.shape[:2])

    def steps(self) -> Iterator[float]:
        """Go the rest of the way: take steps until time or iterations of the settings are over.

        Yields:
            The share that is behind after each step, at last 1.
        """
        seconds = 60 * (self.config.minutes or 0)
        begun = time.perf_counter() - self.progress * seconds

        def behind() -> float:
            if self.config.iterations:
                return self.iteration / self.config.iterations
            return (time.perf_counter() - begun) / seconds

        while (done := behind()) < 1:
            self.step(done)
            yield done
        self.snapshot()
        yield 1.0

    def step(self, progress: float) -> None:
        """Take one step, with `progress` of the way behind, in 0..1."""
        self.progress = progress
        while self._next < len(self._rounds) and progress >= self._rounds[self._next].start:
            self._begin(self._rounds[self._next])
            self._next += 1
        self._optimize()
        self.iteration += 1
        self._since += 1
        if len(self.snapshots) <= progress * _SNAPSHOTS:
            self.snapshot()

    @torch.no_grad()
    def snapshot(self) -> None:
        """Keep the drawing, and measure it."""
        self.snapshots.append(self.drawing())
        self.psnr = psnr(self.snapshots[-1].render().clamp(0, 1), self.target)

    def _start(
        self,
        points: Tensor,
        colours: Tensor,
        opacities: Tensor,
        widths: Tensor | None,
        paper: Tensor,
    ) -> None:
        """Take these as parameters, with a fresh optimizer."""

        def parameter(tensor: Tensor) -> Tensor:
            return tensor.to(self.target.device).contiguous().requires_grad_()

        self._points, self._colours = parameter(points), parameter(colours)
        self._opacities, self._paper = parameter(opacities), parameter(paper)
        self._widths = None if widths is None else parameter(widths)
        shapes = [self._points] if self._widths is None else [self._points, self._widths]
        groups = [{"params": shapes}, {"params": [self._colours, self._opacities, self._paper]}]
        self._optimizer = Adam(groups, betas=(0.9, 0.99))

    @torch.no_grad()
    def _begin(self, part: Round) -> None:
        """Drop what is useless, and fill up to the round's number of paths."""
        height, width = self.target.shape[:2]
        scale = part.longer / max(height, width)
        size = [max(round(side * scale), 1) for side in (height, width)]
        planes = self.target.permute(2, 0, 1)[None]
        self._picture = interpolate(planes, size=size, mode="area")[0].permute(1, 2, 0).contiguous()
        kept = self.drawing().chosen(self._useful())
        rendered, kept = kept.render(*size).cpu(), kept.to("cpu")
        wanted, missing = part.paths - len(kept.points), self._picture.cpu() - rendered
        centres, radii, more = place_discs(missing, wanted, part.radius * scale)
        at = centres.long()
        rows, columns = at[:, 1].clamp(0, size[0] - 1), at[:, 0].clamp(0, size[1] - 1)
        colours = (rendered[rows, columns] + more / _OPACITY).clamp(0, 1)
        points, widths = _outlines(centres / scale, radii / scale, self.config)
        fresh = torch.full((len(colours),), _OPACITY)
        self._start(
            torch.cat([kept.points, points]),
            torch.cat([kept.colours, colours]),
            torch.cat([kept.opacities, fresh]),
            None if kept.widths is None else torch.cat([kept.widths, widths]),
            kept.paper,
        )
        self._since = 0

    def _useful(self) -> Tensor:
        """Numbers of the paths that stay, on the CPU: not those that are faint or do least."""
        if len(self._points) == 0:
            return torch.zeros(0, dtype=torch.int64)
        worth = _worth(self.drawing(), self._picture).cpu()
        fewest = int(_USELESS * len(worth))
        order = worth.argsort(stable=True)
        useless = torch.zeros(len(worth), dtype=torch.bool)
        useless[order[:fewest]] = True
        useless |= self._opacities.cpu() < _FAINT
        return (~useless).nonzero()[:, 0]

    def _optimize(self) -> None:
        config = self.config
        factor = config.final_rate**self.progress * min(1.0, (self._since + 1) / _WARM_UP)
        shapes, inks = self._optimizer.param_groups
        # Coarse rounds work on coarse pixels.
        coarse = math.sqrt(max(self.target.shape) / max(self._picture.shape))
        shapes["lr"] = config.points_rate * factor * coarse
        inks["lr"] = config.colour_rate * factor
        error = self._live().render(*self._picture.shape[:2]) - self._picture
        error.square().mean().backward()
        self._optimizer.step()
        self._optimizer.zero_grad()
        with torch.no_grad():
            self._colours.clamp_(0, 1)
            self._paper.clamp_(0, 1)
            self._opacities.clamp_(0.01, 1)
            if self._widths is not None:
                self._widths.clamp_(_THINNEST, max(self.target.shape[:2]))

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to go on to the same bits."""
        return {
            "iteration": self.iteration,
            "progress": self.progress,
            "round": self._next,
            "since": self._since,
            "drawing": vars(self.drawing()),
            "optimizer": self._optimizer.state_dict(),
            "snapshots": [vars(snapshot) for snapshot in self.snapshots],
            "psnr": self.psnr,
            "picture": self._picture,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where the work on the same picture with the same settings stood."""
        self.iteration, self.progress = state["iteration"], state["progress"]
        self._next, self._since = state["round"], state["since"]
        self._start(*Drawing(**state["drawing"]).tensors())
        self._optimizer.load_state_dict(state["optimizer"])
        device = self.target.device
        self.snapshots = [Drawing(**snapshot).to(device) for snapshot in state["snapshots"]]
        self.psnr, self._picture = state["psnr"], state["picture"].to(device)


def _outlines(centres: Tensor, radii: Tensor, config: VectorizeConfig) -> tuple[Tensor, Tensor]:
    """Paths for discs: circles of cubics, or short strokes; and widths for the latter."""
    count = config.segments
    if config.mode == "stroke":
        along = torch.linspace(-1, 1, 3 * count + 1)
        # Turned by the golden angle from one to the next, so that no direction is preferred.
        angles = torch.arange(len(radii)) * 2.399963
        ways = torch.stack([angles.cos(), angles.sin()], 1)
        points = centres[:, None] + radii[:, None, None] * along[:, None] * ways[:, None]
        return points, _STROKE_WIDTH * 2 * radii
    angles = torch.arange(count) * 2 * math.pi / count
    reach = 4 / 3 * math.tan(math.pi / (2 * count))
    ends = torch.stack([angles.cos(), angles.sin()], 1)
    tangents = reach * torch.stack([-angles.sin(), angles.cos()], 1)
    following, arriving = ends.roll(-1, 0), tangents.roll(-1, 0)
    circle = torch.stack([ends, ends + tangents, following - arriving], 1).view(-1, 2)
    return centres[:, None] + radii[:, None, None] * circle, radii


def _worth(drawing: Drawing, picture: Tensor) -> Tensor:
    """About how much the squared error would grow without each path, [N].

    To first order in its opacity o it would change by -o dE/do, which is near zero for all that
    are fitted; what tells them apart is how strongly they paint: the gradient's size with random
    signs, whose expectation is the visible area times the contrast to what is below.
    """
    opacities = drawing.opacities.clone().requires_grad_()
    with torch.enable_grad():
        image = replace(drawing, opacities=opacities).render(*picture.shape[:2])
        generator = torch.Generator().manual_seed(0)
        total = torch.zeros_like(drawing.opacities)
        for _ in range(4):
            signs = torch.randint(0, 2, image.shape, generator=generator).to(image) * 2 - 1
            (gradient,) = torch.autograd.grad(image, opacities, signs, retain_graph=True)
            total += (drawing.opacities * gradient).square()
    return total
