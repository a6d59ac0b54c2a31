"""``curvox fit`` from the command line: results, resumption, refusals."""

from __future__ import annotations

import json

import pytest

from curvox.cli import main
from curvox.curves.glyphs import glyph_image
from curvox.images import save_png

QUICK = ("--curves", "6", "--iterations", "24", "--size", "32")


@pytest.fixture(autouse=True)
def one_thread(threads):
    """Pictures this small gain nothing from threads, which wait for each other when busy."""
    threads(1)


@pytest.fixture
def picture(tmp_path):
    save_png(tmp_path / "in.png", glyph_image("a", 40))
    return str(tmp_path / "in.png")


def test_a_run_leaves_pictures_curves_and_numbers(picture, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["fit", picture, *QUICK, "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["iterations"] == 24
    assert metrics["config"]["curves"] == 6
    assert metrics["psnr"] > 5
    assert json.loads((out / "config.json").read_text())["size"] == 32
    printed = capsys.readouterr().out.replace("\n", " ")
    assert "24 iterations, 6 curves, 32 × 32 pixels" in printed
    assert "side_by_side.png" in printed


def test_an_interrupted_run_resumes_to_the_same_result(picture, tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main(["fit", picture, *QUICK, "--out", str(whole)]) == 0
    from curvox.curves.fit import Fit

    advance = Fit.advance

    def interrupt(fit, iterations):
        advance(fit, 7)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "advance", interrupt)
        assert main(["fit", picture, *QUICK, "--out", str(broken)]) == 130
    assert not (broken / "result.png").exists()
    assert main(["fit", picture, "--out", str(broken), "--resume"]) == 0
    for name in ("result.png", "curves.json", "curves.svg", "way.gif"):
        assert (whole / name).read_bytes() == (broken / name).read_bytes()


def test_a_folder_in_use_is_left_alone(picture, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["fit", picture, *QUICK, "--out", str(out)]) == 0
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert main(["fit", picture, *QUICK, "--out", str(out)]) == 2
    assert before == {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["missing.png", "text.png"])
def test_what_is_no_image_is_one_sentence(tmp_path, capsys, name):
    (tmp_path / "text.png").write_text("no image")
    out = tmp_path / "run"
    assert main(["fit", str(tmp_path / name), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert name in error
    assert "Traceback" not in error
    assert not out.exists()


def test_options_out_of_range_are_named(picture, tmp_path, capsys):
    assert main(["fit", picture, "--curves", "0", "--out", str(tmp_path / "run")]) == 2
    assert "curves" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_results_do_not_depend_on_threads(picture, tmp_path, threads):
    for count in (1, 2):
        threads(count)
        assert main(["fit", picture, *QUICK, "--out", str(tmp_path / str(count))]) == 0
    one, two = ((tmp_path / name / "curves.json").read_bytes() for name in "12")
    assert one == two
