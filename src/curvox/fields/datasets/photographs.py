"""Many image files decoded at once into one list of pixels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from curvox.errors import InputError

__all__ = ["load_pixels", "photograph_size"]


def photograph_size(file: Path) -> tuple[int, int]:
    """Width and height as the file's header tells them.

    The orientation that a camera noted is not applied, here and below: poses and intrinsics are
    those of the pixels as they are stored.

    Raises:
        InputError: the file is missing or is no image.
    """
    with _opened(file) as image:
        return image.size


def load_pixels(files: Sequence[Path]) -> Tensor:
    """The pixels of all files, one file after the other, row by row.

    Decoding runs in as many threads as there are processors, into the memory that is returned.

    Returns:
        [number of pixels, 4], uint8, RGB and alpha, where any file has transparency (those without
        are opaque then), else [number of pixels, 3].

    Raises:
        InputError: a file is missing, damaged, no image, or holds more than 8 bits a channel of
            grey. The first such file is named.
    """
    ends, transparent = [0], False
    for file in files:
        with _opened(file) as image:
            ends.append(ends[-1] + image.width * image.height)
            transparent |= image.has_transparency_data
    mode = "RGBA" if transparent else "RGB"
    values = torch.empty(ends[-1], len(mode), dtype=torch.uint8)

    def decode(index: int) -> None:
        with _opened(files[index]) as image:
            if image.mode.startswith(("I", "F")):
                raise InputError(
                    f"{files[index]} holds {image.mode} values: photographs need 8 bits a channel"
                )
            pixels = np.array(image.convert(mode))  # a copy: torch wants to be able to write
        span = values[ends[index] : ends[index + 1]]
        if pixels.size != span.numel():
            raise InputError(f"{files[index]} changed while it was read")
        span.copy_(torch.from_numpy(pixels).view(-1, len(mode)))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(decode, range(len(files))):
            pass  # what a thread raised is raised here, the first file's error first
    return values


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(file) as image:
            yield image
    except FileNotFoundError:
        raise InputError(f"There is no file {file}") from None
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} is not an image that can be read: {error}") from error
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow's decoders raise on damage
        raise InputError(f"{file} cannot be read as an image: {error}") from error
