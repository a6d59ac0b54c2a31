"""The bench of radiance fields measures what it says; no test asserts a time."""

import json
import math

import pytest
import torch

from curvox.bench import fields as fields_module
from curvox.bench import limits as limits_module
from curvox.bench import measure as measure_module
from curvox.bench.fields import rows
from curvox.bench.limits import Limits
from curvox.bench.measure import time_calls
from curvox.bench.moments import Preparation
from curvox.bench.published_fields import published_times
from curvox.bench.tables import fields as fields_table
from curvox.cli import main
from curvox.fields import coarse
from curvox.fields.datasets import load_scene
from curvox.fields.rungs import RUNGS
from curvox.fields.synthetic import write_synthetic_scene
from curvox.fields.train import Training
from curvox.fields.train_config import TrainConfig

LIMITS = Limits(bandwidth=1e10, float32=1e11, bfloat16=2e11)


@pytest.fixture(scope="module")
def scene_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "lego"  # a name with published figures
    write_synthetic_scene(folder, train=4, test=1, size=24)
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A small coarse grid, small tries of what the machine can do, and one thread, since work that
    is this small does not profit from more and suffers from busy cores.
    """
    name = "COARSE_VOXELS" if hasattr(coarse, "COARSE_VOXELS") else "_VOXELS"
    monkeypatch.setattr(coarse, name, 20_000)
    monkeypatch.setattr(limits_module, "_COPIED", 1 << 10)
    monkeypatch.setattr(limits_module, "_SIDE", 16)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def preparation(scene_folder):
    return Preparation(load_scene(scene_folder), rays=64, iterations=2)


def test_command_measures_all_rungs(scene_folder, tmp_path, capsys):
    out = tmp_path / "rows.json"
    line = (
        f"bench fields --scene {scene_folder} --voxels 72 --seconds-per-rung 0 --prepare 2 "
        f"--rays 64 --device cpu --json {out}"
    )
    assert main(line.split()) == 0
    report = json.loads(out.read_text())
    assert report["limits"]["bandwidth"] > 0
    stages = ["coarse", "growth", "fine", "total", "render"]
    assert [(row["stage"], row["rung"]) for row in report["rows"]] == [
        (stage, rung) for stage in stages for rung in RUNGS
    ]
    for row in report["rows"]:
        assert (row["scene"], row["voxels"], row["skipped"]) == ("lego", 72, None)
        assert row["speedup"] == 1 if row["rung"] == "native" else row["speedup"] > 0
        assert row["peak_mib"] is None or row["peak_mib"] >= 0
        if row["stage"] in ("coarse", "growth", "fine"):
            assert row["timed"] == 3
            assert math.isfinite(row["spread"])
            counts = list(row["samples_per_ray"].values())
            assert counts == sorted(counts, reverse=True)
            planned = {"coarse": 5000, "growth": 1000, "fine": 19000}[row["stage"]]
            projected = planned * row["seconds_per_iteration"]
            assert row["projected_seconds"] == pytest.approx(projected)
    fused = [row for row in report["rows"] if row["rung"] == "fused"]
    assert fused[3]["projected_seconds"] == pytest.approx(
        sum(row["projected_seconds"] for row in fused[:3])
    )
    assert [part["name"] for part in fused[2]["breakdown"]][:2] == ["batch", "march"]
    assert all(part["milliseconds"] >= 0 for part in fused[2]["breakdown"])
    assert "out of memory" not in capsys.readouterr().out
    table = fields_table(report)
    assert "| fused |" in table
    assert "interpolate_backward_sparse" in table
    assert str(scene_folder) not in table


def test_sizes_share_the_coarse_stage(preparation):
    measured = list(rows("mic", preparation, [16, 24], ["weights"], 0.0, LIMITS))
    coarse = [row for row in measured if row.stage == "coarse"]
    assert [row.voxels for row in coarse] == [16, 24]
    assert coarse[0].seconds_per_iteration == coarse[1].seconds_per_iteration
    assert all(row.speedup is None for row in measured)  # there is no rung native


def test_rungs_begin_from_the_same_state(preparation):
    for moment in preparation.moments(16):
        before = [p.detach().clone() for p in moment.stage.field.parameters()]
        stages = [moment.stage_of(rung) for rung in RUNGS]
        for stage in stages:
            for ours, parameter in zip(before, stage.field.parameters(), strict=True):
                assert torch.equal(ours, parameter)
            grid = stage.field.density.values
            moments = moment.stage.optimizer.state[moment.stage.field.density.values]
            assert torch.equal(stage.optimizer.state[grid]["square"], moments["square"])
            for ours, theirs in zip(stage.batch(), moment.first_batch(), strict=True):
                assert torch.equal(ours, theirs)
            stage.step(moment.progress)
            assert not torch.equal(before[0], grid)
        assert {g["backend"] for g in stages[0].optimizer.param_groups} == {"torch"}
        assert {g["backend"] for g in stages[-1].optimizer.param_groups} == {None}
        for ours, parameter in zip(before, moment.stage.field.parameters(), strict=True):
            assert torch.equal(ours, parameter)


def test_finished_training_gives_the_last_moment(preparation, scene_folder, tmp_path, capsys):
    training = Training(preparation.scene, TrainConfig(voxels=16, rays=64, coarse_iterations=2))
    bench = ["bench", "fields", "--scene", str(scene_folder), "--from", str(tmp_path)]
    assert main([*bench, "--voxels", "16"]) == 2
    assert "holds no training" in capsys.readouterr().err
    training.advance(2)
    torch.save({"training": training.state()}, tmp_path / "checkpoint.pt")
    assert main([*bench, "--voxels", "16"]) == 2
    assert "has not come to its fine stage" in capsys.readouterr().err
    training.advance(2)
    torch.save({"training": training.state()}, tmp_path / "checkpoint.pt")
    assert main([*bench, "--voxels", "24"]) == 2
    assert "so --voxels must be 16" in capsys.readouterr().err
    other = write_synthetic_scene(tmp_path / "other", train=2, val=1, test=1, size=8)
    assert main([*bench[:3], str(other), *bench[4:]]) == 2
    assert "training of another scene" in capsys.readouterr().err
    quick = "--voxels 16 --rungs fused --seconds-per-rung 0 --prepare 1 --rays 64"
    assert main([*bench, *quick.split()]) == 0

    finished = training.field
    again = Preparation(preparation.scene, rays=64, iterations=2, finished=finished)
    *_, moment = again.moments(16)
    assert (moment.name, moment.progress) == ("fine", 1)
    assert moment.stage.field is finished


def test_what_does_not_fit_is_not_run(preparation, monkeypatch):
    monkeypatch.setattr(measure_module, "available_bytes", lambda device: 2**20)
    monkeypatch.setattr(fields_module, "render_view", lambda *arguments, **options: None)
    measured = list(rows("lego", preparation, [16], ["native"], 0.0, LIMITS))
    for row in measured:
        if row.stage != "render":
            assert "needs about" in row.skipped
            assert row.projected_seconds is None
    assert measured[-1].published is None  # nothing was published for 16³


def test_published_times():
    assert published_times("lego", 160, "native") == {
        "V100": 509,
        "2080 Ti": 687,
        "1080 Ti": 1321,
    }
    assert published_times("ship", 256, "native")["2080 Ti"] is None
    assert published_times("mic", 256, "adam") == {"V100": 401}
    assert published_times("lego", 160, "fused") is None
    assert published_times("drums", 160, "native") is None


def test_time_calls_counts():
    calls = []
    repeats = time_calls(lambda: calls.append(1), torch.device("cpu"), 60.0, most=7)
    assert repeats.count == len(calls) == 7
    assert time_calls(lambda: None, torch.device("cpu"), 0.0).count == 3
    assert time_calls(lambda: None, torch.device("cpu"), 0.0, fewest=1).spread == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--voxels many", "--voxels takes numbers"),
        ("--voxels 4", "--voxels must be in 8..1024"),
        ("--rungs native,fast", "'fast' is none of native, adam"),
        ("--prepare 0", "--prepare must be at least 1"),
        ("--rays 0", "--rays must be at least 1"),
        ("--seconds-per-rung -1", "--seconds-per-rung must not be negative"),
        ("--json nowhere/rows.json", "the folder nowhere does not exist"),
    ],
)
def test_options_that_cannot_be_used(scene_folder, options, message, capsys):
    assert main(["bench", "fields", "--scene", str(scene_folder), *options.split()]) == 2
    assert message in capsys.readouterr().err


def test_scene_that_is_not_there(tmp_path, capsys):
    assert main(["bench", "fields", "--scene", str(tmp_path / "nothing")]) == 2
    assert "There is no folder" in capsys.readouterr().err
