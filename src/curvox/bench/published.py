"""The published tables of the differentiable Bézier rasterizer that curvox measures itself against.

PyTorch 0.4.1 and 1.0.0 on a virtual machine with 8 cores of a 2.2 GHz Broadwell E5 and a Tesla
V100; 512×512 pixels, 128 samples a curve; milliseconds and megabytes. Test 4 is marked "not up to
date" by its author. Where a total is missing it is the sum of its parts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["published"]


@dataclass(frozen=True)
class _Figure:
    hardware: str
    forward_ms: float | None = None
    backward_ms: float | None = None
    total_ms: float | None = None
    peak_mb: float | None = None


def _cpu(forward: float, backward: float) -> _Figure:
    return _Figure("8 Broadwell cores", forward, backward, round(forward + backward, 1))


def _gpu(forward: float, backward: float, peak: float) -> _Figure:
    return _Figure("V100", forward, backward, round(forward + backward, 1), peak)


# Tests 1 to 4, by drawing (as in cases.py), method and device.
_SINGLE: dict[tuple[str, str, str], _Figure] = {
    ("quadratic", "base", "cpu"): _cpu(414.9, 448.4),
    ("quadratic", "base", "cuda"): _gpu(3.1, 5.7, 942),
    ("quadratic", "half", "cuda"): _gpu(2.7, 3.6, 472),
    ("quadratic", "bounded", "cuda"): _gpu(1.9, 2.5, 245),
    ("quadratic", "tiled", "cuda"): _gpu(9.4, 2.0, 153),
    ("quadratic", "shrunk", "cpu"): _cpu(16.2, 142.5),
    ("quadratic", "shrunk", "cuda"): _gpu(18.3, 22.9, 8),
    ("cubic", "base", "cpu"): _cpu(418.4, 449.0),
    ("cubic", "base", "cuda"): _gpu(3.3, 6.1, 942),
    ("cubic", "half", "cuda"): _gpu(2.9, 4.0, 472),
    ("cubic", "bounded", "cuda"): _gpu(2.9, 4.2, 472),
    ("cubic", "tiled", "cuda"): _gpu(10.4, 2.3, 148),
    ("cubic", "shrunk", "cuda"): _gpu(18.2, 22.9, 8),
    ("composite", "base", "cpu"): _cpu(1131.9, 1217.5),
    ("composite", "base", "cuda"): _gpu(8.9, 15.8, 2821),
    ("composite", "half", "cuda"): _gpu(7.4, 9.4, 1412),
    ("composite", "bounded", "cuda"): _gpu(5.3, 7.9, 1053),
    ("composite", "tiled", "cuda"): _gpu(20.1, 2.7, 434),
    ("composite", "shrunk", "cpu"): _cpu(48.8, 383.8),
    ("composite", "shrunk", "cuda"): _gpu(55.9, 69.7, 15),
    ("sections", "base", "cpu"): _cpu(414.9, 448.4),
    ("sections", "base", "cuda"): _gpu(0.6, 5.7, 942),
    ("sections", "half", "cuda"): _gpu(0.8, 4.1, 607),
    ("sections", "bounded", "cuda"): _gpu(2.5, 3.3, 486),
    ("sections", "tiled", "cuda"): _gpu(15.2, 13.1, 347),
    ("sections", "shrunk", "cpu"): _cpu(16.2, 142.5),
    ("sections", "shrunk", "cuda"): _gpu(18.3, 22.9, 8),
}

# Tests 5 and 6, by number of curves: total milliseconds and megabytes.
_SERIES: dict[tuple[str, str], dict[int, _Figure]] = {
    ("base", "cpu"): {
        curves: _Figure("8 Broadwell cores", total_ms=seconds * 1e3)
        for curves, seconds in {2: 1.6, 4: 3.3, 8: 6.3, 16: 12.9, 32: 26.1}.items()
    },
    ("half", "cuda"): {
        curves: _Figure("V100", total_ms=total, peak_mb=peak)
        for curves, total, peak in (
            (2, 12.7, 900.0),
            (4, 22.8, 1900.0),
            (8, 43.4, 3800.0),
            (16, 86.4, 7500.0),
            (32, 168.9, 15000.0),
        )
    },
    ("tiled", "cuda"): {
        curves: _Figure("V100", total_ms=total, peak_mb=peak)
        for curves, total, peak in (
            (2, 17.7, 300.0),
            (4, 27.0, 600.0),
            (8, 47.1, 1200.0),
            (16, 80.4, 2400.0),
            (32, 163.8, 4800.0),
        )
    },
}


def published(draw: str, num_curves: int, method: str, device: str) -> dict[str, Any] | None:
    """The figure beside a row: of the same kind of device where there is one, else of the other.

    Its ``hardware`` says which. None where the tables have none (``fused`` among them).
    """
    for kind in (device, "cuda", "cpu"):
        if draw == "random":
            figure = _SERIES.get((method, kind), {}).get(num_curves)
        else:
            figure = _SINGLE.get((draw, method, kind))
        if figure is not None:
            return asdict(figure)
    return None
