"""``curvox glyph`` from the command line."""

from __future__ import annotations

import pytest

from curvox.cli import main
from curvox.images import load_image


def test_a_glyph_becomes_a_picture(tmp_path, capsys):
    path = tmp_path / "and.png"
    assert main(["glyph", "&", "--out", str(path), "--size", "120"]) == 0
    picture = load_image(path)
    assert picture.shape == (120, 120, 3)
    assert picture.min() == 0
    assert picture[0, 0, 0] == 1
    assert "and.png" in capsys.readouterr().out.replace("\n", "")


def test_a_text_becomes_a_strip(tmp_path):
    path = tmp_path / "text.png"
    assert main(["glyph", "Fjord", "--out", str(path), "--size", "200"]) == 0
    height, width, _ = load_image(path).shape
    assert width == 200
    assert height < 150


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["a", "--font", "FOLDER/missing.ttf"], "missing.ttf"),
        (["a", "--font", "FOLDER/bad.ttf"], "bad.ttf"),
        (["\U0010ffff"], "U+10FFFF"),
        (["a", "--sigma", "0"], "--sigma"),
        (["a", "--size", "0"], "--size"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(tmp_path, capsys, arguments, named):
    (tmp_path / "bad.ttf").write_text("no font")
    arguments = [argument.replace("FOLDER", str(tmp_path)) for argument in arguments]
    out = tmp_path / "out.png"
    assert main(["glyph", *arguments, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert named in error
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["bad.ttf"]
