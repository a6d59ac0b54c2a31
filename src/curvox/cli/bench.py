"""``curvox bench``: the published tables, measured on this machine."""

from __future__ import annotations

from typing import Annotated

import tyro

from curvox.cli.bench_curves import CurvesBench, run_curves
from curvox.cli.bench_fields import FieldsBench, run_fields
from curvox.cli.bench_vector import VectorBench, run_vector
from curvox.cli.bench_vectorize import VectorizeBench, run_vectorize

Suite = (
    Annotated[CurvesBench, tyro.conf.subcommand("curves")]
    | Annotated[FieldsBench, tyro.conf.subcommand("fields")]
    | Annotated[VectorBench, tyro.conf.subcommand("vector")]
    | Annotated[VectorizeBench, tyro.conf.subcommand("vectorize")]
)


def bench(suite: Suite) -> None:
    """Measure speed and memory against the published tables."""
    if isinstance(suite, CurvesBench):
        run_curves(suite)
    elif isinstance(suite, FieldsBench):
        run_fields(suite)
    elif isinstance(suite, VectorBench):
        run_vector(suite)
    else:
        run_vectorize(suite)
