"""Image files: read, resized, written. Images are float32 in 0..1, [H, W] or [H, W, 3]."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from curvox.errors import InputError
from curvox.files import writing

__all__ = ["load_image", "resize", "save_gif", "save_png", "to_grey"]


def load_image(path: str | Path) -> Tensor:
    """Read an image file of any format that Pillow knows.

    The orientation that a camera noted is applied, transparency is composited on white, and 16-bit
    grey keeps its precision.

    Args:
        path: the file.

    Returns:
        [H, W, 3], float32, red, green and blue in 0..1 (three equal channels where it is grey).

    Raises:
        InputError: the file is missing, is no image, is damaged, or holds values out of range.
    """
    path = Path(path)
    try:
        with Image.open(path) as file:
            file.load()
            image = ImageOps.exif_transpose(file)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}") from None
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not an image that can be read: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow's decoders raise on damage
        raise InputError(f"{path} cannot be read as an image: {error}") from error
    return torch.from_numpy(_rgb(image, path))


def _rgb(image: Image.Image, path: Path) -> np.ndarray:
    """[H, W, 3] float32 in 0..1."""
    if image.mode.startswith(("I", "F")):  # one channel: 16-bit integers, or floats in 0..1
        grey = np.asarray(image).astype(np.float32) / (65535 if image.mode[0] == "I" else 1)
        if not (np.isfinite(grey).all() and grey.min() >= 0 and grey.max() <= 1):
            raise InputError(f"{path} holds values that are not finite or out of the range 0..1")
        return np.repeat(grey[:, :, None], 3, axis=2)
    rgba = np.asarray(image.convert("RGBA")).astype(np.float32) / 255
    alpha = rgba[:, :, 3:]
    return rgba[:, :, :3] * alpha + (1 - alpha)


def to_grey(image: Tensor) -> Tensor:
    """Luma (Rec. 601, as in JPEG) of [H, W, 3]; what is [H, W] already is returned as it is."""
    if image.ndim == 2:
        return image
    return (image * image.new_tensor([0.299, 0.587, 0.114])).sum(2)


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """Resample by Lanczos' kernel, widened where the image shrinks so that nothing aliases.

    Args:
        image: [H, W] or [H, W, C], float32 in 0..1, on the CPU.
        height, width: the new size in pixels, at least 1.

    Returns:
        [height, width] or [height, width, C], in 0..1 (what the kernel overshoots is cut).
    """
    if image.shape[:2] == (height, width):
        return image
    channels = image[:, :, None] if image.ndim == 2 else image
    resized = [
        Image.fromarray(channel.contiguous().numpy()).resize(
            (width, height), Image.Resampling.LANCZOS
        )
        for channel in channels.unbind(2)
    ]
    result = torch.from_numpy(np.stack([np.asarray(channel) for channel in resized], 2))
    return (result[:, :, 0] if image.ndim == 2 else result).clamp(0, 1)


def _pillow(image: Tensor) -> Image.Image:
    """8 bits a channel, from any device; what is out of 0..1 is cut."""
    values = (image.detach().cpu().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(values.numpy())


def save_png(path: str | Path, image: Tensor) -> None:
    """Write [H, W], [H, W, 3] or, colour not multiplied by alpha, [H, W, 4]; 8 bits a channel,
    values out of 0..1 are cut.

    The file appears whole or not at all.
    """
    with writing(path) as temporary:
        _pillow(image).save(temporary, format="PNG", optimize=True)


def save_gif(
    path: str | Path, frames: Sequence[Tensor], *, milliseconds: int = 80, last: int = 2000
) -> None:
    """Write an animation that loops.

    The file appears whole or not at all.

    Args:
        path: the file.
        frames: [H, W] each, all of one size, at least one; values out of 0..1 are cut. They are
            written in 64 greys, which halves the file and is hard to see in motion.
        milliseconds: each frame is shown for so long, the last one for `last`.
    """
    if not frames:
        raise ValueError("an animation needs at least one frame")
    steps = [(frame.clamp(0, 1) * 63).round() / 63 for frame in frames]
    pictures = [_pillow(frame) for frame in steps]
    durations = [milliseconds] * (len(pictures) - 1) + [last]
    with writing(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
            optimize=True,
        )
