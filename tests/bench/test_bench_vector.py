"""The bench of vector graphics measures what it says; no test asserts a time."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from curvox.bench import vector as vector_module
from curvox.bench.limits import Limits
from curvox.bench.published_vector import published
from curvox.bench.tables import main as write_tables
from curvox.bench.tables import vector
from curvox.bench.vector import rows
from curvox.bench.vector_cases import CASES, Case
from curvox.files import write_json

CPU = torch.device("cpu")
LIMITS = Limits(bandwidth=1e10, float32=1e11, bfloat16=2e11)
SMALL = (
    Case("stroke", 3, 24, 32),
    Case("fill", 5, 24, 32),
    Case("fill", 2, 16, 16, pictures=3),
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def report():
    """What the command writes, with small cases, one of them as if it were a published one."""
    measured = [asdict(row) for row in rows(SMALL, CPU, 1, LIMITS)]
    measured[1] |= {"num_paths": 512, "published": published("fill", 512, 256, 256)}
    run = {"command": "curvox bench vector", "commit": "abc", "device": "a processor"}
    run |= {"threads": 1, "torch": "2", "limits": asdict(LIMITS)}
    return {**run, "rows": measured}


def test_every_bar_has_its_case():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    bars = "stroke-512-256x256 stroke-512-512x512 fill-512-256x256 fill-2048-2040x1344"
    assert {*bars.split(), "stroke-1-512x512", "fill-32-64x64-batch64"} <= set(names)
    for kind in ("stroke", "fill"):
        assert {case.num_paths for case in CASES if case.kind == kind} == {1, 32, 512, 2048, 8192}


@pytest.mark.parametrize("case", [*SMALL, CASES[2], CASES[-1]], ids=lambda case: case.name)
def test_pictures_are_what_their_case_says(case):
    picture = case.picture(CPU)
    batch = () if case.pictures == 1 else (case.pictures,)
    points = 12 if case.kind == "fill" else 10
    assert picture.points.shape == (*batch, case.num_paths, points, 2)
    assert picture.colours.shape == (*batch, case.num_paths, 3)
    assert picture.opacities.shape == (*batch, case.num_paths)
    assert (picture.widths is None) == (case.kind == "fill")
    for leaf, again in zip(picture.leaves, case.picture(CPU).leaves, strict=True):
        assert leaf.requires_grad
        assert leaf.is_contiguous()
        assert torch.equal(leaf, again)
    centres = picture.points.detach().mean(-2)
    shares = centres / torch.tensor([case.width, case.height])
    assert shares.min() > -0.2
    assert shares.max() < 1.2
    if batch:
        assert not torch.equal(picture.points[0], picture.points[1])


def test_rows_hold_what_they_promise():
    measured = list(rows(SMALL, CPU, 1, LIMITS))
    assert [row.case for row in measured] == [
        "stroke-3-32x24",
        "fill-5-32x24",
        "fill-2-16x16-batch3",
    ]
    for row, case in zip(measured, SMALL, strict=True):
        assert (row.kind, row.num_paths) == (case.kind, case.num_paths)
        assert (row.height, row.width, row.pictures) == (case.height, case.width, case.pictures)
        assert min(row.forward_ms, row.backward_ms, row.total_ms) > 0
        assert row.passes >= 3
        assert row.peak_mib is None or row.peak_mib >= 0
        bytes_moved = 2 * case.pictures * case.height * case.width * 3 * 4
        assert row.least_ms == pytest.approx(1e3 * bytes_moved / LIMITS.bandwidth)
        assert (row.published, row.skipped, row.device) == ([], None, "cpu")


def test_what_runs_out_of_memory_is_skipped(monkeypatch):
    def full(*arguments):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(vector_module, "measure", full)
    (row,) = rows(SMALL[:1], CPU, 1, LIMITS)
    assert row.total_ms is None
    assert row.skipped == "runs out of memory"
    table = vector({"rows": [asdict(row)], **dict.fromkeys(_RUN, ""), "limits": asdict(LIMITS)})
    assert "| 3 |  |  |  |  | 0.00 |  | runs out of memory |" in table


_RUN = ("command", "commit", "device", "threads", "torch")


def test_published_figures():
    sampled, prefiltered = published("stroke", 512, 256, 256)
    assert sampled["forward_ms"] == (180, 230)
    assert prefiltered["what"] == "DiffVG, prefiltered"
    diffvg, splatting = published("fill", 2048, 1344, 2040)
    assert (diffvg["backward_ms"], splatting["forward_ms"]) == ((448, 448), (14.1, 14.1))
    assert {diffvg["hardware"], splatting["hardware"]} == {"RTX 4090"}
    assert published("fill", 33, 64, 64) == []
    cases = {(case.kind, case.num_paths, case.height, case.width) for case in CASES}
    assert sum(bool(published(*case)) for case in cases) == 8


def test_tables_say_what_the_report_does(report):
    table, short = vector(report), vector(report, short=True)
    titles = [line for line in table.splitlines() if line.endswith(":")]
    assert titles == ["strokes, 32×24:", "fills, 32×24:", "3 pictures of fills, 16×16:"]
    assert "806 to 1,111 ms (DiffVG, 2×2 samples, 2 Xeon cores); 314 ms (DiffVG, pref" in table
    assert "strokes" not in short.split("\n", 1)[1]
    assert "| 512 fills, 32×24 |" in short
    for text in (table, short):
        assert "`curvox bench vector`, revision abc, a processor, 1 threads" in text
        widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
        assert len(widths) == 1
    assert "Not recorded yet" in vector(None)


def test_documents_get_the_tables(report, tmp_path):
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    write_json(tmp_path / "docs/bench/vector.json", report)
    assert {path.name for path in write_tables(tmp_path)} == {"README.md", "benchmarks.md"}
    assert "| 512 fills, 32×24 |" in (tmp_path / "README.md").read_text("utf-8")
    assert "3 pictures of fills, 16×16:" in (tmp_path / "docs/benchmarks.md").read_text("utf-8")
    assert write_tables(tmp_path) == []
