"""Training end to end on small scenes."""

import dataclasses
import math

import pytest
import torch

from curvox.errors import InputError
from curvox.fields import load_scene
from curvox.fields.coarse import coarse_field, fine_box, view_counts
from curvox.fields.grid import VoxelGrid
from curvox.fields.occupancy import Occupancy
from curvox.fields.synthetic import write_synthetic_scene
from curvox.fields.train import Training, _pack, _unpack, visible_pixels
from curvox.fields.train_config import TrainConfig
from curvox.fields.view import render_view
from curvox.metrics import psnr

SMALL = TrainConfig(
    voxels=24, iterations=60, coarse_iterations=40, rays=512, features=4, width=16, seed=3
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scene")
    write_synthetic_scene(path, train=12, val=2, test=2, size=32)
    return path


@pytest.fixture(scope="module")
def scene(folder):
    return load_scene(folder, split="train")


def run(training, iterations=10**6):
    training.advance(iterations)
    return training


def quality(field, scene):
    """PSNR over all photographs of a scene."""
    background = torch.tensor(scene.background)
    views = [
        render_view(field, pose, camera, background).colour
        for pose, camera in zip(scene.poses, scene.intrinsics, strict=True)
    ]
    return psnr(torch.stack(views), torch.stack([scene.image(i) for i in range(len(scene))]))


def test_learns_to_look_like_the_photographs(scene, folder):
    config = dataclasses.replace(SMALL, voxels=48, iterations=300, coarse_iterations=150)
    training = run(Training(scene, config))
    assert training.done
    test = load_scene(folder, split="test")
    background = torch.tensor(test.background)
    quality = [
        psnr(
            render_view(
                training.field, test.poses[frame], test.intrinsics[frame], background
            ).colour,
            test.image(frame),
        )
        for frame in range(len(test))
    ]
    assert min(quality) > 20  # seen: 24


def test_interrupted_is_the_same_as_uninterrupted(scene):
    """Bit for bit, whatever stage the interruption falls into."""
    whole = run(Training(scene, SMALL))
    training = Training(scene, SMALL)
    while not training.done:
        training.advance(23)
        state = training.state()
        training = Training(scene, SMALL)
        training.load_state(state)
    assert training.iteration == whole.iteration == 60
    for (name, ours), theirs in zip(
        training.field.named_parameters(), whole.field.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs), name
    assert torch.equal(training.field.occupancy.mask, whole.field.occupancy.mask)


def test_same_bits_for_any_number_of_threads(scene, threads):
    config = dataclasses.replace(SMALL, iterations=10, coarse_iterations=10)
    threads(1)
    one = run(Training(scene, config))
    threads(2)
    two = run(Training(scene, config))
    for (name, ours), theirs in zip(
        one.field.named_parameters(), two.field.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs), name


def test_fused_learns_as_well_as_native(scene, folder):
    """The default way, roundings and all, ends within 0.1 dB of plain PyTorch."""
    config = dataclasses.replace(SMALL, iterations=120, coarse_iterations=60)
    test = load_scene(folder, split="test")
    fused, native = (
        quality(run(Training(scene, dataclasses.replace(config, rung=rung))).field, test)
        for rung in ("fused", "native")
    )
    assert fused == pytest.approx(native, abs=0.1)


def test_grows_as_published():
    config = TrainConfig()
    assert config.growths == 4
    sizes = [config.voxels_at(iteration / 20_000) for iteration in (0, 999, 1000, 3999, 4000)]
    assert sizes == [160**3 >> shift for shift in (4, 4, 3, 1, 0)]
    assert config.voxels_at(1.0) == 160**3
    large = TrainConfig(voxels=256)
    assert large.growths == 6
    assert large.voxels_at(5999 / 20_000) == 256**3 >> 1
    assert TrainConfig(voxels=32).growths == 0


def test_growth_reaches_the_full_grid(scene):
    config = dataclasses.replace(SMALL, voxels=96, iterations=40, coarse_iterations=20)
    training = Training(scene, config)
    run(training, 21)
    small = math.prod(training.field.shape)
    run(training)
    assert math.prod(training.field.shape) == pytest.approx(96**3, rel=0.1)
    assert small == pytest.approx(96**3 / 4, rel=0.1)


def test_minutes(scene):
    """The clock decides: a fifth of the time is coarse, and growth has happened by the end."""
    config = dataclasses.replace(SMALL, minutes=4 / 60, voxels=80)
    training = Training(scene, config)
    stages = set()
    while not training.done:
        training.advance(5)
        stages.add(training.fine)
    assert stages == {False, True}
    assert 4 <= training.seconds < 8
    assert math.prod(training.field.shape) > 0.8 * 80**3


def test_checkpoint_of_another_scene(scene):
    state = Training(scene, SMALL).state()
    other = dataclasses.replace(scene, near=scene.near * 1.01)
    with pytest.raises(InputError, match="another scene"):
        Training(other, SMALL).load_state(state)


def test_pose_that_is_not_finite(scene):
    poses = scene.poses.clone()
    poses[3, 1, 2] = torch.nan
    with pytest.raises(InputError, match=r"pose .*not finite"):
        Training(dataclasses.replace(scene, poses=poses), SMALL)


def test_scene_with_nothing_in_it(scene):
    """Photographs of the bare background train without trouble, to the background."""
    blank = torch.full_like(scene.values, 255)
    empty = dataclasses.replace(scene, values=blank)
    training = run(Training(empty, dataclasses.replace(SMALL, iterations=20, coarse_iterations=20)))
    assert training.done
    view = render_view(training.field, scene.poses[0], scene.intrinsics[0], torch.ones(3))
    assert (view.colour - 1).abs().max() < 0.1


def test_view_counts_are_those_of_following_rays(scene):
    """A voxel is seen by a photograph when a ray passes within half a voxel of it."""
    grid = VoxelGrid(scene.bounding_box(), (9, 9, 9), 1)
    counts, nearest = view_counts(scene, grid)
    points = torch.cartesian_prod(*grid.axes())
    distances = (points[:, None] - scene.poses[:, :, 3]).norm(dim=2)
    torch.testing.assert_close(nearest, distances.amin(1))
    expected = torch.zeros(len(points), dtype=torch.int32)
    for frame in range(len(scene)):
        origins, directions = (rays.reshape(-1, 3) for rays in scene.image_rays(frame))
        to_points = points[:, None] - origins[None]  # [V, R, 3]
        along = (to_points * directions).sum(2)
        aside = (to_points - along[..., None] * directions).norm(dim=2)
        # Half the distance between neighbouring rays, with room for the corners between four.
        close = aside <= 0.75 * along / scene.intrinsics[frame].fx
        inside = (along >= scene.near) & (along <= scene.far)
        expected += (close & inside).any(1)
    assert (counts - expected).abs().max() <= 2  # at the borders of photographs
    assert (counts == expected).float().mean() > 0.8


def test_coarse_field_is_empty_where_nothing_can_be(scene):
    field, rates = coarse_field(scene, 8000)
    counts, nearest = view_counts(scene, field.density)
    hidden = (counts < 3) | (nearest < scene.near)
    assert hidden.any()
    assert (field.density.values[:, 0] == torch.where(hidden, -100.0, 0.0)).all()
    torch.testing.assert_close(rates[:, 0], counts / counts.max())


def test_fine_box_holds_what_was_found(scene):
    field, _ = coarse_field(scene, 100_000)
    assert torch.equal(fine_box(field), field.box)  # nothing found yet
    with torch.no_grad():
        field.density.volume()[10:20, 20:25, 15:17] = 20
    x, _, z = field.density.axes()
    low, high = fine_box(field)
    assert low[0] < x[10]
    assert high[0] > x[19]
    torch.testing.assert_close(high[0] - low[0], (x[19] - x[10]) * 1.05)
    torch.testing.assert_close((high[2] + low[2]) / 2, (z[15] + z[16]) / 2)


def test_visible_pixels_are_those_whose_rays_hit(scene):
    field, _ = coarse_field(scene, 8000)
    assert len(visible_pixels(scene, field)) <= scene.num_pixels
    mask = torch.zeros(8, 8, 8, dtype=torch.bool)
    mask[4, 4, 4] = True
    field.occupancy = Occupancy(mask, field.box)
    seen = visible_pixels(scene, field)
    assert 0 < len(seen) < scene.num_pixels / 2


def test_packed_pixels():
    pixels = torch.tensor([0, 3, 8, 20], dtype=torch.int32)
    assert torch.equal(_unpack(_pack(pixels, 21), torch.device("cpu")), pixels)
    assert _pack(None, 21) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"voxels": 4}, "voxels must be in 8..1024"),
        ({"iterations": 0}, "iterations must be at least 1"),
        ({"rung": "base"}, "rung must be one of native"),
        ({"minutes": 0.0}, "minutes must be positive"),
        ({"grid_rate": 2.0}, r"grid_rate must be in \(0, 1\]"),
        ({"distortion": -1.0}, "distortion must not be negative"),
        ({"precision": "half"}, "precision must be float32 or bfloat16"),
    ],
)
def test_settings_out_of_range(changes, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**changes)


def test_scenes_are_known_by_their_content(scene):
    copy = dataclasses.replace(scene, values=scene.values.clone())
    assert copy.fingerprint() == scene.fingerprint()
    assert dataclasses.replace(scene, far=scene.far + 1).fingerprint() != scene.fingerprint()
    assert scene.select([0, 1]).fingerprint() != scene.select([1, 0]).fingerprint()
