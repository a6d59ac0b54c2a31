"""``curvox bench curves``: every row of the rasterizer's published tables, measured here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from curvox.bench.cases import Case, cases
from curvox.bench.measure import Timing, measure, too_large
from curvox.bench.published import published
from curvox.curves.methods import METHODS, Canvas, window_radius

__all__ = ["SETTINGS", "Row", "rows"]

SIZE, STEPS, SIGMA, TOLERANCE = 512, 128, 0.01, 1e-4
SETTINGS = {
    "canvas": f"{SIZE}x{SIZE}",
    "steps": STEPS,
    "sigma": SIGMA,
    "tolerance": TOLERANCE,
}
"""What every row has in common, for the report."""

# Peak bytes for each pair of a sample and a pixel that a method evaluates, forward and backward;
# measured on the first tests (float32, CPU), used only to tell beforehand what will not fit.
_BYTES_PER_PAIR = {"base": 21, "half": 11, "bounded": 13, "tiled": 13, "shrunk": 36, "fused": 0}

_NOT_RUN: dict[str, Any] = {
    **dict.fromkeys(("forward_ms", "backward_ms", "total_ms", "spread_ms")),
    "passes": 0,
}


@dataclass(frozen=True)
class Row:
    """One line of the tables. Times are None where the case was skipped, and `skipped` says why."""

    test: int
    draw: str
    num_curves: int
    method: str
    device: str
    cutoff: float | None
    forward_ms: float | None
    backward_ms: float | None
    total_ms: float | None
    spread_ms: float | None
    passes: int
    speedup: float | None
    peak_mib: float | None
    published: dict[str, Any] | None
    skipped: str | None = None


def rows(tests: list[int], methods: list[str], device: torch.device, passes: int) -> Iterator[Row]:
    """Measure the given tests, one row after the other. ``speedup`` is over `base` on `device`.

    Tests 5 and 6 are two views of the same drawings, measured once.
    """
    for test in sorted({5 if test == 6 else test for test in tests if test != 7}):
        for case in cases(test):
            base_ms = None
            for method in methods:
                if case.cutoff is not None and method != "fused":
                    continue
                row = _measure(case, method, device, passes, base_ms)
                base_ms = row.total_ms if method == "base" else base_ms
                for wanted in (5, 6) if test == 5 else (test,):
                    if wanted in tests:
                        yield replace(row, test=wanted)


def _measure(
    case: Case, method: str, device: torch.device, passes: int, base_ms: float | None
) -> Row:
    points = case.control_points.to(device).requires_grad_()
    weights = torch.ones(len(points), device=device)
    sigmas = torch.full((len(points),), SIGMA, device=device)
    canvas = Canvas(SIZE, SIZE, STEPS, case.cutoff, TOLERANCE)
    needed = _estimated_bytes(method, points.detach(), weights, sigmas, canvas)
    skipped = too_large(needed, device)
    timing = None
    peak = None
    if skipped is None:

        def forward() -> Tensor:
            return METHODS[method](points, weights, sigmas, canvas)

        generator = torch.Generator(device).manual_seed(0)
        cotangent = torch.randn(SIZE, SIZE, generator=generator, device=device)
        timing, peak = measure(forward, cotangent, [points], passes)
    return Row(
        test=case.test,
        draw=case.draw,
        num_curves=len(points),
        method=method,
        device=device.type,
        cutoff=case.cutoff,
        **(asdict(timing) if timing else _NOT_RUN),
        speedup=_speedup(method, timing, base_ms),
        peak_mib=None if peak is None else peak / 2**20,
        published=published(case.draw, len(points), method, device.type),
        skipped=skipped,
    )


def _speedup(method: str, timing: Timing | None, base_ms: float | None) -> float | None:
    if method == "base" and timing is not None:
        return 1.0
    return None if timing is None or base_ms is None else base_ms / timing.total_ms


def _estimated_bytes(
    method: str, points: Tensor, weights: Tensor, sigmas: Tensor, canvas: Canvas
) -> float:
    """What a method will need, from the pairs of samples and pixels that it evaluates."""
    radius = window_radius(weights, sigmas, canvas) * canvas.longer  # [N], pixels
    if method in ("base", "half"):
        pairs = 1.0 * len(points) * canvas.steps * canvas.height * canvas.width
    elif method == "bounded":
        extent = (points.amax(1) - points.amin(1)) * canvas.longer + 2 * radius[:, None]
        pairs = float(extent.clamp(max=canvas.longer).prod(1).sum()) * canvas.steps
    else:
        tile = canvas.longer / 8 if method == "tiled" else 0
        side = (2 * radius + tile).clamp(max=canvas.longer)
        pairs = float((side**2).sum()) * canvas.steps
    return pairs * _BYTES_PER_PAIR[method]
