"""Video files: H.264 in MP4, which every browser and player shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import torch
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from torch import Tensor

from curvox.files import writing

__all__ = ["filming"]

_QUALITY = "18"  # constant rate factor of x264: hard to tell from the original


@contextlib.contextmanager
def filming(path: str | Path, *, rate: float = 30.0) -> Iterator[Callable[[Tensor], None]]:
    """Write a video frame by frame; none is kept.

    >>> with filming("turn.mp4") as add:
    ...     for frame in frames:
    ...         add(frame)

    The file appears when the block ends, whole, or not at all when it raises.

    Args:
        path: the file, ending in ``.mp4``.
        rate: frames a second, positive.

    Yields:
        A function that appends a frame: [H, W, 3], floats in 0..1, all of one size; what is out of
        the range is cut. The last row and the last column are doubled where there is an odd number
        of them, which the format does not know.

    Raises:
        ValueError: another ending, a rate out of range, frames of another shape, or none.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"a video's name must end in .mp4, got {path.name}")
    if not 0 < rate <= 240:
        raise ValueError(f"rate must be in 0..240 frames a second, got {rate}")
    size: list[int] | None = None
    stream: av.VideoStream | None = None
    options = {"movflags": "+faststart"}  # the index in front: a browser shows it while it loads
    with writing(path) as temporary, av.open(str(temporary), "w", options=options) as container:

        def add(frame: Tensor) -> None:
            nonlocal size, stream
            shape = list(frame.shape)
            size = size or shape
            if frame.ndim != 3 or shape[2] != 3 or shape != size:
                raise ValueError(f"frames must be [H, W, 3] of one size, got {size}, then {shape}")
            picture = _even(frame)
            if stream is None:
                height, width, _ = picture.shape
                stream = _open_stream(container, height, width, rate)
            image = av.VideoFrame.from_ndarray(picture.numpy(), format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            container.mux(stream.encode(image))

        yield add
        if stream is None:
            raise ValueError("a video needs at least one frame")
        container.mux(stream.encode(None))


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
