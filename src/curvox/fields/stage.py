"""One stage of a training: draw rays, render them, and take a step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.profiler import record_function

from curvox.fields.field import Field
from curvox.fields.losses import Losses
from curvox.fields.replay import Capacity, Pass, Replay
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
        self._parameters = [p for group in groups for p in group["params"]]
        on_gpu = self.scene.device.type == "cuda" and self.rung.bounded
        self._replay = Replay(self._pass, self.scene.device) if on_gpu else None

    @property
    def psnr(self) -> float:
        """Of recent batches, in decibels."""
        return -10 * math.log10(self.error) if self.error > 0 else math.nan

    def step(self, progress: float) -> None:
        """Make one iteration, at a share of the stage in 0..1. Profilers see its parts by name."""
        if self._replay is not None:
            gradients, error = self._replay(*self._draw())
        else:
            result = self._pass(*self._draw())
            gradients, error = result.gradients, float(result.error)
        with record_function("adam"):
            for parameter, gradient in zip(self._parameters, gradients, strict=True):
                parameter.grad = gradient
            decay = self.config.rate_decay ** (progress - self._restarted)
            for group in self.optimizer.param_groups:
                group["lr"] = group["rate"] * decay
            self.optimizer.step()
        self.iteration += 1
        self.error = error if math.isnan(self.error) else self.error + 0.02 * (error - self.error)

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Random pixels: origins and directions [rays, 3], jitter [rays], colours [rays, 3]."""
        chosen, jitter = (tensor.to(self.scene.device) for tensor in self._draw())
        return self._batch(chosen, jitter)

    def _draw(self) -> tuple[Tensor, Tensor]:
        """Random places in the list of pixels, int64, and jitter, [rays] each, on the CPU."""
        count = self.scene.num_pixels if self.pixels is None else len(self.pixels)
        chosen = torch.randint(count, (self.config.rays,), generator=self.generator)
        return chosen, torch.rand(self.config.rays, generator=self.generator)

    def _batch(self, chosen: Tensor, jitter: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        pixels = chosen if self.pixels is None else self.pixels[chosen].long()
        return *self.scene.rays(pixels), jitter, self.scene.colours(pixels)

    def _pass(self, chosen: Tensor, jitter: Tensor, capacity: Capacity | None = None) -> Pass:
        """From places in the list of pixels to gradients. On CUDA without waiting, if the rung can
        do with lists of the capacity.
        """
        field, device = self.field, self.scene.device
        room = {} if capacity is None else {"capacity": capacity}
        with record_function("batch"):
            origins, directions, jitter, targets = self._batch(chosen.to(device), jitter.to(device))
        with record_function("render"):
            rendered = self.rung.render(field, origins, directions, jitter, **room)
        with record_function("loss"):
            colours = rendered.colour + rendered.last_transmittance[:, None] * self.background
            loss, error = self.losses.total(field, rendered, colours, targets)
            seen = (rendered.weights.detach() >= field.march.weight_threshold).sum()
        # In this thread: waking the one that autograd keeps for a GPU takes longer than a kernel.
        with record_function("backward"), torch.autograd.set_multithreading_enabled(False):
            gradients = torch.autograd.grad(loss, self._parameters)
        return Pass(list(gradients), error, torch.stack([rendered.offsets[-1], seen]))

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
