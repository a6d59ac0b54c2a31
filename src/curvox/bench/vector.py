"""``curvox bench vector``: filled and stroked paths, measured on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from curvox.bench.limits import Limits
from curvox.bench.measure import measure
from curvox.bench.published_vector import published
from curvox.bench.vector_cases import Case
from curvox.curves.paths import render_paths

__all__ = ["Row", "rows"]


@dataclass(frozen=True)
class Row:
    """One measurement. Figures are None where the case was skipped, and `skipped` says why."""

    case: str
    kind: str
    num_paths: int
    """In each picture."""
    height: int
    width: int
    pictures: int
    """Drawn at once."""
    device: str
    forward_ms: float | None
    backward_ms: float | None
    total_ms: float | None
    spread_ms: float | None
    passes: int
    peak_mib: float | None
    least_ms: float
    """What writing the image and reading its gradient takes at the rate of the memory. Canvases
    that stay in a cache may take less."""
    published: list[dict[str, Any]]
    skipped: str | None = None


_NOT_RUN: dict[str, Any] = {
    **dict.fromkeys(("forward_ms", "backward_ms", "total_ms", "spread_ms")),
    "passes": 0,
}


def rows(cases: Iterable[Case], device: torch.device, passes: int, limits: Limits) -> Iterator[Row]:
    """Measure the given cases, one after the other: forward and backward through autograd, over a
    white background, with gradients to control points, colours, opacities and widths.
    """
    for case in cases:
        yield _measure(case, device, passes, limits)


def _measure(case: Case, device: torch.device, passes: int, limits: Limits) -> Row:
    picture = case.picture(device)
    background = torch.ones(3, device=device)

    def forward() -> Tensor:
        return render_paths(
            picture.points,
            case.height,
            case.width,
            colours=picture.colours,
            opacities=picture.opacities,
            stroke_widths=picture.widths,
            background=background,
        )

    shape = (case.height, case.width, 3)
    generator = torch.Generator(device).manual_seed(0)
    batch = () if case.pictures == 1 else (case.pictures,)
    cotangent = torch.randn(*batch, *shape, generator=generator, device=device)
    timing, peak, skipped = None, None, None
    try:
        timing, peak = measure(forward, cotangent, picture.leaves, passes)
    except torch.OutOfMemoryError:  # of a GPU, where edges times pixels are held
        skipped = "runs out of memory"
    return Row(
        case=case.name,
        kind=case.kind,
        num_paths=case.num_paths,
        height=case.height,
        width=case.width,
        pictures=case.pictures,
        device=device.type,
        **(asdict(timing) if timing else _NOT_RUN),
        peak_mib=None if peak is None else peak / 2**20,
        least_ms=1e3 * limits.seconds(2 * cotangent.nbytes, 0),
        published=published(case.kind, case.num_paths, case.height, case.width),
        skipped=skipped,
    )
