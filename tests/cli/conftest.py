"""A tiny scene and a short training, made once."""

import os
import signal

import pytest
import torch

from curvox.cli import main
from curvox.fields import coarse
from curvox.fields.synthetic import write_synthetic_scene
from curvox.fields.train import Training

_SIZES = ("--voxels", "20", "--iterations", "30", "--coarse-iterations", "30", "--rays", "128")


@pytest.fixture(autouse=True)
def small_coarse_grid(monkeypatch):
    """The coarse grid of real trainings has a million voxels, whatever the options say."""
    monkeypatch.setattr(coarse, "COARSE_VOXELS", 16**3)


@pytest.fixture(scope="session")
def tiny_scene(tmp_path_factory):
    """The folder of a traced scene, 24×24 pixels. Not to be changed."""
    folder = tmp_path_factory.mktemp("scenes") / "table"
    return write_synthetic_scene(folder, train=8, val=1, test=2, size=24)


@pytest.fixture(scope="session")
def quick():
    """Options of a training that takes a second."""
    return _SIZES


@pytest.fixture(scope="session")
def trained(tiny_scene, tmp_path_factory):
    """The folder of a finished training. Not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coarse, "COARSE_VOXELS", 16**3)
        assert main(["train", str(tiny_scene), *_SIZES, "--out", str(folder)]) == 0
    torch.set_num_threads(before)
    return folder


@pytest.fixture
def interrupted(monkeypatch):
    """A function that runs the program and presses Ctrl-C after so many iterations."""

    def run(iterations, *arguments):
        advance = Training.advance
        left = iterations

        def count(training, number):
            nonlocal left
            advance(training, min(number, left))
            left -= min(number, left)
            if left == 0:
                os.kill(os.getpid(), signal.SIGINT)

        with monkeypatch.context() as patch:
            patch.setattr(Training, "advance", count)
            return main([str(argument) for argument in arguments])

    return run
