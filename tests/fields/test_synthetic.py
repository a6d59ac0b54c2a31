"""The synthetic scene: its solids, what is written, and that reading gives it back."""

import math

import pytest
import torch

from curvox.errors import InputError
from curvox.fields import load_scene
from curvox.fields.cameras import Intrinsics, look_at, rays
from curvox.fields.paths import focus_point, mean_up
from curvox.fields.solids import Box, Capsule, Plate, Sphere, Torus
from curvox.fields.synthetic import render_view, write_synthetic_scene
from curvox.fields.table import trace

UP = torch.tensor([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small one, written once."""
    return write_synthetic_scene(
        tmp_path_factory.mktemp("scenes") / "toys", train=5, val=2, test=3, size=40
    )


@pytest.mark.parametrize(
    ("shape", "distance", "from_side"),
    [
        (Sphere(0.5), 2.5, 2.5),
        (Box(0.5), 2.5, 2.5),
        (Plate(1.0, 0.25), 2.75, 2.0),
        (Capsule(0.5, 0.25), 2.25, 2.75),
        (Torus(0.75, 0.25), math.inf, 2.0),  # from above through the hole
    ],
)
def test_solids_are_met_where_geometry_says(shape, distance, from_side):
    # From above, from +x, a miss, and away.
    origins = torch.tensor([[0, 0, 3.0], [3, 0, 0], [3, 0, 5], [0, 0, 3]]).T
    directions = torch.tensor([[0, 0, -1.0], [-1, 0, 0], [-1, 0, 0], [0, 0, 1]]).T
    distances = shape.hit(origins, directions)
    expected = torch.tensor([distance, from_side, math.inf, math.inf])
    torch.testing.assert_close(distances, expected, atol=2e-4, rtol=0)
    point = origins[:, 1:2] + distances[1] * directions[:, 1:2]
    torch.testing.assert_close(
        shape.normals(point), torch.tensor([[1.0], [0], [0]]), atol=1e-5, rtol=0
    )


def test_normals_point_towards_the_camera_and_have_length_one():
    generator = torch.Generator().manual_seed(1)
    directions = torch.nn.functional.normalize(torch.randn(3, 4000, generator=generator), dim=0)
    targets = 0.6 * torch.randn(3, 4000, generator=generator)
    for shape in (Sphere(0.5), Box(0.5), Plate(1.0, 0.25), Capsule(0.5, 0.25), Torus(0.75, 0.25)):
        origins = targets - 5 * directions
        distances = shape.hit(origins, directions)
        met = distances < math.inf
        assert met.sum() > 500
        normals = shape.normals((origins + distances * directions)[:, met])
        torch.testing.assert_close(
            normals.norm(dim=0), torch.ones(int(met.sum())), atol=1e-3, rtol=0
        )
        assert ((normals * directions[:, met]).sum(0) < 1e-2).all()


def test_what_is_read_back_is_what_was_rendered(folder):
    for split, count in (("train", 5), ("val", 2), ("test", 3)):
        scene = load_scene(folder, split)
        assert len(scene) == count
        assert scene.values.shape == (count * 1600, 4)
        assert (scene.near, scene.far) == (2, 6)
        first = render_view(scene.poses[0], scene.intrinsics[0])
        torch.testing.assert_close(scene.values[:1600], first.view(-1, 4), atol=0, rtol=0)
        torch.testing.assert_close(scene.poses[:, :, 3].norm(dim=1), torch.full((count,), 4.0))
        assert (scene.poses[:, 2, 3] > 0).all()  # the upper hemisphere
        torch.testing.assert_close(focus_point(scene.poses), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(mean_up(scene.poses), UP, atol=1e-5, rtol=0)


def test_everything_lies_inside_the_picture_and_between_near_and_far(folder):
    scene = load_scene(folder)
    for frame in range(len(scene)):
        alpha = scene.values.view(5, 40, 40, 4)[frame, :, :, 3]
        assert 0.1 < (alpha > 0).float().mean() < 0.7
        border = torch.cat([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert (border == 0).all()
        assert ((alpha > 0) & (alpha < 255)).any()  # edges are smooth
        origins, directions = scene.image_rays(frame)
        _, distances = trace(origins.reshape(-1, 3), directions.reshape(-1, 3))
        seen = distances[distances < math.inf]
        assert scene.near < seen.min() < seen.max() < scene.far


def test_highlights_depend_on_the_view():
    # One point of the ball, seen from two sides.
    point = torch.tensor([-0.42, 0.42, 0.1]) + 0.45 * torch.nn.functional.normalize(
        torch.tensor([0.2, -0.6, 0.75]), dim=0
    )
    positions = torch.tensor([[0.0, -2.5, 3.0], [-3.0, 1.0, 2.5]])
    directions = torch.nn.functional.normalize(point - positions, dim=1)
    colours, distances = trace(positions, directions)
    torch.testing.assert_close(distances, (point - positions).norm(dim=1), atol=1e-4, rtol=0)
    assert (colours[0] - colours[1]).abs().max() > 0.01


def test_a_picture_is_near_the_mean_of_many_rays():
    camera = Intrinsics.from_angle(0.69, 48, 48)
    pose = look_at(torch.tensor([2.0, -3.0, 2.0]), torch.zeros(3), UP)
    picture = render_view(pose, camera).float() / 255
    origins, directions = rays(pose, camera.resized(240, 240))
    _, distances = trace(origins.reshape(-1, 3), directions.reshape(-1, 3))
    share = (distances < math.inf).float().view(48, 5, 48, 5).mean((1, 3))
    assert (picture[..., 3] - share).abs().max() < 0.2  # 9 rays against 25, on edges
    assert (picture[..., 3] - share).abs().mean() < 0.005


def test_the_same_scene_is_written_each_time(folder, tmp_path):
    calls = []
    again = write_synthetic_scene(
        tmp_path / "deep" / "toys",
        train=5,
        val=2,
        test=3,
        size=40,
        on_view=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(done, 10) for done in range(1, 11)]
    files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    assert len(files) == 13
    for file in files:
        assert (again / file).read_bytes() == (folder / file).read_bytes()


def test_nothing_is_left_when_writing_stops(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_synthetic_scene(tmp_path / "toys", train=1, val=1, test=1, size=4, on_view=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_synthetic_scene(tmp_path, size=4)
    with pytest.raises(InputError, match="exists already"):
        write_synthetic_scene(tmp_path / "mine.txt", size=4)
    with pytest.raises(ValueError, match="at least 1"):
        write_synthetic_scene(tmp_path / "new", size=0)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
