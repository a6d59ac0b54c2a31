"""The compiled kernels: which CPU module fits this processor, and the CUDA kernels on demand.

Importing this package loads one small CPU module. It compiles nothing and touches no GPU.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

# torch first: its wheel brings the OpenMP runtime that the CPU module then shares. Loaded the other
# way round the process would hold two thread pools fighting for the same cores.
import torch

__all__ = ["cpu", "cpu_level", "threads"]


_cpu_level = importlib.import_module("curvox._native._cpu_level")


def _choose_level() -> str:
    """The best CPU module this processor runs; ``CURVOX_CPU_LEVEL`` asks for a lower one."""
    best = _cpu_level.x86_64_level()
    if best == 0:
        return "generic"
    if best < 2:
        raise ImportError("curvox needs a processor with SSE4.2 and POPCNT (x86-64-v2)")
    asked = os.environ.get("CURVOX_CPU_LEVEL", "")
    if not asked:
        return f"x86_64_v{best}"
    if asked not in ("2", "3", "4") or int(asked) > best:
        raise ImportError(f"CURVOX_CPU_LEVEL={asked}: this processor runs levels 2 to {best}")
    return f"x86_64_v{asked}"


cpu_level: str = _choose_level()
"""Name of the CPU module in use: ``x86_64_v2``, ``x86_64_v3``, ``x86_64_v4`` or ``generic``."""

cpu: ModuleType = importlib.import_module(f"curvox._native._cpu_{cpu_level}")
"""The CPU kernels. Tensors are passed as addresses; the ops in :mod:`curvox.ops` check them."""


def threads() -> int:
    """How many threads a CPU kernel may use: those of torch, or one without OpenMP."""
    return torch.get_num_threads() if cpu.openmp() else 1
