"""Training: from posed photographs to a radiance field, coarse to fine."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from curvox.errors import InputError
from curvox.fields.coarse import coarse_field, fine_box, occupied_voxels
from curvox.fields.field import Field, FieldSettings
from curvox.fields.grid import grid_shape
from curvox.fields.scene import Scene
from curvox.fields.stage import Stage
from curvox.fields.train_config import COARSE_SHARE, TrainConfig
from curvox.ops.rays_hit import rays_hit

__all__ = ["Training", "visible_pixels"]

_ALPHA_INIT = 1e-2
_THRESHOLD = 1e-4  # of alpha and weight
_LOWERED = 1.0  # raw density, at each growth: what interpolation has smeared clears up sooner
_CHUNK = 1 << 18  # rays whose course is looked at together


class Training:
    """A training in progress.

    >>> training = Training(load_scene("nerf_synthetic/lego"), TrainConfig())
    >>> while not training.done:
    ...     training.advance(100)
    >>> field = training.field

    Args:
        scene: the photographs to train on.
        config: settings.

    Raises:
        InputError: the scene holds nothing that could be trained on.

    On the CPU the same scene, settings and seed give the same bits for any number of interruptions
    (:meth:`state`, :meth:`load_state`), unless it is the time that is given.
    """

    def __init__(self, scene: Scene, config: TrainConfig) -> None:
        if not bool(scene.poses.isfinite().all()):
            raise InputError("the scene holds a pose that is not finite")
        self.scene, self.config = scene, config
        self.seconds = 0.0
        """Spent on iterations and on preparing stages."""
        self._generator = torch.Generator().manual_seed(config.seed)
        start = time.perf_counter()
        field, rates = coarse_field(scene, config.voxels**3)
        self.stage = Stage(
            scene, field, config, config.coarse_losses(), self._generator, density_rates=rates
        )
        self.fine = False
        """Whether the fine stage has begun."""
        self._coarse_seconds, self._coarse_iterations = 0.0, 0
        self.seconds += time.perf_counter() - start

    @property
    def field(self) -> Field:
        """As it is now."""
        return self.stage.field

    @property
    def iteration(self) -> int:
        """Of the present stage."""
        return self.stage.iteration

    @property
    def progress(self) -> float:
        """The share of the present stage that is done, 0..1."""
        config = self.config
        if config.minutes is None:
            planned = config.iterations if self.fine else config.coarse_iterations
            return min(self.iteration / planned, 1.0)
        limit = config.minutes * 60
        if not self.fine:
            return min(self.seconds / (limit * COARSE_SHARE), 1.0)
        left = max(limit - self._coarse_seconds, 1e-9)
        return min((self.seconds - self._coarse_seconds) / left, 1.0)

    @property
    def overall_progress(self) -> float:
        """The share of the whole that is done, 0..1."""
        config = self.config
        if config.minutes is not None:
            return 1.0 if self.done else min(self.seconds / (config.minutes * 60), 1.0)
        made = self.iteration + (config.coarse_iterations if self.fine else 0)
        return made / (config.iterations + config.coarse_iterations)

    @property
    def stages(self) -> dict[str, dict[str, float]]:
        """What was done in each stage so far: ``iterations`` and ``seconds``."""
        if not self.fine:
            return {"coarse": {"iterations": self.iteration, "seconds": self.seconds}}
        fine_seconds = self.seconds - self._coarse_seconds
        return {
            "coarse": {"iterations": self._coarse_iterations, "seconds": self._coarse_seconds},
            "fine": {"iterations": self.iteration, "seconds": fine_seconds},
        }

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.fine and self.progress >= 1

    def advance(self, iterations: int) -> None:
        """Make so many iterations, or those that are left."""
        start = time.perf_counter()
        for _ in range(iterations):
            if self.done:
                break
            if not self.fine and self.progress >= 1:
                self._begin_fine()
            if self.fine:
                self._grow()
            self.stage.step(self.progress)
            now = time.perf_counter()
            self.seconds, start = self.seconds + now - start, now

    def _begin_fine(self) -> None:
        coarse, config = self.field, self.config
        settings = FieldSettings(
            base_voxels=config.voxels**3,
            features=config.features,
            alpha_init=_ALPHA_INIT,
            near=self.scene.near,
            far=self.scene.far,
            alpha_threshold=_THRESHOLD,
            weight_threshold=_THRESHOLD,
            width=config.width,
            positions=config.positions,
            precision=config.precision,
        )
        box = fine_box(coarse)
        field = Field(box, grid_shape(box, config.voxels_at(0.0)), settings)
        field.occupancy = occupied_voxels(coarse)
        if field.network is not None:
            field.network.initialize(self._generator)
        self._coarse_seconds, self._coarse_iterations = self.seconds, self.iteration
        self._make_fine(field, visible_pixels(self.scene, field))

    def _make_fine(self, field: Field, pixels: Tensor) -> None:
        """Take up the fine stage of `field`, new or from a checkpoint."""
        config = self.config
        self.stage = Stage(
            self.scene, field, config, config.fine_losses(), self._generator, pixels=pixels
        )
        self.fine = True
        self._voxels = 0  # that the grid was given, or found to have

    def _grow(self) -> None:
        """Give the grid the size that is due."""
        field, progress = self.field, self.progress
        voxels = self.config.voxels_at(progress)
        if voxels == self._voxels:
            return
        self._voxels = voxels
        if grid_shape(field.corners, voxels) == field.shape:
            return
        field.resize(voxels)
        with torch.no_grad():
            field.density.values.sub_(_LOWERED)
        field.refresh_occupancy()
        self.stage.restart_optimizer(progress)

    def state(self) -> dict[str, Any]:
        """All that :meth:`load_state` needs to go on to the same bits."""
        return {
            "scene": self.scene.fingerprint(),
            "fine": self.fine,
            "seconds": self.seconds,
            "coarse_seconds": self._coarse_seconds,
            "coarse_iterations": self._coarse_iterations,
            "generator": self._generator.get_state(),
            "field": self.field.state(),
            "pixels": _pack(self.stage.pixels, self.scene.num_pixels),
            "stage": self.stage.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue where the training of the same scene and settings stood that gave `state`.

        Raises:
            InputError: it was another scene.
        """
        if state["scene"] != self.scene.fingerprint():
            raise InputError("the checkpoint is of another scene")
        self.seconds, self._coarse_seconds = state["seconds"], state["coarse_seconds"]
        self._coarse_iterations = state["coarse_iterations"]
        self._generator.set_state(state["generator"])
        device = self.scene.device
        field = Field.from_state(state["field"], device)
        if state["fine"]:
            self._make_fine(field, _unpack(state["pixels"], device))
        else:
            self.stage.field = field
        self.stage.load_state(state["stage"])


def visible_pixels(scene: Scene, field: Field) -> Tensor:
    """The pixels whose rays meet anything that is occupied: [P], int32 where that suffices.

    Where no ray does, which only a broken capture brings about, they are all pixels.
    """
    march = field.march
    dtype = torch.int32 if scene.num_pixels < 2**31 else torch.int64
    found = []
    for first in range(0, scene.num_pixels, _CHUNK):
        pixels = torch.arange(first, min(first + _CHUNK, scene.num_pixels), device=scene.device)
        hit = rays_hit(
            *scene.rays(pixels), field.occupancy.bits, field.box, march.near, march.far, march.step
        )
        found.append(pixels[hit].to(dtype))
    visible = torch.cat(found)
    if len(visible) == 0:
        return torch.arange(scene.num_pixels, dtype=dtype, device=scene.device)
    return visible


def _pack(pixels: Tensor | None, count: int) -> Tensor | None:
    """Numbers in rising order as a set of `count` bits, uint8."""
    if pixels is None:
        return None
    chosen = np.zeros(count, dtype=bool)
    chosen[pixels.cpu().numpy()] = True
    return torch.from_numpy(np.packbits(chosen))


def _unpack(bits: Tensor, device: torch.device) -> Tensor:
    """The numbers that :func:`_pack` was given; padding bits are never set."""
    numbers = np.unpackbits(bits.numpy()).nonzero()[0]
    return torch.from_numpy(numbers.astype(np.int32 if len(bits) < 2**28 else np.int64)).to(device)
