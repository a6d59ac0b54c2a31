"""Image files: what is read, what is refused, what is written."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from curvox.errors import InputError
from curvox.images import load_image, resize, save_gif, save_png, to_grey


def test_png_round_trip_is_exact(tmp_path):
    image = torch.arange(256).reshape(16, 16) / 255
    save_png(tmp_path / "a.png", image)
    assert torch.equal(to_grey(load_image(tmp_path / "a.png")).mul(255).round(), image * 255)
    colour = torch.rand(5, 7, 3, generator=torch.Generator().manual_seed(0))
    save_png(tmp_path / "b.png", colour)
    assert (load_image(tmp_path / "b.png") - colour).abs().max() <= 0.5 / 255 + 1e-6


def test_values_out_of_range_are_cut(tmp_path):
    save_png(tmp_path / "a.png", torch.tensor([[-1.0, 2.0]]))
    assert load_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, 1]


def test_sixteen_bits_keep_their_precision(tmp_path):
    values = np.array([[0, 1, 1000, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert (load_image(tmp_path / "a.png")[0, :, 1] * 65535).round().tolist() == [0, 1, 1000, 65535]


def test_transparency_is_composited_on_white(tmp_path):
    Image.new("RGBA", (2, 1), (0, 0, 0, 51)).save(tmp_path / "a.png")
    assert torch.allclose(load_image(tmp_path / "a.png"), torch.tensor(0.8))


def test_palette_with_a_transparent_colour(tmp_path):
    picture = Image.new("P", (1, 1), 0)
    picture.putpalette([10, 20, 30])
    picture.save(tmp_path / "a.png", transparency=0)
    assert torch.equal(load_image(tmp_path / "a.png"), torch.ones(1, 1, 3))


def test_orientation_of_the_camera_is_applied(tmp_path):
    picture = Image.new("L", (4, 2))
    exif = picture.getexif()
    exif[0x0112] = 6  # turn by 90 degrees
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert load_image(tmp_path / "a.jpg").shape == (4, 2, 3)


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_image_is_refused_by_name(tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.png"):
        load_image(tmp_path / "bad.png")


def test_truncated_missing_and_nan_files_are_refused(tmp_path):
    save_png(tmp_path / "whole.png", torch.rand(64, 64))
    half = (tmp_path / "whole.png").read_bytes()[:2000]
    (tmp_path / "half.png").write_bytes(half)
    Image.fromarray(np.full((2, 2), np.nan, np.float32)).save(tmp_path / "nan.tiff")
    for name in ("half.png", "missing.png", "nan.tiff"):
        with pytest.raises(InputError, match=name):
            load_image(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        load_image(tmp_path)


def test_resize_keeps_the_mean_and_does_not_alias():
    stripes = (torch.arange(256) % 2).float().expand(64, -1)
    small = resize(stripes, 16, 64)
    assert small.shape == (16, 64)
    assert (small[:, 2:-2] - 0.5).abs().max() < 0.02  # the border has no neighbours to even it out
    assert resize(stripes[..., None].expand(-1, -1, 3), 5, 7).shape == (5, 7, 3)
    assert resize(stripes, 64, 256) is stripes


def test_gif_holds_all_frames_and_the_last_one_longest(tmp_path):
    frames = [torch.full((8, 9), value) for value in (0.0, 0.5, 1.0)]
    save_gif(tmp_path / "a.gif", frames, milliseconds=50, last=900)
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 3
        assert animation.info["duration"] == 50
        animation.seek(2)
        assert animation.info["duration"] == 900
        assert np.asarray(animation.convert("L")).min() == 255
    with pytest.raises(ValueError, match="at least one frame"):
        save_gif(tmp_path / "b.gif", [])
