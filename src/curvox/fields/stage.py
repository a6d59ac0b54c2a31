"""One stage of a training: draw rays, render them, and take a step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.profiler import record_function

from curvox.fields.field import Field
from curvox.fields.losses import Losses
from curvox.fields.rungs import find_rung
from curvox.fields.scene import Scene
from curvox.fields.train_config import TrainConfig
from curvox.optim import Adam

__all__ = ["Stage"]

_BETAS = (0.9, 0.99)
# Far below the customary 1e-8: gradients of a box that is nearly empty are of order 1e-10 and would
# drown in it, which costs the first hundreds of iterations.
_EPSILON = 1e-15


class Stage:
    """A field on its way to look like a scene.

    Args:
        scene: the photographs.
        field: what is optimized.
        config: rays an iteration, rates, rung.
        losses: beside the squared error.
        generator: draws rays, on the CPU.
        pixels: [P], integers, the pixels that rays are drawn from. None: all.
        density_rates: [V, 1], factors of the density's learning rate. None: ones.
    """

    def __init__(
        self,
        scene: Scene,
        field: Field,
        config: TrainConfig,
        losses: Losses,
        generator: torch.Generator,
        *,
        pixels: Tensor | None = None,
        density_rates: Tensor | None = None,
    ) -> None:
        self.scene, self.field, self.config = scene, field, config
        self.losses, self.generator, self.pixels = losses, generator, pixels
        self.density_rates = density_rates
        self.rung = find_rung(config.rung)
        self.iteration = 0
        self.error = math.nan
        """Mean squared error of recent batches, a running mean."""
        self.background = torch.tensor(scene.background, device=scene.device)
        self.restart_optimizer(0.0)

    def restart_optimizer(self, progress: float) -> None:
        """Begin anew with the field's parameters as they are; the rates count from `progress`."""
        field, config = self.field, self.config
        self._restarted = progress
        groups: list[dict[str, Any]] = [
            {"params": [field.density.values], "rate": config.grid_rate, "skip_zero": True},
            {"params": [field.colour.values], "rate": config.grid_rate, "skip_zero": True},
        ]
        groups[0]["rates"] = None if self.density_rates is None else [self.density_rates]
        if field.network is not None:
            groups.append({"params": list(field.network.parameters()), "rate": config.network_rate})
        self.optimizer = Adam(groups, betas=_BETAS, eps=_EPSILON, backend=self.rung.adam)

    @property
    def psnr(self) -> float:
        """Of recent batches, in decibels."""
        return -10 * math.log10(self.error) if self.error > 0 else math.nan

    def step(self, progress: float) -> None:
        """Make one iteration, at a share of the stage in 0..1. Profilers see its parts by name."""
        with record_function("batch"):
            origins, directions, jitter, targets = self.batch()
        with record_function("render"):
            rendered = self.rung.render(self.field, origins, directions, jitter)
        with record_function("loss"):
            colours = rendered.colour + rendered.last_transmittance[:, None] * self.background
            loss, error = self.losses.total(self.field, rendered, colours, targets)
        with record_function("backward"):
            self.optimizer.zero_grad()
            loss.backward()
        with record_function("adam"):
            decay = self.config.rate_decay ** (progress - self._restarted)
            for group in self.optimizer.param_groups:
                group["lr"] = group["rate"] * decay
            self.optimizer.step()
        self.iteration += 1
        value = float(error)
        self.error = value if math.isnan(self.error) else self.error + 0.02 * (value - self.error)

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Random pixels: origins and directions [rays, 3], jitter [rays], colours [rays, 3]."""
        scene = self.scene
        count = scene.num_pixels if self.pixels is None else len(self.pixels)
        chosen = torch.randint(count, (self.config.rays,), generator=self.generator)
        chosen = chosen.to(scene.device)
        pixels = chosen if self.pixels is None else self.pixels[chosen].long()
        jitter = torch.rand(self.config.rays, generator=self.generator).to(scene.device)
        return *scene.rays(pixels), jitter, scene.colours(pixels)

    def state(self) -> dict[str, Any]:
        """What :meth:`load_state` needs to go on to the same bits, beside field and generator."""
        return {
            "iteration": self.iteration,
            "error": self.error,
            "restarted": self._restarted,
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue where the stage of the same field stood that gave `state`."""
        self.restart_optimizer(state["restarted"])
        self.optimizer.load_state_dict(state["optimizer"])
        for group in self.optimizer.param_groups:  # another rung may go on with it
            group["backend"] = self.rung.adam
        self.iteration, self.error = state["iteration"], state["error"]
