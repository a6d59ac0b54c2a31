"""Cameras against numbers worked out by hand: conventions, projections, paths."""

import math

import pytest
import torch

from curvox.fields.cameras import Intrinsics, look_at, opencv_from_opengl, project, rays
from curvox.fields.paths import focus_point, mean_up, orbit, spiral, turntable

CAMERA = Intrinsics(fx=50.0, fy=40.0, cx=16.0, cy=12.0, width=32, height=24)
IDENTITY = torch.eye(4)[:3]


def test_a_ray_goes_through_its_pixels_centre():
    origins, directions = rays(IDENTITY, CAMERA)
    assert origins.shape == directions.shape == (24, 32, 3)
    expected = torch.tensor([(20.5 - 16) / 50, (3.5 - 12) / 40, 1.0])
    torch.testing.assert_close(directions[3, 20], expected / expected.norm())
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(24, 32))


def test_rays_and_projection_are_inverse():
    pose = look_at(torch.tensor([1.0, -3.0, 2.0]), torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    origins, directions = rays(pose, CAMERA)
    positions, depths = project(origins + 2.5 * directions, pose, CAMERA)
    y, x = torch.meshgrid(torch.arange(24) + 0.5, torch.arange(32) + 0.5, indexing="ij")
    torch.testing.assert_close(positions, torch.stack([x, y], -1), atol=2e-5, rtol=0)
    assert (depths <= 2.5 + 1e-5).all()  # 2.5 is a distance
    assert depths[12, 16] == pytest.approx(2.5, abs=1e-3)


def test_a_known_point_projects_to_a_known_pixel_from_an_opengl_pose():
    # Blender's camera at (0, -4, 0), upright, looking along +y: its axes are x, z and -y.
    opengl = torch.tensor([[1.0, 0, 0, 0], [0, 0, -1, -4], [0, 1, 0, 0], [0, 0, 0, 1]])
    pose = opencv_from_opengl(opengl)[:3]
    # A point to the right and above the centre, at depth 4.
    positions, depth = project(torch.tensor([0.4, 0.0, 0.2]), pose, CAMERA)
    assert depth == pytest.approx(4)
    torch.testing.assert_close(positions, torch.tensor([16 + 50 * 0.1, 12 - 40 * 0.05]))
    torch.testing.assert_close(opencv_from_opengl(opencv_from_opengl(opengl)), opengl)


def test_the_field_of_view_spans_the_width():
    camera = Intrinsics.from_angle(math.pi / 2, 100, 60)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == pytest.approx((50, 50, 50, 30))
    small = Intrinsics(40.0, 40.0, 20.0, 10.0, 40, 20).resized(80, 10)
    assert small == Intrinsics(80.0, 20.0, 40.0, 5.0, 80, 10)


@pytest.mark.parametrize("field", ["fx", "fy", "width", "height"])
def test_impossible_intrinsics_are_refused(field):
    values = {"fx": 1, "fy": 1, "cx": 0, "cy": 0, "width": 1, "height": 1}
    with pytest.raises(ValueError, match=r"positive|at least"):
        Intrinsics(**{**values, field: 0})
    with pytest.raises(ValueError, match="finite"):
        Intrinsics(**{**values, "cx": math.nan})
    with pytest.raises(ValueError, match="field of view"):
        Intrinsics.from_angle(4.0, 10, 10)


def assert_rigid(poses):
    axes = poses[:, :, :3]
    identity = torch.eye(3).expand(len(poses), 3, 3)
    torch.testing.assert_close(axes.mT @ axes, identity, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(axes), torch.ones(len(poses)))


def test_an_orbit_is_level_looks_inwards_and_closes():
    centre = torch.tensor([1.0, 2.0, 3.0])
    poses = orbit(centre, 2.0, elevation=30, frames=12)
    assert_rigid(poses)
    offsets = poses[:, :, 3] - centre
    torch.testing.assert_close(offsets.norm(dim=1), torch.full((12,), 2.0))
    torch.testing.assert_close(offsets[:, 2], torch.full((12,), 1.0))  # 2 sin 30°
    torch.testing.assert_close(poses[:, :, 2], -offsets / 2)
    assert (poses[:, 2, 1] < 0).all()  # y is down
    gaps = (poses[:, :, 3] - poses[:, :, 3].roll(1, 0)).norm(dim=1)
    torch.testing.assert_close(gaps, gaps[:1].expand(12))


@pytest.mark.parametrize("up", [(0, 0, 1), (0, -1, 0), (1, 2, 3)])
def test_looking_straight_down_still_gives_a_rigid_pose(up):
    poses = spiral((0, 0, 0), 1.0, elevations=(-90, 90), frames=5, up=up)
    assert_rigid(poses)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radius": 0.0}, "radius"),
        ({"frames": 0}, "frame"),
        ({"elevation": 91.0}, "elevations"),
        ({"up": (0, 0, 0)}, "zero vector"),
    ],
)
def test_impossible_paths_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        orbit(**{"centre": (0, 0, 0), "radius": 1.0, **arguments})


def test_a_capture_tells_its_focus_its_vertical_and_its_turntable():
    up = torch.tensor([1.0, 2.0, -2.0]) / 3
    centre = torch.tensor([0.5, -1.0, 2.0])
    capture = spiral(centre, 3.0, elevations=(5, 65), turns=0.4, frames=9, up=up)  # one side only
    torch.testing.assert_close(focus_point(capture), centre, atol=1e-4, rtol=0)
    torch.testing.assert_close(mean_up(capture), up, atol=1e-4, rtol=0)
    path = turntable(capture, frames=8)
    assert_rigid(path)
    offsets = path[:, :, 3] - centre
    torch.testing.assert_close(offsets.norm(dim=1), torch.full((8,), 3.0), atol=1e-3, rtol=0)
    heights = torch.full((8,), 3 * math.sin(math.radians(35)))
    torch.testing.assert_close(offsets @ up, heights, atol=1e-3, rtol=0)


def test_parallel_cameras_have_a_vertical_too():
    poses = IDENTITY.repeat(3, 1, 1)
    poses[:, 0, 3] = torch.arange(3.0)
    torch.testing.assert_close(mean_up(poses), torch.tensor([0.0, -1.0, 0.0]))
    assert focus_point(poses).isfinite().all()
    upside_down = IDENTITY * torch.tensor([[-1.0], [-1.0], [1.0]])
    with pytest.raises(ValueError, match="vertical"):
        mean_up(torch.stack([IDENTITY, upside_down]))
