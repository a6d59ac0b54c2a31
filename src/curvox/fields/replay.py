"""Iterations on a GPU that are recorded once and replayed: hundreds of kernels started by one call.

Starting the kernels of an iteration takes the processor several times as long as the GPU needs to
run them. A CUDA graph holds them with all their arguments, lengths of lists included. How many
samples a batch has is known only when it has been marched, so lists are recorded with room to
spare; a batch that needs more is computed anew without the graph, which gives way to a larger one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Capacity", "Pass", "Replay"]

Capacity = tuple[int, int]
"""Lengths of the lists of samples and of coloured ones."""

_ROOM = 1.25  # lengths of lists over those of the batch before
_LEAST = 1024
_WASTED = 0.5  # a list filled to less is recorded anew


@dataclass(frozen=True)
class Pass:
    """What an iteration computes before the optimizer's step."""

    gradients: list[Tensor]
    error: Tensor
    """A scalar."""
    sizes: Tensor
    """[2], int64: of the lists that :data:`Capacity` limits."""


class Replay:
    """A computation on a GPU, recorded when it has run once.

    Args:
        compute: (pixels, jitter, capacity) to a pass. Without a capacity it takes what it needs,
            with one it must not wait for the GPU.
        device: CUDA.
    """

    def __init__(
        self, compute: Callable[[Tensor, Tensor, Capacity | None], Pass], device: torch.device
    ) -> None:
        self._compute, self._device = compute, device
        self._graph: torch.cuda.CUDAGraph | None = None
        self._capacity: Capacity = (0, 0)
        self._inputs: tuple[Tensor, Tensor] | None = None

    def __call__(self, pixels: Tensor, jitter: Tensor) -> tuple[list[Tensor], float]:
        """The gradients and the error for a batch, [rays] each, on the CPU or the device.

        The gradients are overwritten by the next call.
        """
        if self._inputs is None:
            self._inputs = pixels.to(self._device), jitter.to(self._device)
        self._inputs[0].copy_(pixels)
        self._inputs[1].copy_(jitter)
        if self._graph is not None:
            self._graph.replay()
            *sizes, error = self._report.tolist()  # waits
            if all(size < most for size, most in zip(sizes, self._capacity, strict=True)):
                if sizes[0] < _WASTED * self._capacity[0] - _LEAST:
                    self._graph = None
                return self._gradients, error
            self._graph = None
        result = self._compute(*self._inputs, None)
        *sizes, error = _report(result).tolist()
        self._record(int(sizes[0]), int(sizes[1]))
        return result.gradients, error

    def _record(self, samples: int, coloured: int) -> None:
        assert self._inputs is not None
        self._capacity = int(_ROOM * samples) + _LEAST, int(_ROOM * coloured) + _LEAST
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self._compute(*self._inputs, self._capacity)
            self._report = _report(result)
        self._gradients, self._graph = result.gradients, graph


def _report(result: Pass) -> Tensor:
    """Sizes and error side by side, so that they are waited for once."""
    return torch.cat([result.sizes.double(), result.error.double()[None]])
