"""Checks that the ops share: of devices, of tensors that go together, of rays, of ragged lists."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "MOST_SAMPLES",
    "check_box",
    "check_codes",
    "check_count",
    "check_float",
    "check_like",
    "check_offset_values",
    "check_offsets",
    "check_rays",
    "runs_kernel",
]

MOST_SAMPLES = 2**31 - 1
"""That a ragged list may hold: rays are numbered by int32, and so are their samples."""


def runs_kernel(tensor: Tensor, backend: str | None) -> bool:
    """Whether an op on `tensor` takes its kernel: float32 on CPU or CUDA, no other backend asked.

    Raises:
        ValueError: a backend other than None and ``"torch"``.
    """
    if backend not in (None, "torch"):
        raise ValueError(f"backend must be None or 'torch', got {backend!r}")
    fused = tensor.dtype == torch.float32 and tensor.device.type in ("cpu", "cuda")
    return fused and backend is None


def check_float(name: str, tensor: Tensor) -> None:
    """Raise TypeError if `tensor` is neither float32 nor float64."""
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name} must be float32 or float64, got {tensor.dtype}")


def check_like(
    name: str, tensor: Tensor, shape: tuple[int, ...], other_name: str, other: Tensor
) -> None:
    """Raise ValueError if `tensor` is not of `shape`, TypeError if its dtype or device is not that
    of `other`.
    """
    if tensor.shape != shape:
        raise ValueError(f"{name} must be {list(shape)}, got {list(tensor.shape)}")
    if tensor.dtype != other.dtype:
        raise TypeError(f"{name} is {tensor.dtype}, {other_name} {other.dtype}")
    if tensor.device != other.device:
        raise TypeError(f"{name} is on {tensor.device}, {other_name} on {other.device}")


def check_codes(
    name: str,
    tensor: Tensor,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    other_name: str,
    other: Tensor,
) -> None:
    """Raise ValueError if `tensor` is not of `shape`, TypeError if it is not of `dtype`, or not on
    the device of `other`.
    """
    if tensor.shape != shape:
        raise ValueError(f"{name} must be {list(shape)}, got {list(tensor.shape)}")
    if tensor.dtype != dtype:
        raise TypeError(f"{name} must be {dtype}, got {tensor.dtype}")
    if tensor.device != other.device:
        raise TypeError(f"{name} is on {tensor.device}, {other_name} on {other.device}")


def check_box(name: str, box: Tensor, other_name: str, other: Tensor) -> None:
    """Raise ValueError or TypeError if `box` is not a box of three axes beside `other`.

    Corners are looked at on the CPU only: nothing is read back from a GPU.
    """
    check_like(name, box, (2, 3), other_name, other)
    if box.device.type != "cpu":
        return
    low, high = box.tolist()
    if not all(-torch.inf < a < b < torch.inf for a, b in zip(low, high, strict=True)):
        raise ValueError(f"{name} must be finite, its first corner the lower, got {low} and {high}")


def check_count(count: int) -> None:
    """Raise ValueError for more samples than a ragged list may hold."""
    if count > MOST_SAMPLES:
        raise ValueError(f"{count} samples or more: a list holds at most 2^31 - 1, take fewer rays")


def check_offsets(offsets: Tensor, other_name: str, other: Tensor) -> None:
    """Raise ValueError or TypeError if `offsets` is not [R + 1] int64 beside `other`."""
    if offsets.dim() != 1 or offsets.shape[0] < 1:
        raise ValueError(f"offsets must be [R + 1], got {list(offsets.shape)}")
    if offsets.dtype != torch.int64:
        raise TypeError(f"offsets must be int64, got {offsets.dtype}")
    if offsets.device != other.device:
        raise TypeError(f"offsets is on {offsets.device}, {other_name} on {other.device}")


def check_offset_values(offsets: Tensor, count: int) -> None:
    """Raise ValueError if offsets fall or do not go from 0 to `count`. CPU only: nothing is read
    back from a GPU. (The CPU kernels make the same check themselves.)
    """
    if offsets.device.type != "cpu":
        return
    falls = (offsets.diff() < 0).nonzero()
    if len(falls):
        ray = int(falls[0, 0])
        pair = f"from {int(offsets[ray])} to {int(offsets[ray + 1])}"
        raise ValueError(f"offsets must not fall, ray {ray} goes {pair}")
    first, last = int(offsets[0]), int(offsets[-1])
    if first != 0 or last != count:
        raise ValueError(f"offsets must go from 0 to {count}, got {first} to {last}")


def check_rays(
    origins: Tensor,
    directions: Tensor,
    box: Tensor,
    near: float,
    far: float,
    step: float,
    jitter: Tensor | None,
) -> None:
    """Raise ValueError or TypeError for rays that cannot be sampled. Values are looked at on the
    CPU only: nothing is read back from a GPU.
    """
    if origins.ndim != 2 or origins.shape[1] != 3:
        raise ValueError(f"origins must be [R, 3], got {list(origins.shape)}")
    check_float("origins", origins)
    check_like("directions", directions, tuple(origins.shape), "origins", origins)
    check_box("box", box, "origins", origins)
    if jitter is not None:
        check_like("jitter", jitter, (len(origins),), "origins", origins)
    if not 0 <= near <= far < torch.inf:
        raise ValueError(f"near and far must be 0 <= near <= far, finite, got {near} and {far}")
    if not 0 < step < torch.inf:
        raise ValueError(f"step must be positive and finite, got {step}")
    if len(origins) > MOST_SAMPLES:
        raise ValueError(f"there may be at most 2^31 - 1 rays, got {len(origins)}")
    if origins.device.type != "cpu":
        return
    for name, tensor in (("origin", origins), ("direction", directions)):
        finite = tensor.isfinite()
        if not finite.all():
            raise ValueError(f"{name} of ray {int((~finite).nonzero()[0, 0])} is not finite")
    if jitter is not None and not ((jitter >= 0) & (jitter < 1)).all():
        ray = int((~((jitter >= 0) & (jitter < 1))).nonzero()[0, 0])
        raise ValueError(f"jitter of ray {ray} must lie in [0, 1), got {float(jitter[ray]):f}")
