"""The scripts in examples/, from an empty folder."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from curvox.curves import svg
from curvox.images import load_image

_EXAMPLES = Path(__file__).parents[1] / "examples"


def _run(name, folder, monkeypatch, *arguments):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(_EXAMPLES / name), run_name="__main__")


def test_a_stroke_follows_a_curve(tmp_path, monkeypatch, capsys, threads):
    threads(1)
    _run("follow_a_curve.py", tmp_path, monkeypatch)
    assert os.listdir(tmp_path) == ["follow_a_curve.png"]
    assert "iteration 120: control points up to 0.0" in capsys.readouterr().out


def test_paths_are_fitted_to_a_photograph(tmp_path, monkeypatch, capsys, threads):
    threads(1)
    _run("fit_paths.py", tmp_path, monkeypatch, "50")
    assert float(capsys.readouterr().out.split()[-2]) > 21  # decibels; the discs have 17
    assert load_image(tmp_path / "fit_paths.png").shape == (240, 3 * 360, 3)
    scene, report = svg.load(tmp_path / "fit_paths.svg")
    assert len(scene.children) == 65  # the paper and the paths
    assert not report.unsupported
