"""Fitting: it converges, it repeats, it resumes, it refuses."""

from __future__ import annotations

import pytest
import torch

from curvox.curves.fit import Fit, FitConfig, visible_error
from curvox.curves.fit_folder import (
    choose_config,
    load_target,
    open_fit,
    save_checkpoint,
    write_results,
)
from curvox.curves.fit_placement import place
from curvox.curves.fit_schedule import schedule
from curvox.curves.glyphs import glyph_image
from curvox.curves.ink import Ink
from curvox.errors import InputError
from curvox.images import save_png

SMALL = FitConfig(curves=24, iterations=60, size=48)


@pytest.fixture(autouse=True)
def one_thread(threads):
    """Pictures this small gain nothing from threads, which wait for each other when busy."""
    threads(1)


@pytest.fixture(scope="module")
def glyph():
    return glyph_image("a", 48)


def test_a_glyph_is_found_from_a_random_start(glyph):
    fit = Fit(glyph, FitConfig(curves=32, iterations=400))
    start = fit.psnr
    fit.advance(1000)
    assert fit.done
    assert fit.curves == 32
    assert start < 10
    assert fit.psnr > 26  # 31 seen
    assert len(fit.snapshots) > 30


@pytest.mark.parametrize("stop", [0, 1, 17, 33, 60])
def test_a_resumed_fit_gives_the_same_bits(glyph, tmp_path, stop):
    straight = Fit(glyph, SMALL)
    straight.advance(60)
    begun = open_fit(glyph, SMALL, tmp_path, resume=False)
    begun.advance(stop)
    save_checkpoint(begun, tmp_path)
    resumed = open_fit(glyph, SMALL, tmp_path, resume=True)
    assert resumed.iteration == stop
    resumed.advance(60)
    for first, second in zip(straight.snapshots, resumed.snapshots, strict=True):
        assert torch.equal(first.control_points, second.control_points)
        assert torch.equal(first.weights, second.weights)
        assert torch.equal(first.sigmas, second.sigmas)
    assert straight.psnr == resumed.psnr


def test_resuming_at_the_start_of_every_round(glyph, tmp_path):
    straight = Fit(glyph, SMALL)
    straight.advance(60)
    fit = open_fit(glyph, SMALL, tmp_path, resume=False)
    for part in schedule(SMALL, 48):
        fit.advance(part.stop - fit.iteration)
        save_checkpoint(fit, tmp_path)
        fit = open_fit(glyph, SMALL, tmp_path, resume=True)
    assert torch.equal(fit.ink().weights, straight.ink().weights)


def test_seeds_differ(glyph):
    drawings = [Fit(glyph, FitConfig(curves=8, seed=seed)).ink() for seed in (0, 0, 1)]
    assert torch.equal(drawings[0].control_points, drawings[1].control_points)
    assert not torch.equal(drawings[0].control_points, drawings[2].control_points)


def test_strokes_have_no_beads(glyph):
    fit = Fit(glyph, SMALL)
    fit.advance(60)
    ink = fit.ink()
    legs = (ink.control_points[:, 1:] - ink.control_points[:, :-1]).norm(dim=2).amax(1)
    assert (3 * legs / (ink.steps - 1) <= 1.51 * ink.sigmas).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 3)])
def test_odd_shapes_are_fitted(shape):
    target = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    fit = Fit(target, FitConfig(curves=5, iterations=20))
    fit.advance(20)
    assert torch.isfinite(fit.ink().render()).all()


def test_a_blank_page_stays_blank():
    fit = Fit(torch.ones(20, 20), FitConfig(curves=10, iterations=100))
    fit.advance(100)
    assert fit.ink().render().clamp(0, 1).min() > 0.98


def test_a_stroke_is_placed_on_a_stroke():
    points = torch.tensor([[[0.3, 0.4], [0.4, 0.45], [0.5, 0.5], [0.6, 0.55]]])
    residual = Ink(points, torch.tensor([-0.1]), torch.tensor([0.03]), 0.0, 80, 100, 24).render()
    found, inks, sigmas = place(residual, 1, 0.03)
    assert (found.mean(1) - points.mean(1)).norm() < 0.03
    direction = found[0, 3] - found[0, 0]
    assert abs(float(direction[1] / direction[0]) - 0.5) < 0.25
    assert inks[0] < 0
    assert sigmas[0] == pytest.approx(0.03, rel=0.02)


def test_hidden_errors_are_free():
    target = torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0])
    drawing = torch.tensor([-1.0, 0.25, 1.5, 0.75, 3.0])
    assert visible_error(drawing, target).tolist() == [0, 0.25, 1, -0.25, 0]


@pytest.mark.parametrize(("iterations", "curves"), [(1, 5), (7, 1), (100, 3), (2000, 800)])
def test_the_schedule_covers_all_iterations_and_curves(iterations, curves):
    rounds = schedule(FitConfig(iterations=iterations, curves=curves), 300)
    assert rounds[0].start == 0
    assert rounds[-1].stop == iterations
    assert [part.stop for part in rounds[:-1]] == [part.start for part in rounds[1:]]
    assert rounds[-1].curves == curves
    assert rounds[-1].longer == 300


def test_unusable_targets_and_settings_are_refused():
    with pytest.raises(InputError, match="NaN"):
        Fit(torch.full((4, 4), float("nan")), SMALL)
    with pytest.raises(InputError, match="NaN"):
        Fit(torch.full((4, 4), 255.0), SMALL)
    with pytest.raises(ValueError, match="H, W"):
        Fit(torch.zeros(4, 4, 3), SMALL)
    for wrong in ({"curves": 0}, {"iterations": 0}, {"steps": 1}, {"ink_rate": 0.0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            FitConfig(**wrong)


def test_folders_are_not_mixed_up(glyph, tmp_path):
    open_fit(glyph, SMALL, tmp_path, resume=False)
    with pytest.raises(InputError, match="--resume"):
        choose_config(SMALL, tmp_path, resume=False)
    with pytest.raises(InputError, match="curves 24 rather than 25"):
        choose_config(FitConfig(curves=25, iterations=60, size=48), tmp_path, resume=True)
    assert choose_config(FitConfig(), tmp_path, resume=True) == SMALL
    fit = open_fit(glyph, SMALL, tmp_path, resume=True)  # no checkpoint yet: from the start
    assert fit.iteration == 0
    save_checkpoint(fit, tmp_path)
    with pytest.raises(InputError, match="another image"):
        open_fit(1 - glyph, SMALL, tmp_path, resume=True)
    (tmp_path / "checkpoint.pt").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"checkpoint\.pt"):
        open_fit(glyph, SMALL, tmp_path, resume=True)
    with pytest.raises(InputError, match="no run"):
        choose_config(SMALL, tmp_path / "new", resume=True)


def test_results_are_all_there(glyph, tmp_path):
    save_png(tmp_path / "in.png", glyph)
    target = load_target(tmp_path / "in.png", 24)
    assert target.shape == (24, 24)
    fit = Fit(target, FitConfig(curves=4, iterations=10))
    fit.advance(10)
    metrics = write_results(fit, tmp_path, 1.0)
    assert metrics["psnr"] == pytest.approx(fit.psnr)
    names = {path.name for path in tmp_path.iterdir()}
    pictures = {"target.png", "result.png", "side_by_side.png", "way.gif"}
    assert names == pictures | {"in.png", "curves.svg", "curves.json", "metrics.json"}
    assert torch.equal(Ink.load_json(tmp_path / "curves.json").weights, fit.ink().weights)
