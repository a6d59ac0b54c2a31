"""Optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from curvox.ops.adam import adam_step

__all__ = ["Adam"]


class Adam(torch.optim.Optimizer):
    """Adam (Kingma & Ba 2015) with one fused pass over each tensor.

    A drop-in for :class:`torch.optim.Adam` without weight decay or amsgrad. Two things are new,
    both for large grids of which a step touches a small part:

    Args:
        params: tensors or groups, as for any torch optimizer. Contiguous.
        lr: learning rate.
        betas: decay rates of the moments.
        eps: added to the root of the second moment.
        skip_zero: leave entries whose gradient is exactly zero as they are, moments included.

    A group may hold ``rates``: one tensor for each of its parameters (or None), of the same shape,
    with a factor of the learning rate for every entry.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        skip_zero: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "skip_zero": skip_zero, "rates": None}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; returns what `closure` does (it is called with gradients enabled)."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rates: list[Tensor | None] = group["rates"] or [None] * len(group["params"])
            if len(rates) != len(group["params"]):
                raise ValueError(
                    f"rates must hold one tensor or None for each of the "
                    f"{len(group['params'])} parameters of its group, got {len(rates)}"
                )
            for parameter, rate in zip(group["params"], rates, strict=True):
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = 0
                    state["mean"] = torch.zeros_like(parameter)
                    state["square"] = torch.zeros_like(state["mean"])
                state["step"] += 1
                adam_step(
                    parameter,
                    parameter.grad,
                    state["mean"],
                    state["square"],
                    state["step"],
                    learning_rate=group["lr"],
                    betas=group["betas"],
                    epsilon=group["eps"],
                    rates=rate,
                    skip_zero=group["skip_zero"],
                )
        return loss
