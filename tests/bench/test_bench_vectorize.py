"""``curvox bench vectorize``: what it measures, keeps and says."""

import json
from dataclasses import asdict

import pytest
import torch

pytest.importorskip("resvg_py")

from curvox.bench.vectorize import Row, rows
from curvox.bench.vectorize_tables import drawings
from curvox.cli import main
from curvox.images import save_png

CPU = torch.device("cpu")


@pytest.fixture
def photograph(tmp_path):
    """A file: a red disc on blue."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    inside = ((x - 30) ** 2 + (y - 20) ** 2 < 150)[..., None]
    picture = torch.where(inside, torch.tensor([0.9, 0.2, 0.1]), torch.tensor([0.1, 0.2, 0.8]))
    save_png(tmp_path / "disc.png", picture)
    return tmp_path / "disc.png"


def test_a_row_is_what_resvg_shows(photograph):
    (row,) = rows([photograph], [4], [0.02], CPU, [])
    assert (row.image, row.paths, row.minutes, row.device) == ("disc", 4, 0.02, "cpu")
    assert (row.height, row.width) == (40, 60)
    assert row.psnr > 15
    assert row.own_psnr > 15  # resvg smooths edges in its own way: so they differ by some decibels
    assert row.bytes > 200
    assert row.iterations > 0


def _row(image="a", paths=256, minutes=1.0, psnr=30.0):
    return Row(image, paths, minutes, "cpu", 10, 20, psnr, psnr + 0.1, 0.9, 2048, 100)


def test_the_table_has_means_and_published_figures():
    measured = [_row(), _row("b", psnr=32), _row(minutes=3.0, psnr=31), _row(paths=7, psnr=20)]
    lines = drawings([asdict(row) for row in measured]).lines
    assert lines[0] == ["7 paths, 1 min", "20.00", "", "", "2", "100"]
    assert lines[1] == ["256 paths, 1 min", "30.00", "32.00", "31.00", "2", "100"]
    assert lines[2] == ["256 paths, 3 min", "31.00", "", "", "2", "100"]
    assert [line[0] for line in lines[3:]] == [
        "256, Bézier Splatting, Kodak's 24",
        "256, Vector Scaffolding, Kodak's 24",
    ]
    assert [line[3] for line in lines[3:]] == ["24.19", "25.18"]


def test_resuming_measures_only_what_is_missing(photograph, tmp_path, capsys):
    out = tmp_path / "rows.json"
    command = ["bench", "vectorize", str(photograph), "--device", "cpu", "--json", str(out)]
    command += ["--paths", "3"]
    assert main([*command, "--minutes", "0.005"]) == 0
    (first,) = json.loads(out.read_text("utf-8"))["rows"]
    assert main([*command, "--minutes", "0.01,0.005", "--resume"]) == 0
    report = json.loads(out.read_text("utf-8"))
    assert report["rows"][0] == first
    assert [row["minutes"] for row in report["rows"]] == [0.005, 0.01]
    assert {"command", "commit", "device", "threads", "torch"} <= set(report)
    assert "disc, 3 paths, 0.01 min" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "name at least one photograph"),
        ("nothing.png", "nothing.png"),
        ("{} {}", "the same name"),
        ("{} --paths many", "--paths takes numbers with commas, got 'many'"),
        ("{} --paths 0", "--paths must be at least 1, got 0"),
        ("{} --minutes -1", "--minutes must be positive, got -1"),
        ("{} --minutes soon", "--minutes takes numbers with commas, got 'soon'"),
        ("{} --resume", "--resume needs --json"),
        ("{} --json nowhere/rows.json", "the folder nowhere does not exist"),
    ],
)
def test_options_that_cannot_be_used(options, message, photograph, capsys):
    line = options.replace("{}", str(photograph)).split()
    assert main(["bench", "vectorize", "--device", "cpu", *line]) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_other_files_cannot_be_gone_on_with(photograph, tmp_path, capsys):
    other = tmp_path / "other.json"
    other.write_text('{"rows": [{"image": "a"}]}')
    line = ["bench", "vectorize", str(photograph), "--device", "cpu", "--json", str(other)]
    assert main([*line, "--resume"]) == 2
    assert "is no report of this bench" in capsys.readouterr().err.replace("\n", " ")
    assert json.loads(other.read_text("utf-8")) == {"rows": [{"image": "a"}]}
