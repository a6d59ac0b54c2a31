"""``curvox vectorize`` from the command line."""

import json

import pytest
import torch

from curvox.cli import main
from curvox.images import load_image, save_png


@pytest.fixture
def picture(tmp_path):
    image = torch.full((30, 40, 3), 0.8)
    image[5:20, 8:25] = torch.tensor([0.7, 0.1, 0.2])
    save_png(tmp_path / "picture.png", image)
    return tmp_path / "picture.png"


def _run(picture, *options):
    out = picture.with_name("out.svg")
    return main(["vectorize", str(picture), "-o", str(out), *options]), out


def test_a_picture_becomes_an_svg(picture, capsys):
    code, out = _run(picture, "--paths", "4", "--iterations", "80")
    assert code == 0
    assert out.read_text().startswith("<svg")
    metrics = json.loads((out.with_suffix(".run") / "metrics.json").read_text())
    assert metrics["psnr"] > 28
    assert metrics["iterations"] == 80
    assert load_image(out.with_suffix(".png")).shape == (30, 40, 3)
    assert "PSNR" in capsys.readouterr().out


def test_minutes_are_kept(picture):
    code, out = _run(picture, "--paths", "4", "--minutes", "0.02")
    assert code == 0
    assert out.exists()


def test_a_run_is_not_overwritten(picture, capsys):
    options = ("--paths", "2", "--iterations", "3")
    assert _run(picture, *options)[0] == 0
    assert _run(picture, *options)[0] == 2
    assert "holds a run already" in capsys.readouterr().err
    assert _run(picture, "--resume")[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "a.png"), "must name a file that ends in .svg"),
        (("--paths", "0"), "paths must be at least 1"),
    ],
)
def test_bad_options_are_named(picture, capsys, options, message):
    assert main(["vectorize", str(picture), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_picture_is_named(tmp_path, capsys):
    assert main(["vectorize", str(tmp_path / "none.png"), "-o", str(tmp_path / "o.svg")]) == 2
    assert "none.png" in capsys.readouterr().err
    assert not (tmp_path / "o.run").exists()
