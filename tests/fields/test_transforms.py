"""Loaders of NeRF-synthetic and nerfstudio against tiny scenes, right and wrong."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from curvox.errors import InputError
from curvox.fields import Intrinsics, load_scene

CENTRED = Intrinsics(5.0, 5.0, 3.0, 2.0, 6, 4)


def write(file, content):
    file.write_text(json.dumps(content))


def assert_holds(scene, capture, indices):
    """The scene has these photographs of the capture with their poses, bit for bit."""
    assert len(scene) == len(indices)
    torch.testing.assert_close(scene.poses, capture.poses[indices], atol=0, rtol=0)
    expected = torch.from_numpy(capture.photographs[indices])
    channels = scene.values.shape[1]
    torch.testing.assert_close(scene.values, expected[..., :channels].reshape(-1, channels))


@pytest.fixture
def synthetic(capture, tmp_path):
    """A NeRF-synthetic folder of three training views and one test view, and what it holds."""
    four = capture(4)
    for split, indices in (("train", [0, 1, 2]), ("test", [3])):
        frames = []
        for index in indices:
            four.write_photograph(index, tmp_path / split / f"r_{index}.png")
            matrix = four.opengl(index)
            frames.append({"file_path": f"./{split}/r_{index}", "transform_matrix": matrix})
        write(
            tmp_path / f"transforms_{split}.json",
            {"camera_angle_x": four.angle, "frames": frames},
        )
    return tmp_path, four


@pytest.fixture
def studio(capture, tmp_path):
    """A nerfstudio folder of ten JPEG-named PNGs in RGB, and what it holds."""
    ten = capture(10)
    frames = []
    for index in reversed(range(10)):  # the loader sorts
        ten.write_photograph(index, tmp_path / "images" / f"{index}.png", mode="RGB")
        matrix = ten.opengl(index)
        frames.append({"file_path": f"images/{index}.png", "transform_matrix": matrix})
    content = {"fl_x": 5.0, "fl_y": 5.5, "cx": 2.5, "cy": 2.25, "w": 6, "h": 4, "k1": 0.0}
    write(tmp_path / "transforms.json", {**content, "camera_model": "OPENCV", "frames": frames})
    ten.photographs[..., 3] = 255
    return tmp_path, ten


def change(file, **fields):
    """Set fields of the JSON file, or remove those that are None."""
    content = {**json.loads(file.read_text()), **fields}
    write(file, {name: value for name, value in content.items() if value is not None})


def change_frame(file, index, **fields):
    """The same for one of its frames."""
    frames = json.loads(file.read_text())["frames"]
    frames[index] = {k: v for k, v in {**frames[index], **fields}.items() if v is not None}
    change(file, frames=frames)


def test_nerf_synthetic(synthetic):
    folder, capture = synthetic
    scene = load_scene(folder)
    assert_holds(scene, capture, [0, 1, 2])
    assert (scene.split, scene.near, scene.far, scene.box) == ("train", 2, 6, None)
    assert scene.files[1] == folder / "train" / "r_1.png"
    for camera in scene.intrinsics:
        values = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
        assert values == pytest.approx((5, 5, 3, 2, 6, 4))
    assert_holds(load_scene(folder, "test"), capture, [3])
    with pytest.raises(InputError, match=r"transforms_val\.json"):
        load_scene(folder, "val")


def test_near_and_far_may_be_given(synthetic):
    folder, _ = synthetic
    change(folder / "transforms_train.json", near=0.5, far=9)
    assert (load_scene(folder).near, load_scene(folder).far) == (0.5, 9)
    change(folder / "transforms_train.json", near=9)
    with pytest.raises(InputError, match="near < far"):
        load_scene(folder)


def test_photographs_of_different_modes(synthetic):
    folder, _ = synthetic
    Image.new("L", (6, 4), 7).save(folder / "train" / "r_1.png")
    palette = Image.new("P", (6, 4), 0)
    palette.putpalette([10, 20, 30])
    palette.save(folder / "train" / "r_2.png", transparency=0)
    scene = load_scene(folder)
    assert scene.values[24:48].tolist() == [[7, 7, 7, 255]] * 24
    assert scene.values[48:].tolist() == [[10, 20, 30, 0]] * 24


def test_photographs_of_different_sizes_are_named(synthetic):
    """They share one field of view: another size would be another camera."""
    folder, _ = synthetic
    Image.new("RGB", (3, 2)).save(folder / "train" / "r_1.png")
    with pytest.raises(InputError, match=r"r_1\.png is 3×2, but .*r_0\.png is 6×4"):
        load_scene(folder)


def test_a_missing_photograph_is_named(synthetic):
    folder, _ = synthetic
    (folder / "train" / "r_1.png").unlink()
    with pytest.raises(InputError, match=r"train/r_1\.png, which transforms_train\.json lists"):
        load_scene(folder)


@pytest.mark.parametrize("content", [b"", b"not an image", None])
def test_an_unreadable_photograph_is_named(synthetic, content):
    folder, _ = synthetic
    file = folder / "train" / "r_1.png"
    if content is None:  # cut short
        noise = np.random.default_rng(0).integers(0, 256, (4, 6, 4), dtype=np.uint8)
        Image.fromarray(noise).save(file)
        content = file.read_bytes()[:-60]
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"r_1\.png"):
        load_scene(folder)


def test_sixteen_bit_grey_is_refused(synthetic):
    folder, _ = synthetic
    Image.fromarray(np.full((4, 6), 999, np.uint16)).save(folder / "train" / "r_0.png")
    with pytest.raises(InputError, match=r"r_0\.png.*8 bits"):
        load_scene(folder)


SHEARED = [[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
MIRRORED = [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
PROJECTIVE = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ((np.eye(4) * np.nan).tolist(), "NaN"),
        ([[1, 0, 0, float("inf")], *np.eye(4).tolist()[1:]], "infinite"),
        ((np.eye(4) * [[2], [2], [2], [1]]).tolist(), "lengths are 2, 2, 2"),
        (SHEARED, "rigid"),
        (MIRRORED, "right-handed"),
        (PROJECTIVE, "last row"),
        (np.eye(3).tolist(), "3×3"),
        ([[1, 0], [1]], "matrix of numbers"),
        ("pose", "matrix of numbers"),
        (None, "missing"),
    ],
)
@pytest.mark.parametrize("layout", ["synthetic", "studio"])
def test_a_wrong_pose_is_named(layout, matrix, message, request):
    folder, _ = request.getfixturevalue(layout)
    file = folder / ("transforms_train.json" if layout == "synthetic" else "transforms.json")
    change_frame(file, 1, transform_matrix=matrix)
    with pytest.raises(InputError, match=message) as caught:
        load_scene(folder)
    assert ("r_1" if layout == "synthetic" else "8.png") in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"camera_angle_x": None}, "lacks 'camera_angle_x'"),
        ({"camera_angle_x": "wide"}, "'camera_angle_x' must be a finite number"),
        ({"camera_angle_x": 4.0}, "between 0 and pi"),
        ({"frames": None}, "lacks 'frames'"),
        ({"frames": []}, "no frames"),
        ({"frames": [3]}, "lacks 'frames'"),
        ({"frames": [{}]}, "lacks 'file_path'"),
    ],
)
def test_missing_fields_are_named(synthetic, fields, message):
    folder, _ = synthetic
    change(folder / "transforms_train.json", **fields)
    with pytest.raises(InputError, match=message):
        load_scene(folder)


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_files_that_are_no_json_objects(synthetic, text):
    folder, _ = synthetic
    file = folder / "transforms_train.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"transforms_train\.json.*JSON"):
        load_scene(folder)


def test_nerfstudio(studio):
    folder, capture = studio
    scene = load_scene(folder)
    assert_holds(scene, capture, [1, 2, 3, 4, 5, 6, 7, 9])
    assert scene.intrinsics[0] == Intrinsics(5.0, 5.5, 2.5, 2.25, 6, 4)
    test = load_scene(folder, "test")
    assert_holds(test, capture, [0, 8])
    assert_holds(load_scene(folder, "val"), capture, [0, 8])
    centres = capture.poses[:, :, 3]
    assert scene.far == test.far == pytest.approx(float(torch.cdist(centres, centres).max()))
    assert scene.near == test.near == pytest.approx(scene.far / 20)


def test_nerfstudio_intrinsics_of_a_frame_and_their_defaults(studio):
    folder, _ = studio
    file = folder / "transforms.json"
    change_frame(file, 8, fl_x=7.0, cx=1.0)  # photograph 1
    scene = load_scene(folder)
    assert scene.intrinsics[0] == Intrinsics(7.0, 5.5, 1.0, 2.25, 6, 4)
    assert scene.intrinsics[1] == Intrinsics(5.0, 5.5, 2.5, 2.25, 6, 4)
    missing = dict.fromkeys(["fl_y", "cx", "cy", "w", "h", "camera_model"])
    change(file, **missing)
    assert load_scene(folder).intrinsics[1] == CENTRED
    change(file, fl_x=None, camera_angle_x=1.0)
    focal = load_scene(folder).intrinsics[1].fx
    assert focal == pytest.approx(3 / np.tan(0.5))


def test_nerfstudio_splits_by_lists(studio):
    folder, capture = studio
    file = folder / "transforms.json"
    names = [f"images/{index}.png" for index in range(10)]
    change(file, train_filenames=names[3:6], test_filenames=["./images/1.png"], near=1, far=7)
    assert_holds(load_scene(folder), capture, [3, 4, 5])
    assert_holds(load_scene(folder, "test"), capture, [1])
    assert_holds(load_scene(folder, "val"), capture, [1])
    assert (load_scene(folder).near, load_scene(folder).far) == (1, 7)
    change(file, train_filenames=["images/99.png"])
    with pytest.raises(InputError, match=r"images/99\.png, which is no frame"):
        load_scene(folder)
    change(file, train_filenames=[])
    with pytest.raises(InputError, match="no photographs for the split 'train'"):
        load_scene(folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"k1": 0.01}, "distortion.*undistort"),
        ({"p2": -1e-4}, "distortion"),
        ({"distortion_params": [0, 0, 0.1, 0]}, "distortion"),
        ({"camera_model": "OPENCV_FISHEYE"}, "OPENCV_FISHEYE.*undistort"),
        ({"w": 12}, r"1\.png is 6×4, but its entry says 'w' is 12"),
        ({"h": 5}, "'h' is 5"),
        ({"fl_x": None}, "lacks 'fl_x'"),
        ({"fl_x": -5}, "positive"),
        ({"fl_x": float("nan")}, "finite number"),
        ({"mask_path": "masks/1.png"}, "alpha channel"),
        ({"file_path": "images/none.png"}, r"images/none\.png"),
    ],
)
def test_nerfstudio_frames_that_cannot_be_used(studio, fields, message):
    folder, _ = studio
    file = folder / "transforms.json"
    if "fl_x" in fields:
        change(file, **fields)
    else:
        change_frame(file, 8, **fields)
    with pytest.raises(InputError, match=message):
        load_scene(folder)


def test_cameras_in_one_point_need_near_and_far(studio):
    folder, _ = studio
    file = folder / "transforms.json"
    frames = json.loads(file.read_text())["frames"]
    change(file, frames=[{**frame, "transform_matrix": np.eye(4).tolist()} for frame in frames])
    with pytest.raises(InputError, match="one point"):
        load_scene(folder)
    change(file, near=1.0, far=2.0)
    assert load_scene(folder).far == 2


def test_a_folder_that_is_no_scene_is_told_what_was_looked_for(tmp_path):
    with pytest.raises(InputError, match=r"transforms_train\.json.*transforms\.json.*NSVF.*COLMAP"):
        load_scene(tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        load_scene(tmp_path / "missing")
    with pytest.raises(ValueError, match="split must be one of"):
        load_scene(tmp_path, "holdout")
