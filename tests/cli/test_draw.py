"""``curvox draw`` from the command line."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from curvox.cli import main

HALF = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10">'
    '<rect width="10" height="10" fill="red" fill-opacity=".5"/>{}</svg>'
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "half.svg"
    path.write_text(HALF.format(""))
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def test_a_file_becomes_a_transparent_picture(file, capsys):
    assert main(["draw", str(file)]) == 0
    picture = pixels(file.with_suffix(".png"))
    assert picture.shape == (10, 20, 4)
    assert picture[5, 5].tolist() == [255, 0, 0, 128]  # colour not multiplied by alpha
    assert picture[5, 15].tolist() == [0, 0, 0, 0]
    output = capsys.readouterr()
    assert "20 × 10" in output.out
    assert output.err == ""


@pytest.mark.parametrize(
    ("background", "left", "right"),
    [
        ("white", [255, 128, 128], [255, 255, 255]),
        ("#0000ff", [128, 0, 128], [0, 0, 255]),
    ],
)
def test_width_and_background(file, tmp_path, background, left, right):
    out = tmp_path / "out.png"
    options = ["--width", "50", "-o", str(out), "--background", background]
    assert main(["draw", str(file), *options]) == 0
    picture = pixels(out)
    assert picture.shape == (25, 50, 3)
    assert np.abs(picture[12, 10].astype(int) - left).max() <= 1
    assert picture[12, 40].tolist() == right


def test_what_is_not_drawn_is_a_warning(tmp_path, capsys):
    path = tmp_path / "text.svg"
    path.write_text(HALF.format("<text>[red]a</text>"))
    assert main(["draw", str(path)]) == 0
    assert "text.svg: <text> is not drawn" in capsys.readouterr().err
    assert path.with_suffix(".png").exists()


@pytest.mark.parametrize(
    ("text", "arguments", "named"),
    [
        (None, [], "no file"),
        ("<svg", [], "not well-formed"),
        (HALF.format('<use href="b.svg#a"/>'), [], "b.svg#a"),
        (HALF.format('<path d="M0 0H9" stroke="red" stroke-dasharray="1e-7"/>'), [], "dashes"),
        (HALF.format(""), ["--width", "0"], "--width"),
        (HALF.format(""), ["--width", "100000"], "too many"),
        (HALF.format(""), ["--background", "purplish"], "--background"),
        (HALF.format(""), ["--out", "a.jpg"], "a.jpg"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(tmp_path, capsys, text, arguments, named):
    path = tmp_path / "file.svg"
    if text is not None:
        path.write_text(text)
    assert main(["draw", str(path), *arguments]) == 2
    error = capsys.readouterr().err
    assert named in error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("*.png"))
