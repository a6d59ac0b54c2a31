"""``curvox eval``, ``render`` and ``export`` on the folder of a training."""

import json
import shutil
import sys
from types import ModuleType

import av
import numpy as np
import pytest
import torch
from plyfile import PlyData

from curvox.cli import main
from curvox.images import load_image


@pytest.fixture(autouse=True)
def one_thread(threads):
    """Pictures this small gain nothing from threads, which wait for each other when busy."""
    threads(1)


@pytest.fixture
def run(trained, tmp_path):
    """A training of one's own."""
    return shutil.copytree(trained, tmp_path / "run")


def frames(file):
    """[N, H, W, 3], uint8."""
    with av.open(str(file)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("rung", ["fused", "native"])
def test_eval_agrees_with_the_training(run, capsys, rung):
    assert main(["eval", str(run), "--rung", rung, "--save-images"]) == 0
    report = json.loads((run / "eval.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    for name in ("psnr", "psnr_uint8", "ssim"):
        assert report["mean"][name] == pytest.approx(metrics[name], abs=2e-3)
    assert [image["image"] for image in report["images"]] == ["r_0.png", "r_1.png"]
    assert abs(report["mean"]["psnr"] - report["mean"]["psnr_uint8"]) < 0.1
    assert load_image(run / "eval" / "001.png").shape == (24, 24, 3)
    printed = capsys.readouterr().out.replace("\n", " ")
    for word in ("psnr_uint8", "mean", "not clipped", "white background", "eval.json"):
        assert word in printed


def test_lpips_that_is_not_there_is_no_failure(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", None)
    assert main(["eval", str(run)]) == 0
    report = json.loads((run / "eval.json").read_text())
    assert report["mean"]["lpips"] is None
    assert "curvox[lpips]" in report["lpips_missing"]
    assert "curvox[lpips]" in capsys.readouterr().out.replace("\n", "")


class Network(torch.nn.Module):
    """Stands in for the network of torchmetrics: the mean absolute difference since a reset."""

    def __init__(self, name, normalize):
        super().__init__()
        assert (name, normalize) == ("vgg", True)
        self.reset()

    def reset(self):
        self.seen = []

    def forward(self, image, reference):
        for picture in (image, reference):
            assert picture.shape == (1, 3, 24, 24)
            assert picture.min() >= 0
            assert picture.max() <= 1
        self.seen.append((image - reference).abs().mean())
        return torch.stack(self.seen).mean()


def test_lpips_is_reported_where_it_is_there(run, monkeypatch):
    for name in ("torchmetrics", "torchmetrics.image", "torchmetrics.image.lpip"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    module = sys.modules["torchmetrics.image.lpip"]
    module.LearnedPerceptualImagePatchSimilarity = Network
    assert main(["eval", str(run)]) == 0
    report = json.loads((run / "eval.json").read_text())
    values = [image["lpips"] for image in report["images"]]
    assert all(0 < value < 1 for value in values)
    assert report["mean"]["lpips"] == pytest.approx(np.mean(values))
    assert report["lpips_missing"] is None


def test_weights_that_cannot_be_fetched_are_reported(run, monkeypatch, capsys):
    class Unreachable(Network):
        def __init__(self, name, normalize):
            raise OSError("the network is unreachable")

    for name in ("torchmetrics", "torchmetrics.image", "torchmetrics.image.lpip"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    module = sys.modules["torchmetrics.image.lpip"]
    module.LearnedPerceptualImagePatchSimilarity = Unreachable
    assert main(["eval", str(run)]) == 0
    assert "unreachable" in capsys.readouterr().out


def test_an_orbit_with_depth_beside_it(run):
    video = run / "orbit.mp4"
    assert main(["render", str(run), "--video", str(video), "--frames", "4", "--width", "31"]) == 0
    assert frames(video).shape == (4, 32, 62, 3)  # 31 × 31 twice, made even


def test_other_cameras_and_a_depth_film(run, tiny_scene):
    video = run / "film.mp4"
    arguments = ["render", str(run), "--video", str(video), "--scale", "2", "--depth"]
    assert main([*arguments, "file", "--path", "test"]) == 0
    colours = frames(video)
    assert colours.shape == frames(run / "film_depth.mp4").shape == (2, 48, 48, 3)
    poses = str(tiny_scene / "transforms_test.json")
    assert main([*arguments, "none", "--path", poses]) == 0
    np.testing.assert_array_equal(frames(video), colours)
    assert main([*arguments, "none", "--path", poses, "--frames", "1"]) == 0
    assert len(frames(video)) == 1


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--video", "film.avi"), ".mp4"),
        (("--video", "none/film.mp4"), "none"),
        (("--video", "film.mp4", "--path", "none.json"), "none.json"),
        (("--video", "film.mp4", "--path", "poses.json"), "frame 0"),
        (("--video", "film.mp4", "--frames", "0"), "--frames"),
        (("--video", "film.mp4", "--fps", "0"), "--fps"),
        (("--video", "film.mp4", "--width", "1"), "--width"),
        (("--video", "film.mp4", "--scale", "-1"), "--scale"),
        (("--video", "film.mp4", "--path", "test", "--scene", "nowhere"), "nowhere"),
    ],
)
def test_films_that_cannot_be_made(trained, tmp_path, monkeypatch, capsys, options, word):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poses.json").write_text('{"frames": [{"transform_matrix": [[1, 2], [3, 4]]}]}')
    assert main(["render", str(trained), *options]) == 2
    assert word in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["poses.json"]


def test_exports_can_be_read(run, tmp_path, capsys):
    out = tmp_path / "exports"
    assert main(["export", str(run), "--alpha", "0.006", "--out", str(out)]) == 0
    grids = np.load(out / "grids.npz")
    assert (*grids["density"].shape, 12) == grids["colour"].shape
    assert len(PlyData.read(out / "points.ply")["vertex"]) > 0
    assert len(PlyData.read(out / "mesh.ply")["face"]) > 0
    printed = capsys.readouterr().out
    assert "triangles" in printed
    assert main(["export", str(run), "--npz"]) == 0
    assert not (run / "mesh.ply").exists()


@pytest.mark.parametrize("command", [["eval"], ["export"], ["render", "--video", "film.mp4"]])
def test_a_folder_without_a_training_is_named(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    assert main([command[0], str(tmp_path), *command[1:]]) == 2
    assert "holds no training" in capsys.readouterr().err


def test_a_training_without_a_checkpoint_is_named(run, capsys):
    (run / "checkpoint.pt").unlink()
    assert main(["export", str(run)]) == 2
    assert "checkpoint.pt" in capsys.readouterr().err


def test_too_high_a_threshold_is_one_sentence(run, capsys):
    assert main(["export", str(run), "--points", "--alpha", "0.9999"]) == 2
    assert "lower the threshold" in capsys.readouterr().err
    assert main(["export", str(run), "--alpha", "1"]) == 2
    assert "--alpha" in capsys.readouterr().err
