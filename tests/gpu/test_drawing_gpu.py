"""Pictures redrawn on a GPU, from beginning to end."""

import pytest
import torch

from curvox.curves.fit import Fit, FitConfig
from curvox.curves.vectorize import Vectorize
from curvox.curves.vectorize_folder import open_work, save_checkpoint
from curvox.curves.vectorize_schedule import VectorizeConfig

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")


def _picture():
    """A red disc and a blue square on white."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(80.0), indexing="ij")
    picture = torch.ones(64, 80, 3)
    picture[(x - 25) ** 2 + (y - 30) ** 2 < 200] = torch.tensor([0.9, 0.1, 0.1])
    picture[(x > 50) & (x < 70) & (y > 10) & (y < 50)] = torch.tensor([0.1, 0.2, 0.8])
    return picture


@pytest.mark.parametrize("mode", ["fill", "stroke"])
def test_a_picture_becomes_paths(mode):
    """About as well as on the CPU."""

    def drawn(device):
        work = Vectorize(_picture().to(device), VectorizeConfig(paths=24, mode=mode))
        for step in range(150):
            work.step(step / 150)
        work.snapshot()
        return work.psnr

    assert drawn("cuda") > drawn("cpu") - 1.5


def test_runs_move_between_devices(tmp_path):
    """Begun on the GPU, resumed on the CPU, and back."""
    config = VectorizeConfig(paths=12, iterations=60)
    work = open_work(_picture().cuda(), config, tmp_path, resume=False)
    for device in ("cpu", "cuda"):
        for step in range(20):
            work.step((work.iteration + step) / 60)
        before = work.drawing().to("cpu")
        save_checkpoint(work, tmp_path)
        work = open_work(_picture().to(device), config, tmp_path, resume=True)
        after = work.drawing()
        assert after.points.device.type == device
        assert torch.equal(after.points.cpu(), before.points)
        work.step(0.9)


def test_a_picture_becomes_ink():
    """About as well as on the CPU."""
    target = _picture().mean(2)

    def fitted(device):
        fit = Fit(target.to(device), FitConfig(curves=40, iterations=200))
        fit.advance(200)
        return fit.psnr

    assert fitted("cuda") > fitted("cpu") - 1.5
