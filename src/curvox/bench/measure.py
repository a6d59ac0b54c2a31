"""Time and peak memory of passes and other calls, and what does not fit."""

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

__all__ = [
    "Repeats",
    "Timing",
    "available_bytes",
    "measure",
    "peak_bytes",
    "time_calls",
    "time_passes",
    "too_large",
]

_SECONDS = 4.0
"""What one case may take in all; slow ones run fewer passes, but never fewer than _FEWEST."""
_FEWEST = 3
_SLOW = 1.0
"""Seconds a pass from which on the first one is as good as any other."""


@dataclass(frozen=True)
class Timing:
    """Medians over the passes, in milliseconds, and the distance between the quartiles of total."""

    forward_ms: float
    backward_ms: float
    total_ms: float
    spread_ms: float
    passes: int


def measure(
    forward: Callable[[], Tensor], cotangent: Tensor, leaves: list[Tensor], passes: int
) -> tuple[Timing, int | None]:
    """Time of `forward` and the backward pass from `cotangent`, and peak memory in bytes.

    The image's gradient counts as memory of the pass. Of at most `passes` passes as many are timed
    as fit into four seconds, three at least, after warm-up passes.
    """
    device = cotangent.device

    def once() -> None:
        for leaf in leaves:
            leaf.grad = None
        forward().backward(torch.ones_like(cotangent))

    start = time.perf_counter()
    peak = peak_bytes(once, device)
    seconds = time.perf_counter() - start
    if seconds < _SLOW:  # the first call of all also loads what later ones find
        peak = peak_bytes(once, device)
        start = time.perf_counter()
        once()
        seconds = time.perf_counter() - start
    count = max(min(passes, int(_SECONDS / seconds)), _FEWEST)
    return time_passes(forward, cotangent, leaves, count), peak


def time_passes(
    forward: Callable[[], Tensor], cotangent: Tensor, leaves: list[Tensor], passes: int
) -> Timing:
    """Time `passes` passes, forward and backward through autograd, after a tenth as many.

    Gradients of `leaves` are dropped before each pass, as an optimizer would.
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

    for _ in range(passes // 10):
        one_pass()
    times = [one_pass() for _ in range(passes)]
    totals = [forward_time + backward_time for forward_time, backward_time in times]
    return Timing(
        forward_ms=statistics.median(t[0] for t in times) * 1e3,
        backward_ms=statistics.median(t[1] for t in times) * 1e3,
        total_ms=statistics.median(totals) * 1e3,
        spread_ms=_spread(totals) * 1e3,
        passes=passes,
    )


@dataclass(frozen=True)
class Repeats:
    """Seconds of a call that was repeated: the median, and the distance between the quartiles."""

    seconds: float
    spread: float
    count: int


def time_calls(
    call: Callable[[], object],
    device: torch.device,
    seconds: float,
    *,
    fewest: int = _FEWEST,
    most: int = 50,
) -> Repeats:
    """Time `call` as often as fits into `seconds`, but at least `fewest` and at most `most` times.

    It is for the caller to have warmed up before.
    """
    times: list[float] = []
    while len(times) < fewest or (sum(times) < seconds and len(times) < most):
        _synchronize(device)
        start = time.perf_counter()
        call()
        _synchronize(device)
        times.append(time.perf_counter() - start)
    return Repeats(statistics.median(times), _spread(times), len(times))


def _spread(times: list[float]) -> float:
    """The distance between the quartiles."""
    if len(times) < 2:
        return 0.0
    first, _, third = statistics.quantiles(times, n=4)
    return third - first


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


def too_large(needed: float, device: torch.device) -> str | None:
    """Why a case that needs so many bytes is not run; None if four fifths of what is free do."""
    available = available_bytes(device)
    if needed <= 0.8 * available:
        return None
    return f"needs about {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB are free"


def _status_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status names no {field}")


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
