"""``curvox demo``, with fewer curves, voxels and iterations than users get."""

from __future__ import annotations

import json

import pytest
import torch

from curvox.cli import demo_curves, demo_fields, demo_vector, main
from curvox.curves import svg
from curvox.curves.fit_schedule import FitConfig
from curvox.curves.render import render
from curvox.curves.vectorize_schedule import VectorizeConfig
from curvox.fields.train_config import TrainConfig
from curvox.images import load_image
from curvox.metrics import psnr


def test_the_demo_leaves_an_overview_and_two_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo_curves, "_PHOTOGRAPH", FitConfig(curves=40, iterations=48, size=64))
    monkeypatch.setattr(demo_curves, "_GLYPH", FitConfig(curves=12, iterations=48, size=64))
    out = tmp_path / "demo"
    assert main(["demo", "curves", "--out", str(out)]) == 0
    out = out / "curves"
    assert load_image(out / "overview.png").shape == (2 * 64, 7 * 64, 3)
    for name in ("photograph", "glyph"):
        assert json.loads((out / name / "metrics.json").read_text())["psnr"] > 8
        assert (out / name / "way.gif").exists()
    assert "overview.png" in capsys.readouterr().out.replace("\n", "")
    assert main(["demo", "curves", "--out", str(tmp_path / "demo")]) == 0  # again, over the old one


def test_the_demo_of_vector_graphics_leaves_a_drawing_and_a_photograph(
    tmp_path, monkeypatch, capsys, threads
):
    threads(1)
    config = VectorizeConfig(paths=12, minutes=None, iterations=24, size=64)
    monkeypatch.setattr(demo_vector, "_PHOTOGRAPH", config)
    monkeypatch.setattr(demo_vector, "_DRAWING_WIDTH", 120)
    out = tmp_path / "demo" / "vector"
    for _ in range(2):  # again, over the old one
        assert main(["demo", "vector", "--out", str(out.parent)]) == 0
    assert load_image(out / "overview.png").shape == (64, 96 + 2 * 64, 3)
    assert load_image(out / "balloons.png").shape == (80, 120, 3)
    assert not svg.load(out / "balloons.svg")[1].unsupported
    run = out / "photograph.run"
    assert json.loads((run / "metrics.json").read_text())["psnr"] > 12
    assert (run / "way.mp4").stat().st_size > 500
    printed = capsys.readouterr().out.replace("\n", "")
    assert "12 closed paths, PSNR" in printed
    assert "overview.png" in printed


def test_the_drawing_of_the_demo_looks_the_same_elsewhere():
    pytest.importorskip("resvg_py")
    from curvox.bench.svg_fidelity import resvg_picture

    scene, _ = svg.load(demo_vector._DRAWING)
    picture = render(scene, width=480, background=torch.ones(3))
    assert psnr(picture, resvg_picture(demo_vector._DRAWING, 480)) > 45


def test_the_demo_of_fields_leaves_a_run_and_a_film(tmp_path, monkeypatch, capsys, threads):
    threads(1)
    config = TrainConfig(voxels=20, iterations=20, coarse_iterations=20, rays=128)
    monkeypatch.setattr(demo_fields, "_CONFIG", config)
    monkeypatch.setattr(demo_fields, "_VIEWS", {"train": 6, "val": 1, "test": 2})
    monkeypatch.setattr(demo_fields, "_PIXELS", 24)
    monkeypatch.setattr(demo_fields, "_FRAMES", 2)
    monkeypatch.setattr(demo_fields, "_FILM_PIXELS", 24)
    out = tmp_path / "demo" / "fields"
    for _ in range(2):  # again, over the old one
        assert main(["demo", "fields", "--out", str(out.parent)]) == 0
    assert json.loads((out / "run" / "metrics.json").read_text())["psnr"] > 8
    assert (out / "turntable.mp4").stat().st_size > 500
    assert "turntable.mp4" in capsys.readouterr().out.replace("\n", "")
