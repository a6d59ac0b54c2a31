"""The option ``--device``."""

from __future__ import annotations

import torch

from curvox.errors import InputError

__all__ = ["DEFAULT_DEVICE", "parse_device"]

DEFAULT_DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def parse_device(text: str) -> torch.device:
    """The device of that name.

    Raises:
        InputError: it is neither cpu, cuda nor cuda:N, or not there.
    """
    try:
        device = torch.device(text)
    except RuntimeError:
        raise InputError(f"--device must be cpu, cuda or cuda:N, got {text!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"--device must be cpu, cuda or cuda:N, got {text!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"--device {text}: torch finds {torch.cuda.device_count()} CUDA devices")
    return device
