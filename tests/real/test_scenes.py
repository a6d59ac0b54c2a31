"""The real NeRF-synthetic scenes: what is loaded, how fast, and in how much memory."""

import subprocess
import sys

import pytest
import torch

from curvox.fields import load_scene
from curvox.fields.cameras import project
from curvox.fields.paths import focus_point, mean_up


@pytest.fixture(params=["lego", "mic"])
def folder(request, real_data):
    """Each scene's folder."""
    return real_data / "nerf_synthetic" / request.param


def test_the_object_is_where_the_cameras_look(folder):
    train, test = load_scene(folder, "train"), load_scene(folder, "test")
    assert (len(train), len(test)) == (100, 25)
    assert train.values.shape == (100 * 800 * 800, 4)
    assert (train.near, train.far) == (2, 6)
    assert [file.name for file in test.files[:2]] == ["r_0.png", "r_8.png"]
    for scene in (train, test):
        torch.testing.assert_close(mean_up(scene.poses), torch.tensor([0.0, 0, 1]))
        torch.testing.assert_close(focus_point(scene.poses), torch.zeros(3), atol=1e-4, rtol=0)
        box = scene.bounding_box()
        assert (box[0] < -1.2).all()
        assert (box[1] > 1.2).all()
        for frame in range(0, len(scene), 5):
            image = scene.image(frame)
            assert (image[[0, 0, -1, -1], [0, -1, 0, -1]] == 1).all()
            assert ((image - 1).abs().amax(-1) > 0).float().mean() > 0.02
            centre, depth = project(torch.zeros(3), scene.poses[frame], scene.intrinsics[frame])
            assert depth == pytest.approx(4.03, abs=0.01)
            torch.testing.assert_close(centre, torch.tensor([400.0, 400]), atol=0.1, rtol=0)


def test_all_views_carve_the_same_object(folder):
    """Points that every view sees as opaque exist: poses, axes and pixels agree with each other."""
    scene = load_scene(folder)
    steps = torch.linspace(-1.2, 1.2, 49)
    points = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), -1).view(-1, 3)
    inside = torch.ones(len(points), dtype=torch.bool)
    for frame in range(len(scene)):
        camera = scene.intrinsics[frame]
        positions, _ = project(points, scene.poses[frame], camera)
        x, y = positions.floor().long().clamp(0, 799).unbind(-1)
        alpha = scene.values[int(scene.first_pixels[frame]) + y * 800 + x, 3]
        inside &= (alpha > 128) | ~((positions >= 0) & (positions < 800)).all(1)
    volume = float(inside.float().mean())
    assert 0.001 < volume < 0.5


def test_loading_takes_less_than_a_gibibyte(folder):
    code = (
        "import resource, sys, curvox.fields as f\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "scene = f.load_scene(sys.argv[1])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) / 1024 < 400  # MiB; the pixels are 244
