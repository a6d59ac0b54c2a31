"""The scene record: pixel numbers, compositing, rays, boxes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from curvox.fields import Intrinsics, Scene
from curvox.fields.cameras import rays
from curvox.fields.paths import spiral
from curvox.fields.scene import box_of_rays

CAMERAS = (
    Intrinsics(30.0, 31.0, 5.5, 3.0, 12, 7),
    Intrinsics(20.0, 20.0, 4.0, 4.5, 8, 9),
    Intrinsics(9.0, 9.0, 2.0, 2.5, 3, 5),
)


@pytest.fixture
def scene():
    """Three photographs of different sizes, RGBA."""
    pixels = sum(camera.width * camera.height for camera in CAMERAS)
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(256, (pixels, 4), generator=generator, dtype=torch.uint8)
    poses = spiral((0, 0, 0), 4.0, elevations=(10, 60), frames=3)
    files = tuple(Path(f"{index}.png") for index in range(3))
    return Scene("train", files, values, poses, CAMERAS, 2.0, 6.0)


def test_pixel_numbers_run_photograph_after_photograph_row_by_row(scene):
    assert len(scene) == 3
    assert scene.first_pixels.tolist() == [0, 84, 156, 171]
    everything = torch.arange(scene.num_pixels)
    origins, directions = scene.rays(everything)
    colours = scene.colours(everything)
    for frame, camera in enumerate(CAMERAS):
        span = slice(*scene.first_pixels[frame : frame + 2].tolist())
        shape = (camera.height, camera.width, 3)
        torch.testing.assert_close(colours[span].view(shape), scene.image(frame), atol=0, rtol=0)
        expected = rays(scene.poses[frame], camera)
        torch.testing.assert_close(origins[span].view(shape), expected[0], atol=0, rtol=0)
        torch.testing.assert_close(directions[span].view(shape), expected[1], atol=1e-6, rtol=0)
        torch.testing.assert_close(scene.image_rays(frame)[1], expected[1], atol=0, rtol=0)


def test_transparency_is_composited_over_the_background_in_float(scene):
    values = scene.values.clone()
    values[5] = torch.tensor([10, 100, 200, 51], dtype=torch.uint8)
    coloured = replace(scene, values=values, background=(1.0, 0.5, 0.0))
    expected = torch.tensor([10, 100, 200]) / 255 * 0.2 + torch.tensor([1.0, 0.5, 0.0]) * 0.8
    torch.testing.assert_close(coloured.colours(torch.tensor(5)), expected)
    opaque = replace(scene, values=values[:, :3].clone())
    torch.testing.assert_close(
        opaque.colours(torch.tensor([[5]])), values[5, :3].view(1, 1, 3) / 255
    )


def test_selecting_keeps_each_photograph_with_its_camera(scene):
    chosen = scene.select([2, 0])
    assert [file.name for file in chosen.files] == ["2.png", "0.png"]
    torch.testing.assert_close(chosen.image(0), scene.image(2))
    torch.testing.assert_close(chosen.image(-1), scene.image(0))
    torch.testing.assert_close(chosen.poses, scene.poses[[2, 0]])
    with pytest.raises(IndexError):
        scene.image(3)


def test_the_box_holds_all_rays_and_touches_them(scene):
    points = []
    for frame in range(3):
        origins, directions = scene.image_rays(frame)
        points += [origins + scene.near * directions, origins + scene.far * directions]
    points = torch.cat([p.reshape(-1, 3) for p in points])
    expected = torch.stack([points.amin(0), points.amax(0)])
    torch.testing.assert_close(scene.bounding_box(), expected)
    own = torch.tensor([[-1.0, -2, -3], [1, 2, 3]])
    torch.testing.assert_close(replace(scene, box=own).bounding_box(), own)


def test_the_box_reaches_where_an_axis_of_the_world_goes_through_the_picture():
    # The camera looks along +z: the farthest z is straight ahead, and no border ray gets there.
    camera = Intrinsics(4.0, 4.0, 4.0, 4.0, 8, 8)
    box = box_of_rays(torch.eye(4)[None, :3], [camera], 1.0, 5.0)
    corner = torch.tensor([3.5, 3.5, 4.0])
    assert box[1, 2] == 5
    assert box[0, 2] == pytest.approx(float((corner / corner.norm())[2]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": ()}, "files"),
        ({"intrinsics": ()}, "at least one"),
        ({"poses": torch.zeros(3, 4, 4)}, "poses"),
        ({"poses": torch.zeros(3, 3, 4).double()}, "poses"),
        ({"values": torch.zeros(170, 4, dtype=torch.uint8)}, "values"),
        ({"values": torch.zeros(171, 4)}, "values"),
        ({"near": 6.0}, "near < far"),
        ({"near": float("nan")}, "near < far"),
        ({"box": torch.zeros(2, 3)}, "box"),
    ],
)
def test_records_that_do_not_fit_together_are_refused(scene, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(scene, **changes)
