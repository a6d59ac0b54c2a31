"""Tiny photographs and poses that the tests of loaders write into layouts."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curvox.fields.cameras import opencv_from_opengl
from curvox.fields.paths import spiral


class Capture:
    """Photographs of 6×4 pixels and poses around the origin, OpenCV's and OpenGL's."""

    width, height, focal = 6, 4, 5.0
    angle = 2 * math.atan(width / 2 / focal)  # horizontal field of view

    def __init__(self, count: int) -> None:
        self.poses = spiral((0, 0, 0), 4.0, elevations=(10, 50), frames=count)  # [count, 3, 4]
        generator = np.random.default_rng(count)
        shape = (count, self.height, self.width, 4)
        self.photographs = generator.integers(0, 256, shape, dtype=np.uint8)

    def write_photograph(self, index: int, file: Path, mode: str = "RGBA") -> None:
        """One of them, with its folder."""
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.photographs[index]).convert(mode).save(file)

    def pose(self, index: int) -> np.ndarray:
        """[4, 4], float64, camera to world, OpenCV."""
        return np.concatenate([self.poses[index].double().numpy(), [[0, 0, 0, 1]]])

    def opengl(self, index: int) -> list[list[float]]:
        """[4, 4], camera to world, OpenGL."""
        return [*opencv_from_opengl(self.poses[index]).tolist(), [0.0, 0.0, 0.0, 1.0]]


@pytest.fixture
def capture():
    """A factory of captures with a number of photographs."""
    return Capture
