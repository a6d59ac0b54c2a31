"""``curvox train``: what it leaves, how it goes on, and what it refuses."""

import errno
import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboardX.proto.event_pb2 import Event

from curvox.cli import main
from curvox.fields.synthetic import write_synthetic_scene
from curvox.images import load_image


@pytest.fixture(autouse=True)
def one_thread(threads):
    """Trainings this small gain nothing from threads, which wait for each other when busy."""
    threads(1)


def train(scene, out, *options):
    """Run the program; its exit code."""
    return main(["train", str(scene), "--out", str(out), *map(str, options)])


def field(folder):
    """All that the checkpoint says about the field, and the optimizer's moments."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)["training"]
    return state["field"], state["stage"]["optimizer"]["state"], state["generator"]


def assert_same(one, two):
    """Nested dictionaries and lists with the same bits."""
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_same(one[key], two[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_same(a, b)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    else:
        assert one == two


def curves(folder):
    """Names and iterations of the points in event files."""
    points = []
    for file in sorted((folder / "logs").iterdir()):
        content, place = file.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)  # then 4 bytes of checksum
            event = Event.FromString(content[place + 12 : place + 12 + length])
            points += [(value.tag, event.step) for value in event.summary.value]
            place += length + 16
    return points


def test_a_run_leaves_scores_pictures_and_curves(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["psnr"] > 8
    assert metrics["split"] == "test"
    assert "white background" in metrics["protocol"]
    assert metrics["config"]["voxels"] == 20
    for stage in ("coarse", "fine"):
        assert metrics["stages"][stage]["iterations"] == 30
        assert metrics["stages"][stage]["seconds"] > 0
    assert metrics["peak_memory_mib"] > 50
    assert load_image(trained / "test" / "000.png").shape == (24, 3 * 24, 3)
    previews = [file.name for file in sorted((trained / "preview").iterdir())]
    assert previews == ["coarse_000030.png", "fine_000030.png"]
    assert load_image(trained / "preview" / previews[0]).shape == (24, 2 * 24, 3)
    assert ("fine/psnr", 30) in curves(trained)
    assert json.loads((trained / "config.json").read_text())["config"]["iterations"] == 30


def test_it_says_beforehand_what_it_will_do(tiny_scene, quick, tmp_path, capsys):
    assert train(tiny_scene, tmp_path / "run", *quick, "--iterations", 1) == 0
    printed = capsys.readouterr().out.replace("\n", " ")
    assert "8 photographs of 24 × 24 pixels; 30 coarse and 1 fine iterations, 128 rays" in printed
    assert "20³ voxels" in printed
    assert "MiB of memory" in printed
    assert "PSNR" in printed


def test_minutes_are_kept(tiny_scene, quick, tmp_path):
    assert train(tiny_scene, tmp_path / "run", *quick, "--minutes", 0.02) == 0
    stages = json.loads((tmp_path / "run" / "metrics.json").read_text())["stages"]
    assert 1.2 <= stages["coarse"]["seconds"] + stages["fine"]["seconds"] < 2.5


@pytest.mark.parametrize("iterations", [11, 41])  # of 30 coarse and 30 fine ones
def test_an_interrupted_run_resumes_to_the_same_bits(
    tiny_scene, quick, trained, tmp_path, interrupted, capsys, iterations
):
    out = tmp_path / "run"
    assert interrupted(iterations, "train", tiny_scene, *quick, "--out", out) == 130
    assert not (out / "metrics.json").exists()
    assert "--resume" in capsys.readouterr().out
    assert train(tiny_scene, out, "--resume") == 0
    assert_same(field(out), field(trained))
    for name in ("000.png", "001.png"):
        assert (out / "test" / name).read_bytes() == (trained / "test" / name).read_bytes()


def test_a_scene_that_moved_is_still_the_same_scene(tiny_scene, quick, tmp_path, interrupted):
    out, moved = tmp_path / "run", tmp_path / "moved"
    assert interrupted(11, "train", tiny_scene, *quick, "--out", out) == 130
    shutil.copytree(tiny_scene, moved)
    assert interrupted(3, "train", moved, "--out", out, "--resume") == 130
    assert json.loads((out / "config.json").read_text())["scene"] == str(moved)


def contents(folder):
    """Every file below a folder."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_folder_in_use_is_left_alone(tiny_scene, quick, trained, capsys):
    before = contents(trained)
    assert train(tiny_scene, trained, *quick) == 2
    assert "--resume" in capsys.readouterr().err
    assert train(tiny_scene, trained, "--resume", "--voxels", 24) == 2
    assert "voxels 20 rather than 24" in capsys.readouterr().err
    assert contents(trained) == before


def test_a_checkpoint_of_another_scene_is_left_alone(trained, tmp_path, capsys):
    other = write_synthetic_scene(tmp_path / "other", train=8, val=1, test=2, size=20)
    before = contents(trained)
    assert train(other, trained, "--resume") == 2
    assert "another scene" in capsys.readouterr().err
    assert contents(trained) == before


@pytest.mark.parametrize("content", [b"no checkpoint", b""])
def test_an_unreadable_checkpoint_is_named(tiny_scene, trained, tmp_path, capsys, content):
    out = shutil.copytree(trained, tmp_path / "run")
    (out / "checkpoint.pt").write_bytes(content)
    assert train(tiny_scene, out, "--resume") == 2
    assert "checkpoint.pt" in capsys.readouterr().err


def test_a_checkpoint_of_something_else_is_named(tiny_scene, trained, tmp_path, capsys):
    out = shutil.copytree(trained, tmp_path / "run")
    torch.save({"fit": torch.zeros(3)}, out / "checkpoint.pt")
    assert train(tiny_scene, out, "--resume") == 2
    assert "checkpoint.pt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda config: config["config"].update(voxel=3), "voxel"),
        (lambda config: config.update(version=3), "version"),
        (lambda config: config.pop("scene"), "scene"),
        (lambda config: config["config"].update(voxels="many"), "config.json"),
    ],
)
def test_settings_that_mean_nothing_are_named(tiny_scene, trained, tmp_path, capsys, change, word):
    out = shutil.copytree(trained, tmp_path / "run")
    config = json.loads((out / "config.json").read_text())
    change(config)
    (out / "config.json").write_text(json.dumps(config))
    assert train(tiny_scene, out, "--resume") == 2
    assert word in capsys.readouterr().err


def test_nothing_to_resume(tiny_scene, tmp_path, capsys):
    assert train(tiny_scene, tmp_path / "run", "--resume") == 2
    assert "no run to resume" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("unexpected pos 704 vs 598")],
)
def test_a_full_disk_leaves_the_last_checkpoint(
    tiny_scene, quick, tmp_path, monkeypatch, interrupted, capsys, error
):
    out = tmp_path / "run"
    assert interrupted(11, "train", tiny_scene, *quick, "--out", out) == 130
    before = (out / "checkpoint.pt").read_bytes()

    def fill(state, file):
        Path(file).write_bytes(b"half of it")
        raise error

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", fill)
        assert train(tiny_scene, out, "--resume") == 2
    said = capsys.readouterr().err
    assert "checkpoint.pt could not be written" in said
    assert "Traceback" not in said
    assert (out / "checkpoint.pt").read_bytes() == before
    assert not list(out.glob(".*"))
    assert train(tiny_scene, out, "--resume") == 0


def remove_photograph(scene):
    (scene / "train" / "r_3.png").unlink()


def damage_photograph(scene):
    file = scene / "train" / "r_3.png"
    file.write_bytes(file.read_bytes()[:100])


def remove_angle(scene):
    change_json(scene, lambda content: content.pop("camera_angle_x"))


def remove_matrix(scene):
    change_json(scene, lambda content: content["frames"][3].pop("transform_matrix"))


def spoil_pose(scene):
    def change(content):
        content["frames"][3]["transform_matrix"][0][3] = float("nan")

    change_json(scene, change)


def change_json(scene, change):
    file = scene / "transforms_train.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def remove_training_split(scene):
    (scene / "transforms_train.json").unlink()


def remove_everything(scene):
    shutil.rmtree(scene)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (remove_photograph, "r_3.png"),
        (damage_photograph, "r_3.png"),
        (remove_angle, "camera_angle_x"),
        (remove_matrix, "transform_matrix"),
        (spoil_pose, "NaN"),
        (remove_training_split, "transforms_train.json"),
        (remove_everything, "scene"),
    ],
)
def test_a_damaged_scene_is_one_sentence(tiny_scene, tmp_path, capsys, damage, word):
    scene, out = shutil.copytree(tiny_scene, tmp_path / "scene"), tmp_path / "run"
    damage(scene)
    assert train(scene, out) == 2
    error = capsys.readouterr().err
    assert word in error
    assert "Traceback" not in error
    assert not out.exists()


@pytest.mark.parametrize("cameras", ["one", "many"])
def test_photographs_may_differ_in_size_if_cameras_do(tiny_scene, quick, tmp_path, capsys, cameras):
    scene = shutil.copytree(tiny_scene, tmp_path / "scene")
    file = scene / "train" / "r_3.png"
    picture = np.asarray(Image.open(file).resize((30, 36)))
    Image.fromarray(picture).save(file)
    if cameras == "many":  # nerfstudio's layout gives each photograph its own
        listed = json.loads((scene / "transforms_train.json").read_text())
        for frame in listed["frames"]:
            frame["file_path"] += "" if frame["file_path"].endswith(".png") else ".png"
        (scene / "transforms.json").write_text(json.dumps(listed))
        for split in scene.glob("transforms_*.json"):
            split.unlink()
    code = train(scene, tmp_path / "run", *quick, "--iterations", 1)
    printed = capsys.readouterr()
    if cameras == "many":
        assert code == 0
        assert "30 × 36 or fewer pixels" in printed.out.replace("\n", " ")
    else:
        assert code == 2
        assert "photographs of one camera must have one size" in printed.err.replace("\n", " ")
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("missing", "split"), [(("test",), "val"), (("test", "val"), "train")])
def test_without_test_photographs_others_judge(tiny_scene, quick, tmp_path, missing, split):
    scene = shutil.copytree(tiny_scene, tmp_path / "scene")
    for name in missing:
        (scene / f"transforms_{name}.json").unlink()
    assert train(scene, tmp_path / "run", *quick, "--iterations", 1) == 0
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["split"] == split


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--voxels", 2), "voxels"),
        (("--rung", "seventh"), "rung"),
        (("--minutes", 0), "minutes"),
        (("--device", "abacus"), "--device"),
    ],
)
def test_options_out_of_range_are_named(tiny_scene, tmp_path, capsys, options, word):
    assert train(tiny_scene, tmp_path / "run", *options) == 2
    assert word in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
