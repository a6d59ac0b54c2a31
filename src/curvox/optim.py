"""Optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from curvox.ops.adam import adam_rows, adam_step

__all__ = ["Adam"]


class Adam(torch.optim.Optimizer):
    """Adam (Kingma & Ba 2015) with one fused pass over each tensor.

    A drop-in for :class:`torch.optim.Adam` without weight decay or amsgrad. New are, for large
    grids of which a step touches a small part, `skip_zero`, and sparse gradients: one whose first
    dimension is sparse (as of ``torch.nn.Embedding(sparse=True)``) visits only the rows in it, with
    `skip_zero`, whatever that is set to, and moments that are dense tensors all the same.

    Args:
        params: tensors or groups, as for any torch optimizer. Contiguous.
        lr: learning rate.
        betas: decay rates of the moments.
        eps: added to the root of the second moment.
        skip_zero: leave entries whose gradient is exactly zero as they are, moments included.
        backend: ``"torch"`` takes each step in plain PyTorch, the reference of the kernels.

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
        backend: str | None = None,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "skip_zero": skip_zero, "rates": None}
        defaults["backend"] = backend
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
                self._update(parameter, rate, group)
        return loss

    def _update(self, parameter: Tensor, rates: Tensor | None, group: dict[str, Any]) -> None:
        """One step of one parameter whose state counts it already."""
        state = self.state[parameter]
        mean, square = state["mean"], state["square"]
        options = {
            "learning_rate": group["lr"],
            "betas": group["betas"],
            "epsilon": group["eps"],
            "backend": group["backend"],
        }
        gradient = parameter.grad
        assert gradient is not None
        if not gradient.is_sparse:
            options |= {"rates": rates, "skip_zero": group["skip_zero"]}
            adam_step(parameter, gradient, mean, square, state["step"], **options)
            return
        if gradient.sparse_dim() != 1:
            raise ValueError(
                f"a sparse gradient must have one sparse dimension, got {gradient.sparse_dim()}"
            )
        rows, values = _rows_and_values(gradient)

        def matrix(tensor: Tensor) -> Tensor:
            return tensor.view(tensor.shape[0], -1)

        options["rates"] = None if rates is None else matrix(rates.contiguous())
        adam_rows(
            matrix(parameter.detach()),
            rows,
            matrix(values.contiguous()),
            matrix(mean),
            matrix(square),
            state["step"],
            **options,
        )


def _rows_and_values(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Ascending rows of a gradient with one sparse dimension, none twice, and their values."""
    rows = gradient._indices()[0]
    # autograd forgets that a gradient is coalesced; sorting it again would cost more than the step.
    if not (gradient.is_coalesced() or bool((rows[1:] > rows[:-1]).all())):
        gradient = gradient.coalesce()
    return gradient._indices()[0], gradient._values()
