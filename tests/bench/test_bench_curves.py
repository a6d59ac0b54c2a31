"""The bench measures what it says; no test asserts a time."""

import json
import math

import pytest
import torch

from curvox.bench import cases as cases_module
from curvox.bench import curves as curves_module
from curvox.bench import measure as measure_module
from curvox.bench.cases import Case, cases
from curvox.bench.curves import rows
from curvox.bench.measure import peak_bytes, time_passes
from curvox.bench.published import published
from curvox.cli import main


@pytest.fixture
def small(monkeypatch):
    """A small canvas, and two cases in tests 5 and 6."""
    monkeypatch.setattr(cases_module, "MANY_CURVES", (1, 4))
    monkeypatch.setattr(curves_module, "SIZE", 64)


def test_every_published_drawing_is_there():
    quadratic, cubic = cases(1)[0], cases(2)[0]
    expected = torch.tensor([[[0.1, 0.1], [0.9, 0.9], [0.5, 0.9]]])
    assert torch.equal(quadratic.control_points, expected)
    assert cubic.control_points.shape == (1, 4, 2)
    assert [case.draw for case in cases(3)] == ["composite", "glyph a", "glyph A"]
    assert cases(4)[0].control_points.shape == (16, 3, 2)
    assert [len(case.control_points) for case in cases(5)][:6] == [1, 2, 4, 8, 16, 32]


def test_sections_of_test_4_meet():
    points = cases(4)[0].control_points
    torch.testing.assert_close(points[:, 2], points.roll(-1, 0)[:, 0])


def test_rows_hold_what_they_promise(small):
    measured = list(rows([1, 5, 6], ["base", "shrunk", "fused"], torch.device("cpu"), 1))
    tests = {row.test for row in measured}
    assert tests == {1, 5, 6}
    for row in measured:
        assert row.skipped is None
        assert row.passes >= 3 or row.total_ms is None
        assert row.total_ms > 0
        assert row.forward_ms > 0
        assert row.backward_ms > 0
        assert row.speedup == 1.0 if row.method == "base" else True
    first = {row.method: row for row in measured if row.test == 1}
    assert first["fused"].speedup == pytest.approx(first["base"].total_ms / first["fused"].total_ms)
    assert first["base"].published["total_ms"] == pytest.approx(863.3)
    assert first["fused"].published is None


def test_what_does_not_fit_is_not_run(monkeypatch):
    monkeypatch.setattr(measure_module, "available_bytes", lambda device: 10 * 2**20)
    (row,) = rows([1], ["base"], torch.device("cpu"), 1)
    assert row.total_ms is None
    assert row.speedup is None
    assert "needs about" in row.skipped


def test_time_passes_counts_and_clears_gradients():
    leaf = torch.ones(3, requires_grad=True)
    calls = []

    def forward():
        assert leaf.grad is None
        calls.append(1)
        return leaf * 2

    timing = time_passes(forward, torch.ones(3), [leaf], 20)
    assert timing.passes == 20
    assert len(calls) == 2 + 20
    assert timing.total_ms >= max(timing.forward_ms, timing.backward_ms)


def test_peak_bytes_sees_a_tensor():
    device = torch.device("cpu")
    megabytes = 64
    size = megabytes * 2**20 // 4
    peak = peak_bytes(lambda: torch.ones(size).sum(), device)
    if peak is None:
        pytest.skip("resident memory cannot be measured on this system")
    assert megabytes - 2 < peak / 2**20 < megabytes + 8


def test_published_figures_prefer_the_same_kind_of_device():
    assert published("quadratic", 1, "base", "cpu")["hardware"] == "8 Broadwell cores"
    assert published("quadratic", 1, "base", "cuda")["total_ms"] == pytest.approx(8.8)
    assert published("quadratic", 1, "bounded", "cpu")["hardware"] == "V100"
    assert published("random", 32, "half", "cuda")["peak_mb"] == 15000
    assert published("random", 3, "base", "cpu") is None
    assert published("glyph a", 28, "base", "cpu") is None


def test_command_writes_rows_plot_and_profiles(small, tmp_path, capsys):
    out, profiles = tmp_path / "rows.json", tmp_path / "profiles"
    line = (
        f"bench curves --tests 1,5,6,7 --methods shrunk,fused --passes 3 --device cpu --json {out}"
    )
    assert main([*line.split(), "--profile", str(profiles)]) == 0
    report = json.loads(out.read_text())
    assert report["threads"] == torch.get_num_threads()
    keys = "test draw num_curves method device forward_ms backward_ms total_ms speedup peak_mib"
    for row in report["rows"]:
        assert set(keys.split()) | {"published"} <= set(row)
        assert math.isfinite(row["total_ms"])
    assert (tmp_path / "rows.png").stat().st_size > 10_000
    import pstats

    assert pstats.Stats(str(profiles / "fused.prof")).total_calls > 0
    assert json.loads((profiles / "fused.trace.json").read_text())["traceEvents"]
    assert "1 quadratic" not in capsys.readouterr().err


def test_cutoff_case_is_for_fused_alone(small):
    drawn = [case for case in cases(5) if case.cutoff is not None]
    assert drawn == [Case(5, "random, cutoff 3", drawn[0].control_points, 3.0)]
    measured = list(rows([5], ["shrunk", "fused"], torch.device("cpu"), 1))
    assert [row.method for row in measured if row.cutoff] == ["fused"]
