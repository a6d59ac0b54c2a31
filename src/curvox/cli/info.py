"""``curvox info``: what this installation runs on."""

from __future__ import annotations

import platform
from importlib import metadata

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def info() -> None:
    """Show versions, the CPU level in use, threads, and the GPU and NVRTC found (or why not)."""
    import torch

    from curvox import _native
    from curvox._native.cuda import describe_gpu, describe_nvrtc

    table = Table(show_header=False, box=None)
    table.add_row("curvox", metadata.version("curvox"))
    table.add_row("python", platform.python_version())
    table.add_row("torch", torch.__version__)
    table.add_row("CPU kernels", _native.cpu_level)
    openmp = "" if _native.cpu.openmp() else " (no OpenMP)"
    table.add_row("threads", f"{_native.threads()}{openmp}")
    table.add_row("GPU", escape(describe_gpu()))
    table.add_row("NVRTC", escape(describe_nvrtc()))
    Console().print(table)
