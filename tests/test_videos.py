"""MP4 files: what a decoder gets back, and what is refused."""

import av
import pytest
import torch

from curvox.videos import filming


def save(path, frames, rate=30):
    """Write a film at once."""
    with filming(path, rate=rate) as add:
        for frame in frames:
            add(frame)


def gradients(count, height, width):
    """Smooth frames of saturated colours: [height, width, 3] each."""
    y = torch.linspace(0, 1, height)[:, None].expand(height, width)
    x = torch.linspace(0, 1, width).expand(height, width)
    return [torch.stack([x, y, torch.full_like(x, i / count)], 2) for i in range(count)]


def test_a_decoder_sees_the_frames(tmp_path):
    frames = gradients(5, 48, 64)
    save(tmp_path / "v.mp4", frames, rate=24)
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 24
        decoded = [torch.from_numpy(f.to_ndarray(format="rgb24")) for f in container.decode(stream)]
    assert len(decoded) == 5
    for frame, seen in zip(frames, decoded, strict=True):
        # Chroma at half the size and the encoder leave 3 of 255 on average here.
        assert (seen.float() - frame * 255).abs().mean() < 5


def test_odd_sizes_become_even(tmp_path):
    save(tmp_path / "v.mp4", gradients(2, 33, 47))
    with av.open(str(tmp_path / "v.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.height, context.width) == (34, 48)


@pytest.mark.parametrize(
    ("name", "frames", "rate", "word"),
    [
        ("v.mp4", [], 30, "at least one frame"),
        ("v.mp4", [torch.zeros(8, 8, 3), torch.zeros(8, 10, 3)], 30, "one size"),
        ("v.mp4", [torch.zeros(8, 8)], 30, "H, W, 3"),
        ("v.avi", [torch.zeros(8, 8, 3)], 30, ".mp4"),
        ("v.mp4", [torch.zeros(8, 8, 3)], 0, "rate"),
    ],
)
def test_what_cannot_be_a_video_leaves_no_file(tmp_path, name, frames, rate, word):
    with pytest.raises(ValueError, match=word):
        save(tmp_path / name, frames, rate)
    assert list(tmp_path.iterdir()) == []
