"""Rows of numbers on CUDA added up by what they belong to, always in the same order."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox import _native
from curvox._native import cuda

__all__ = ["sum_by_key", "sum_ranges"]


def sum_by_key(keys: Tensor, values: Tensor, targets: int) -> Tensor:
    """Sums [targets, W] of the rows of `values` [R, W] with each of the keys 0..targets - 1; rows
    with other keys are left out. W is a power of two up to 32.
    """
    ordered, order = torch.sort(keys, stable=True)
    begins = torch.searchsorted(ordered, torch.arange(targets + 1, device=keys.device))
    return sum_ranges(begins, values, order)


def sum_ranges(begins: Tensor, values: Tensor, order: Tensor | None = None) -> Tensor:
    """Sums of the rows begins[i] to begins[i + 1] - 1 of `values`, or of values[order]."""
    targets = len(begins) - 1
    sums = values.new_empty(targets, values.shape[1])
    task = (values, order, begins, values.shape[1], sums)
    threads = _native.cpu.PAINT_SUM_THREADS
    cuda.launch(values.device, "curvox_sum_shares", targets, threads, *task)
    return sums
