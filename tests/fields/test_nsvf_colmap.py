"""Loaders of NSVF and COLMAP against tiny scenes, right and wrong."""

import sys

import numpy as np
import pytest
import torch

from curvox.errors import InputError
from curvox.fields import Intrinsics, load_scene

BOX = np.array([[-1.0, -1.5, -0.5], [1.0, 1.5, 0.75]])


@pytest.fixture
def nsvf(capture, tmp_path):
    """An NSVF folder with a photograph for validation and one for tests, and what it holds."""
    four = capture(4)
    (tmp_path / "pose").mkdir()
    for index, name in enumerate(["0_000", "0_001", "1_002", "2_003"]):
        four.write_photograph(index, tmp_path / "rgb" / f"{name}.png")
        np.savetxt(tmp_path / "pose" / f"{name}.txt", four.pose(index))
    (tmp_path / "intrinsics.txt").write_text("5.0 2.5 2.25 0.\n0. 0. 0.\n0.\n1.\n4 6\n")
    (tmp_path / "bbox.txt").write_text(" ".join(map(str, [*BOX.ravel(), 0.05])))
    return tmp_path, four


def test_nsvf(nsvf):
    folder, capture = nsvf
    for split, indices in (("train", [0, 1]), ("val", [2]), ("test", [3])):
        scene = load_scene(folder, split)
        torch.testing.assert_close(scene.poses, capture.poses[indices], atol=0, rtol=0)
        expected = torch.from_numpy(capture.photographs[indices]).view(-1, 4)
        torch.testing.assert_close(scene.values, expected)
        assert scene.intrinsics[0] == Intrinsics(5.0, 5.0, 2.5, 2.25, 6, 4)
        torch.testing.assert_close(scene.bounding_box(), torch.from_numpy(BOX).float())
        # The cameras are 4 from the origin, and so are near and far from the box's corners.
        assert 4 - np.linalg.norm(BOX, axis=1).max() < scene.near < 4 - 0.5
        assert 4 < scene.far < 4 + np.linalg.norm(np.abs(BOX).max(0))


def test_nsvf_takes_validation_for_tests_and_cameras_for_the_box_where_they_lack(nsvf):
    folder, capture = nsvf
    (folder / "rgb" / "2_003.png").unlink()
    (folder / "bbox.txt").unlink()
    scene = load_scene(folder, "test")
    torch.testing.assert_close(scene.poses, capture.poses[[2]], atol=0, rtol=0)
    assert scene.box is None
    assert scene.near == pytest.approx(scene.far / 20)


@pytest.mark.parametrize(
    "matrix",
    [
        "5 0 2.5\n0 6 2.25\n0 0 1\n",
        "5 0 2.5 0\n0 6 2.25 0\n0 0 1 0\n0 0 0 1\n",
        "5 0 2.5 0 0 6 2.25 0 0 0 1 0 0 0 0 1\n",
    ],
)
def test_nsvf_intrinsics_as_matrices(nsvf, matrix):
    folder, _ = nsvf
    (folder / "intrinsics.txt").write_text(matrix)
    assert load_scene(folder).intrinsics[0] == Intrinsics(5.0, 6.0, 2.5, 2.25, 6, 4)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("pose/0_001.txt", None, r"0_001\.txt"),
        ("pose/0_001.txt", "1 0\n0\n", r"0_001\.txt must hold a 4×4"),
        ("pose/0_001.txt", "nan 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", r"0_001\.txt holds NaN"),
        ("pose/0_001.txt", "2 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", r"0_001\.txt is no rigid"),
        ("intrinsics.txt", "five\n", "nothing but numbers"),
        ("intrinsics.txt", "\n", "empty"),
        ("intrinsics.txt", "1 2\n", "3×3 or 4×4"),
        ("intrinsics.txt", "-5 1 1 0\n", "positive"),
        ("bbox.txt", "0 0 0 1 1\n", "corner"),
        ("bbox.txt", "0 0 0 1 1 -1\n", "corner"),
    ],
)
def test_nsvf_files_that_cannot_be_used_are_named(nsvf, name, text, message):
    folder, _ = nsvf
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)
    with pytest.raises(InputError, match=message):
        load_scene(folder)


def test_nsvf_without_photographs(nsvf):
    folder, _ = nsvf
    for file in (folder / "rgb").glob("0_*"):
        file.unlink()
    with pytest.raises(InputError, match="no photographs for the split 'train'"):
        load_scene(folder)
    for file in (folder / "rgb").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="no photographs in"):
        load_scene(folder)


@pytest.fixture
def colmap(capture, tmp_path):
    """A COLMAP folder of ten photographs with a model as text, and what it holds."""
    ten = capture(10)
    model = tmp_path / "sparse" / "0"
    model.mkdir(parents=True)
    lines = []
    for index in range(10):
        ten.write_photograph(index, tmp_path / "images" / f"{index}.png", mode="RGB")
        to_camera = np.linalg.inv(ten.pose(index))
        values = [*quaternion(to_camera[:3, :3]), *to_camera[:3, 3]]
        lines.append(f"{index + 1} {' '.join(map(str, values))} 1 {index}.png\n\n")
    (model / "images.txt").write_text("".join(reversed(lines)))
    (model / "cameras.txt").write_text("1 PINHOLE 6 4 5.0 5.5 2.5 2.25\n")
    points = np.random.default_rng(0).uniform(BOX[0], BOX[1], (2000, 3))
    points[0] = 1000  # an outlier
    (model / "points3D.txt").write_text(
        "".join(f"{i + 1} {x} {y} {z} 0 0 0 0.1\n" for i, (x, y, z) in enumerate(points))
    )
    return tmp_path, ten


def quaternion(rotation):
    """w, x, y, z of a rotation matrix, from the eigenvector of its symmetric 4×4 form."""
    m = rotation
    upper = np.zeros((4, 4))
    upper[0, 1:] = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    upper[1, 2:] = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]
    upper[2, 3] = m[1, 2] + m[2, 1]
    diagonal = [m.trace(), *(2 * np.diag(m) - m.trace())]
    return np.linalg.eigh(upper + upper.T + np.diag(diagonal))[1][:, -1]


def test_colmap(colmap):
    pytest.importorskip("pycolmap")
    folder, capture = colmap
    for split, indices in (("train", [1, 2, 3, 4, 5, 6, 7, 9]), ("test", [0, 8])):
        scene = load_scene(folder, split)
        torch.testing.assert_close(scene.poses, capture.poses[indices], atol=1e-5, rtol=0)
        expected = torch.from_numpy(capture.photographs[indices][..., :3]).reshape(-1, 3)
        torch.testing.assert_close(scene.values, expected)
        assert scene.intrinsics[0] == Intrinsics(5.0, 5.5, 2.5, 2.25, 6, 4)
        # 1 % less at each side, then 5 % more; 2,000 points leave out none of the true box.
        box = scene.bounding_box().double().numpy()
        assert np.abs(box - BOX).max() < 0.15
        assert (box[0] < BOX[0]).all()
        assert (box[1] > BOX[1]).all()
        assert 1 < scene.near < 4 < scene.far < 8


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("cameras.txt", "1 OPENCV 6 4 5 5 3 2 0.1 0 0 0\n", "OPENCV.*image_undistorter"),
        ("cameras.txt", "1 PINHOLE 12 8 5 5 3 2\n", r"1\.png is 6×4.*12×8"),
        ("points3D.txt", "", "no points"),
        ("points3D.txt", "1 0 0 0 0 0 0 1\n2 1 1 0 0 0 0 1\n", "one plane"),
        ("images.txt", "", "no photographs with poses"),
    ],
)
def test_colmap_models_that_cannot_be_used(colmap, name, text, message):
    pytest.importorskip("pycolmap")
    folder, _ = colmap
    (folder / "sparse" / "0" / name).write_text(text)
    with pytest.raises(InputError, match=message):
        load_scene(folder)


def test_colmap_without_a_model_or_a_photograph(colmap):
    pytest.importorskip("pycolmap")
    folder, _ = colmap
    (folder / "images" / "1.png").unlink()
    with pytest.raises(InputError, match=r"no file .*images/1\.png"):
        load_scene(folder)
    (folder / "sparse" / "0" / "cameras.txt").unlink()
    with pytest.raises(InputError, match="not a COLMAP model"):
        load_scene(folder)


def test_colmap_says_how_to_install_what_it_needs(colmap, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    with pytest.raises(InputError, match=r"pip install 'curvox\[colmap\]'"):
        load_scene(colmap[0])
