"""``curvox bench``: the published tables, measured on this machine."""

from __future__ import annotations

from typing import Annotated

import tyro

from curvox.cli.bench_curves import CurvesBench, run_curves

# A union of one subcommand: its siblings for other halves of the library join it here.
Suite = Annotated[CurvesBench, tyro.conf.subcommand("curves")] | Annotated[None, tyro.conf.Suppress]


def bench(suite: Suite) -> None:
    """Measure speed and memory against the published tables."""
    assert suite is not None
    run_curves(suite)
