"""``curvox bench``: the published tables, measured on this machine."""

from __future__ import annotations

from typing import Annotated

import tyro

from curvox.cli.bench_curves import CurvesBench, run_curves
from curvox.cli.bench_fields import FieldsBench, run_fields

Suite = (
    Annotated[CurvesBench, tyro.conf.subcommand("curves")]
    | Annotated[FieldsBench, tyro.conf.subcommand("fields")]
)


def bench(suite: Suite) -> None:
    """Measure speed and memory against the published tables."""
    if isinstance(suite, CurvesBench):
        run_curves(suite)
    else:
        run_fields(suite)
