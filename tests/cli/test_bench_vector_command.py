"""``curvox bench vector`` from the command line."""

import json

import pytest

from curvox.bench import limits as limits_module
from curvox.bench import vector_cases
from curvox.bench.vector_cases import Case
from curvox.cli import main


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Three small cases, and small tries of what the machine can do."""
    cases = (
        Case("stroke", 3, 24, 32),
        Case("fill", 5, 24, 32),
        Case("fill", 2, 16, 16, pictures=3),
    )
    monkeypatch.setattr(vector_cases, "CASES", cases)
    monkeypatch.setattr(limits_module, "_COPIED", 1 << 10)
    monkeypatch.setattr(limits_module, "_SIDE", 16)


def test_command_measures_all_cases(tmp_path, capsys):
    out = tmp_path / "rows.json"
    line = f"bench vector --device cpu --passes 3 --json {out}"
    assert main(line.split()) == 0
    report = json.loads(out.read_text("utf-8"))
    assert report["limits"]["bandwidth"] > 0
    assert {"command", "commit", "device", "threads", "torch"} <= set(report)
    keys = "case kind num_paths height width forward_ms backward_ms total_ms peak_mib published"
    assert [row["case"] for row in report["rows"]] == [
        "stroke-3-32x24",
        "fill-5-32x24",
        "fill-2-16x16-batch3",
    ]
    assert all({*keys.split()} <= set(row) for row in report["rows"])
    assert "rows.json" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize(
    ("patterns", "count"), [("fill-*", 2), ("stroke-3-32x24,*batch3", 2), ("*,fill-*", 3)]
)
def test_cases_are_chosen_by_name(patterns, count, tmp_path):
    out = tmp_path / "rows.json"
    line = ["bench", "vector", "--device", "cpu", "--passes", "1", "--json", str(out)]
    assert main([*line, "--cases", patterns]) == 0
    assert len(json.loads(out.read_text("utf-8"))["rows"]) == count


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--cases stroke-3-32x24,magic", "'magic' is the name of no case"),
        ("--passes 0", "--passes must be at least 1, got 0"),
        ("--device abacus", "abacus"),
        ("--json nowhere/rows.json", "the folder nowhere does not exist"),
    ],
)
def test_options_that_cannot_be_used(options, message, capsys):
    assert main(["bench", "vector", *options.split()]) == 2
    assert message in capsys.readouterr().err
