"""Video files: H.264 in MP4, which every browser and player shows."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import torch
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from torch import Tensor

from curvox.files import writing

__all__ = ["save_video"]

_QUALITY = "18"  # constant rate factor of x264: hard to tell from the original


def save_video(path: str | Path, frames: Iterable[Tensor], *, rate: float = 30.0) -> int:
    """Write frames as they come: none is kept.

    The file appears whole or not at all.

    Args:
        path: the file, ending in ``.mp4``.
        frames: [H, W, 3] each, of one size, floats in 0..1; what is out of the range is cut. The
            last row and the last column are doubled where there is an odd number of them, which the
            format does not know.
        rate: frames a second, positive.

    Returns:
        The number of frames.

    Raises:
        ValueError: no frames, frames of different sizes, another ending, or a rate out of range.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"a video's name must end in .mp4, got {path.name}")
    if not 0 < rate <= 240:
        raise ValueError(f"rate must be in 0..240 frames a second, got {rate}")
    count = 0
    first: torch.Size | None = None
    options = {"movflags": "+faststart"}  # the index in front: a browser shows it while it loads
    with writing(path) as temporary, av.open(str(temporary), "w", options=options) as container:
        stream = None
        for frame in frames:
            first = first or frame.shape
            if frame.shape != first or frame.ndim != 3 or frame.shape[2] != 3:
                raise ValueError(
                    f"frames must be [H, W, 3] of one size, got {list(first)} and then "
                    f"{list(frame.shape)}"
                )
            picture = _even(frame)
            if stream is None:
                height, width, _ = picture.shape
                stream = _open_stream(container, height, width, rate)
            image = av.VideoFrame.from_ndarray(picture.numpy(), format="rgb24").reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(image))
            count += 1
        if stream is None:
            raise ValueError("a video needs at least one frame")
        container.mux(stream.encode(None))
    return count


def _open_stream(
    container: av.container.OutputContainer, height: int, width: int, rate: float
) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
    stream.height, stream.width = height, width
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": _QUALITY}
    # Left unsaid, players guess the matrix from the size, and colours shift.
    context = stream.codec_context
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.color_range = ColorRange.MPEG
    return stream


def _even(frame: Tensor) -> Tensor:
    """[H, W, 3] floats -> uint8 with even height and width, contiguous."""
    picture = (frame.detach().cpu().float().clamp(0, 1) * 255).round().to(torch.uint8)
    height, width, _ = picture.shape
    if height % 2:
        picture = torch.cat([picture, picture[-1:]])
    if width % 2:
        picture = torch.cat([picture, picture[:, -1:]], 1)
    return picture.contiguous()
