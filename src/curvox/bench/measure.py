"""Time and peak memory of one forward and backward pass."""

from __future__ import annotations

import ctypes
import gc
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["Timing", "available_bytes", "peak_bytes", "time_passes"]

_SLOWEST = 10.0
"""Seconds that one case may take in all; it runs fewer passes, but never fewer than _FEWEST."""
_FEWEST = 3


@dataclass(frozen=True)
class Timing:
    """Medians over the passes, in milliseconds, and the distance between the quartiles of total."""

    forward_ms: float
    backward_ms: float
    total_ms: float
    spread_ms: float
    passes: int


def time_passes(
    forward: Callable[[], Tensor], cotangent: Tensor, leaves: list[Tensor], passes: int
) -> Timing:
    """Time `forward` and the backward pass from `cotangent`, through autograd, `passes` times.

    Gradients of `leaves` are dropped before each pass, as an optimizer would. Warm-up passes come
    first: as many as a tenth of those measured, at least one.
    """
    device = cotangent.device

    def one_pass() -> tuple[float, float]:
        for leaf in leaves:
            leaf.grad = None
        _synchronize(device)
        start = time.perf_counter()
        image = forward()
        _synchronize(device)
        middle = time.perf_counter()
        image.backward(cotangent)
        _synchronize(device)
        return middle - start, time.perf_counter() - middle

    first = sum(one_pass())
    count = max(min(passes, int(_SLOWEST / max(first, 1e-9))), _FEWEST)
    for _ in range(count // 10):
        one_pass()
    times = [one_pass() for _ in range(count)]
    totals = sorted(forward_time + backward_time for forward_time, backward_time in times)
    quartiles = statistics.quantiles(totals, n=4)
    return Timing(
        forward_ms=statistics.median(t[0] for t in times) * 1e3,
        backward_ms=statistics.median(t[1] for t in times) * 1e3,
        total_ms=statistics.median(totals) * 1e3,
        spread_ms=(quartiles[2] - quartiles[0]) * 1e3,
        passes=count,
    )


def peak_bytes(call: Callable[[], object], device: torch.device) -> int | None:
    """Most memory in use during `call` above that before it.

    CUDA: torch's allocator. CPU: the high-water mark of the process's resident memory, reset
    before the call (Linux; elsewhere None). Memory that the C library keeps for reuse is given
    back first, so that what the call takes shows up as new.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    if not Path("/proc/self/clear_refs").exists():
        return None
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    before = _status_bytes("VmRSS")
    call()
    return max(_status_bytes("VmHWM") - before, 0)


def available_bytes(device: torch.device) -> int:
    """Memory that a case may use: free on the GPU, or available to this process."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo names no MemAvailable")


def _status_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status names no {field}")


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
