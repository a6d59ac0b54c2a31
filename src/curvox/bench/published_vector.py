"""Figures of other differentiable renderers of vector graphics, forward and backward.

DiffVG was measured by us on two cores of a Xeon, on pictures of the same numbers of paths and the
same size, not the very same paths (random strokes, small blobs): with 2×2 samples a pixel, as its
apps do, and with one sample and its prefilter. Where its times varied they are given from and to;
its peak memory was 340 to 430 MB. The figures on an RTX 4090 were published with Bézier Splatting
(2025), for itself and for DiffVG.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["published"]

_Range = tuple[float, float]


@dataclass(frozen=True)
class _Figure:
    what: str
    hardware: str
    forward_ms: _Range
    """From and to."""
    backward_ms: _Range


def _sampled(forward: _Range, backward: _Range) -> _Figure:
    return _Figure("DiffVG, 2×2 samples", "2 Xeon cores", forward, backward)


def _prefiltered(forward: _Range, backward: _Range) -> _Figure:
    return _Figure("DiffVG, prefiltered", "2 Xeon cores", forward, backward)


def _gpu(what: str, forward: float, backward: float) -> _Figure:
    return _Figure(what, "RTX 4090", (forward, forward), (backward, backward))


# By kind, number of paths, height and width.
_FIGURES: dict[tuple[str, int, int, int], tuple[_Figure, ...]] = {
    ("stroke", 1, 512, 512): (
        _sampled((290, 540), (950, 1220)),
        _prefiltered((101, 180), (150, 220)),
    ),
    ("stroke", 32, 512, 512): (_sampled((830, 910), (3530, 3870)),),
    ("stroke", 512, 256, 256): (
        _sampled((180, 230), (690, 900)),
        _prefiltered((101, 101), (136, 136)),
    ),
    ("stroke", 512, 512, 512): (
        _sampled((630, 630), (2800, 2800)),
        _prefiltered((317, 317), (362, 362)),
    ),
    ("stroke", 2048, 1344, 2040): (
        _gpu("DiffVG", 141, 701),
        _gpu("Bézier Splatting", 4.5, 4.7),
    ),
    ("fill", 512, 256, 256): (
        _sampled((161, 231), (645, 880)),
        _prefiltered((137, 137), (177, 177)),
    ),
    ("fill", 512, 512, 512): (
        _sampled((516, 646), (2270, 2940)),
        _prefiltered((317, 317), (362, 362)),
    ),
    ("fill", 2048, 1344, 2040): (
        _gpu("DiffVG", 85, 448),
        _gpu("Bézier Splatting", 14.1, 24.6),
    ),
}


def published(kind: str, num_paths: int, height: int, width: int) -> list[dict[str, Any]]:
    """The figures beside a row, none where there are none.

    Each says ``what`` it is and on what ``hardware``; ``forward_ms`` and ``backward_ms`` are pairs,
    from and to.
    """
    return [asdict(figure) for figure in _FIGURES.get((kind, num_paths, height, width), ())]
