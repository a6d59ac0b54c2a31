"""Pictures turned into paths: placement, progress, resuming, what is saved."""

from itertools import pairwise

import pytest
import torch

from curvox.curves import svg
from curvox.curves.render import render
from curvox.curves.vectorize import Vectorize
from curvox.curves.vectorize_folder import open_work, save_checkpoint, write_results
from curvox.curves.vectorize_placement import place_discs
from curvox.curves.vectorize_schedule import VectorizeConfig, rounds
from curvox.errors import InputError
from curvox.metrics import psnr


def _picture(height=48, width=64):
    """Three flat shapes and a slope of brightness."""
    rows = torch.arange(height)[:, None] + 0.5
    columns = torch.arange(width) + 0.5
    picture = (0.4 + 0.4 * columns / width).expand(height, width)[..., None].repeat(1, 1, 3)
    picture[(rows - 16) ** 2 + (columns - 20) ** 2 < 100] = torch.tensor([0.9, 0.1, 0.1])
    picture[30:44, 8:50] = torch.tensor([0.1, 0.3, 0.8])
    picture[4:20, 44:50] = torch.tensor([0.05, 0.1, 0.05])
    return picture


def _worked(config, steps=None, target=None):
    work = Vectorize(_picture() if target is None else target, config)
    for _ in range(steps or config.iterations):
        work.step(work.iteration / config.iterations)
    return work


CONFIG = VectorizeConfig(paths=12, iterations=120)


@pytest.mark.parametrize("mode", ["fill", "stroke"])
def test_flat_shapes_are_found(mode):
    work = _worked(VectorizeConfig(paths=16, iterations=250, mode=mode))
    drawn = work.drawing().render().clamp(0, 1)
    assert work.paths == 16
    assert psnr(drawn, work.target) > (29 if mode == "fill" else 26)
    mean = psnr(work.target.mean((0, 1)).expand_as(work.target), work.target)
    assert psnr(drawn, work.target) > mean + 12


def test_the_first_disc_is_the_largest_lack():
    missing = torch.zeros(40, 50, 3)
    rows, columns = torch.arange(40)[:, None] + 0.5, torch.arange(50) + 0.5
    missing[(rows - 12) ** 2 + (columns - 31) ** 2 < 36] = torch.tensor([0.5, 0, -0.25])
    missing[30:32, 5:7] = 0.3
    centres, radii, colours = place_discs(missing, 2, 6.0)
    assert (centres[0] - torch.tensor([31.0, 12])).abs().max() < 1.5
    assert 4 < float(radii[0]) <= 6
    torch.testing.assert_close(colours[0], torch.tensor([0.5, 0, -0.25]), atol=0.1, rtol=0)


@pytest.mark.parametrize("count", [1, 7, 300])
def test_as_many_discs_as_are_asked_for(count):
    missing = torch.randn(30, 40, 3, generator=torch.Generator().manual_seed(0))
    centres, radii, colours = place_discs(missing, count, 4.0)
    assert centres.shape == (count, 2)
    assert radii.shape == (count,)
    assert colours.shape == (count, 3)


def test_nothing_lacking_gives_no_discs():
    assert len(place_discs(torch.zeros(20, 20, 3), 5, 4.0)[0]) == 0


def test_as_many_iterations_give_the_same_bits():
    first, second = (_worked(CONFIG).drawing() for _ in range(2))
    assert torch.equal(first.points, second.points)
    assert torch.equal(first.colours, second.colours)


def test_resumed_runs_end_with_the_same_bits(tmp_path):
    whole = _worked(CONFIG)
    part = _worked(CONFIG, steps=70)
    folder = tmp_path / "run"
    open_work(_picture(), CONFIG, folder, resume=False)
    save_checkpoint(part, folder)
    rest = open_work(_picture(), CONFIG, folder, resume=True)
    while rest.iteration < CONFIG.iterations:
        rest.step(rest.iteration / CONFIG.iterations)
    for ours, theirs in zip(rest.drawing().tensors(), whole.drawing().tensors(), strict=True):
        assert (ours is None and theirs is None) or torch.equal(ours, theirs)
    assert len(rest.snapshots) == len(whole.snapshots)


@pytest.mark.parametrize("mode", ["fill", "stroke"])
def test_the_saved_file_looks_like_the_drawing(tmp_path, mode):
    work = _worked(VectorizeConfig(paths=10, iterations=60, mode=mode))
    file = tmp_path / "picture.svg"
    metrics = write_results(work, file, tmp_path, 1.0)
    scene, report = svg.load(file)
    assert report.unsupported == []
    saved = render(scene, background=torch.ones(3))
    assert psnr(saved, work.drawing().render()) > 45
    assert metrics["psnr"] == pytest.approx(psnr(saved.clamp(0, 1), work.target))
    assert {"way.mp4", "side_by_side.png", "picture.png"} <= {p.name for p in tmp_path.iterdir()}


def test_another_browser_agrees(tmp_path):
    """resvg shows what we measured, within its antialiasing."""
    resvg = pytest.importorskip("resvg_py")
    from io import BytesIO

    import numpy as np
    from PIL import Image

    work = _worked(CONFIG)
    text = svg.to_svg(work.drawing().scene(), 2)
    encoded = resvg.svg_to_bytes(svg_string=text)
    shown = torch.from_numpy(np.array(Image.open(BytesIO(bytes(encoded))).convert("RGB"))) / 255
    assert psnr(shown, work.drawing().render().clamp(0, 1)) > 35


def test_rounds_lead_from_coarse_to_fine():
    plan = rounds(VectorizeConfig(paths=500), 768)
    assert plan[0].start == 0
    for before, after in pairwise(plan):
        assert before.start < after.start
        assert before.paths <= after.paths
        assert before.radius >= after.radius
        assert before.longer <= after.longer
    assert (plan[-1].paths, plan[-1].longer) == (500, 768)


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (33, 1)])
def test_odd_pictures(size):
    target = torch.rand(*size, 3, generator=torch.Generator().manual_seed(0))
    work = _worked(VectorizeConfig(paths=3, iterations=20), target=target)
    assert work.drawing().render().isfinite().all()


BAD = {
    "paths": ({"paths": 0}, "paths must be at least 1, got 0"),
    "time": ({"minutes": None}, "give minutes or iterations"),
    "minutes": ({"minutes": -1.0}, "minutes must be positive"),
    "rate": ({"points_rate": 0.0}, "points_rate must be in"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_bad_settings_are_named(case):
    settings, message = case
    with pytest.raises(InputError, match=message):
        VectorizeConfig(**settings)


def test_a_picture_that_is_none_is_named():
    with pytest.raises(InputError, match="NaN"):
        Vectorize(torch.full((4, 4, 3), torch.nan), CONFIG)
    with pytest.raises(ValueError, match=r"target must be \[H, W, 3\]"):
        Vectorize(torch.zeros(4, 4), CONFIG)
