"""Moments of a training at which every rung of the ladder is measured."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from curvox.fields.field import Field
from curvox.fields.scene import Scene
from curvox.fields.stage import Stage
from curvox.fields.train import Training, visible_pixels
from curvox.fields.train_config import TrainConfig

__all__ = ["Moment", "Preparation"]

_SEED = 0  # of the rays that are measured


@dataclass(frozen=True)
class Moment:
    """Where a training stands."""

    name: str
    """``coarse``, ``growth`` (the fine grid at a size it has for a while) or ``fine``."""
    stage: Stage
    """Nobody steps it while the moment is measured."""
    progress: float
    """The share of the stage that is done, 0..1."""
    iterations: int
    """Of the published schedule that cost about what one costs now."""

    def first_batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The rays that every rung begins with, see :meth:`Stage.batch`."""
        stage = copy.copy(self.stage)
        stage.generator = torch.Generator().manual_seed(_SEED)
        return stage.batch()

    def stage_of(self, rung: str) -> Stage:
        """A copy to measure a rung with: same field, same optimizer, same rays to come."""
        stage = self.stage
        copied = Stage(
            stage.scene,
            copy.deepcopy(stage.field),
            replace(stage.config, rung=rung),
            stage.losses,
            torch.Generator().manual_seed(_SEED),
            pixels=stage.pixels,
            density_rates=stage.density_rates,
        )
        copied.load_state(copy.deepcopy(stage.state()))
        return copied


class Preparation:
    """A scene, trained until there is something to measure.

    The published schedule is shortened: the fine grid stays at each size for `iterations` instead
    of 1,000, and the coarse stage takes five times as many instead of 5,000.

    Args:
        scene: the photographs.
        rays: an iteration.
        iterations: see above, at least 1.
        finished: the field of a training that is done: it takes the place of the last moment.
    """

    def __init__(
        self, scene: Scene, rays: int, iterations: int, finished: Field | None = None
    ) -> None:
        self.scene, self.rays, self.iterations, self.finished = scene, rays, iterations, finished
        self._coarse: dict[str, Any] | None = None  # the coarse stage is the same for all sizes

    def moments(self, voxels: int) -> Iterator[Moment]:
        """Train until each moment in turn: coarse, every size of the fine grid, and the last.

        Args:
            voxels: of the fine grid in the end, along a side.
        """
        published = TrainConfig(voxels=voxels)
        config = replace(
            published,
            rays=self.rays,
            iterations=published.iterations * self.iterations // 1000,
            coarse_iterations=published.coarse_iterations * self.iterations // 1000,
        )
        training = Training(self.scene, config)
        if self._coarse is None:
            training.advance(config.coarse_iterations)
            self._coarse = training.state()
        else:
            training.load_state(self._coarse)
        yield Moment("coarse", training.stage, training.progress, published.coarse_iterations)

        planned = _iterations_by_size(published)
        *growing, last = _iterations_by_size(config)
        for size in growing:
            training.advance(self.iterations)
            yield Moment("growth", training.stage, training.progress, planned[size])
        if self.finished is None:
            # A grid that has just grown has yet to be carved.
            training.advance(2 * self.iterations)
            yield Moment("fine", training.stage, training.progress, planned[last])
        else:
            stage = self._last_stage(self.finished, config)
            yield Moment("fine", stage, 1.0, planned[last])

    def _last_stage(self, field: Field, config: TrainConfig) -> Stage:
        """The end of a fine stage, with an optimizer that has come to rest again."""
        stage = Stage(
            self.scene,
            field,
            config,
            config.fine_losses(),
            torch.Generator().manual_seed(config.seed),
            pixels=visible_pixels(self.scene, field),
        )
        for _ in range(self.iterations):
            stage.step(1.0)
        return stage


def _iterations_by_size(config: TrainConfig) -> Counter[int]:
    """How many iterations the fine grid has each of its numbers of voxels, smallest first."""
    steps = range(config.iterations)
    return Counter(config.voxels_at(step / config.iterations) for step in steps)
