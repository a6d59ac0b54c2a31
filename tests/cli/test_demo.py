"""``curvox demo``, with fewer curves and iterations than users get."""

from __future__ import annotations

import json

from curvox.cli import demo_curves, main
from curvox.curves.fit_schedule import FitConfig
from curvox.images import load_image


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
