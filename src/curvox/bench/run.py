"""What the figures of a bench depend on."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

__all__ = ["describe_run"]


def describe_run(device: torch.device) -> dict[str, Any]:
    """Versions, commit, device and threads."""
    from curvox import __version__, _native

    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "curvox": __version__,
        "commit": commit.stdout.strip() or None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": gpu or _cpu_name(),
        "cpu_kernels": _native.cpu_level,
        "threads": torch.get_num_threads(),
    }


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
