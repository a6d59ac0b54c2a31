"""What the machine could do at best: how near to it a kernel comes says what is left to gain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from curvox.bench.measure import time_calls

__all__ = ["Limits", "measure_limits"]

_COPIED = 1 << 26  # floats: 256 MiB, far more than any cache holds
_SIDE = 2048  # of the matrices
_TRIES = 5


@dataclass(frozen=True)
class Limits:
    """The best of a few tries, with all threads."""

    bandwidth: float
    """Bytes a second, read and written, of copying memory."""
    float32: float
    bfloat16: float
    """Operations a second of a matrix product."""

    def seconds(self, moved: float, operations: float, precision: str = "float32") -> float:
        """The least time in which so many bytes are moved and so many operations are done."""
        peak = self.bfloat16 if precision == "bfloat16" else self.float32
        return max(moved / self.bandwidth, operations / peak)


def measure_limits(device: torch.device) -> Limits:
    """Measure them: a second or two."""
    source = torch.ones(_COPIED, device=device)
    target = torch.empty_like(source)
    copied = _least_seconds(lambda: target.copy_(source), device)
    return Limits(
        bandwidth=2 * source.nbytes / copied,
        float32=_product_rate(torch.float32, device),
        bfloat16=_product_rate(torch.bfloat16, device),
    )


def _product_rate(dtype: torch.dtype, device: torch.device) -> float:
    matrix = torch.ones(_SIDE, _SIDE, dtype=dtype, device=device)
    result = torch.empty_like(matrix)
    return 2 * _SIDE**3 / _least_seconds(lambda: torch.mm(matrix, matrix, out=result), device)


def _least_seconds(call: Callable[[], object], device: torch.device) -> float:
    call()
    return min(time_calls(call, device, 0.0, fewest=1).seconds for _ in range(_TRIES))
