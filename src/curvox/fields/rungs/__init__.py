"""The published ladder: one picture, rendered and optimized with less and less work.

Every rung renders the same rays to the same colours, up to rounding; see each module for what it
replaces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from curvox.fields.rungs.fused import render_fused
from curvox.fields.rungs.native import render_native
from curvox.fields.rungs.ragged import render_ragged, render_ranges
from curvox.fields.rungs.rendered import Rendered

__all__ = ["RUNGS", "Rendered", "Rung", "find_rung"]


@dataclass(frozen=True)
class Rung:
    """How a step of the optimization is made."""

    name: str
    render: Callable[..., Rendered]
    """(field, origins [R, 3], directions [R, 3], jitter [R] or None) -> what the rays saw."""
    adam: str | None
    """Backend of the optimizer: ``"torch"`` is plain PyTorch, None the kernel."""
    bounded: bool = False
    """Whether `render` takes a `capacity`, with which it does not wait for a GPU."""


RUNGS = {
    rung.name: rung
    for rung in (
        Rung("native", render_native, "torch"),
        Rung("adam", render_native, None),
        Rung("rendering", render_ragged, None),
        Rung("weights", render_ranges, None),
        Rung("fused", render_fused, None, bounded=True),
    )
}


def find_rung(name: str) -> Rung:
    """The rung of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in RUNGS:
        raise ValueError(f"rung must be one of {', '.join(RUNGS)}, got {name!r}")
    return RUNGS[name]
