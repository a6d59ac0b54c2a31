"""A posed capture: photographs, cameras, and how far from them to look."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from curvox.fields import cameras
from curvox.fields.cameras import Intrinsics

__all__ = ["Scene", "box_of_rays"]

_FINGERPRINT_PIXELS = 1 << 16  # enough to tell captures apart, quick for any number of pixels


@dataclass(frozen=True)
class Scene:
    """The photographs of one split of a capture. Scenes are not changed: `replace` makes another.

    All pixels stand in one list, photograph after photograph, row by row, so that photographs may
    have different sizes and a pixel has one number, 0 .. `num_pixels` - 1. They stay bytes: what
    is asked for is turned into floats when it is asked for.

    Args:
        split: ``"train"``, ``"val"`` or ``"test"``.
        files: the file of each photograph.
        values: [num_pixels, 3 or 4], uint8: RGB, or RGB and alpha (straight, not premultiplied).
        poses: [N, 3, 4], float32, camera to world, OpenCV's axes (x right, y down, z forward).
        intrinsics: of each photograph; its width and height are the photograph's.
        near, far: the range of distances from the cameras' centres (not depths) in which there may
            be anything to see, 0 < near < far.
        background: the colour behind everything, RGB in 0..1.
        box: [2, 3], float32, the lowest and the highest corner of what is to be seen, where the
            data set tells. None: it does not (see `bounding_box`).

    Raises:
        ValueError: shapes, dtypes or numbers that do not fit together.
    """

    split: str
    files: tuple[Path, ...]
    values: Tensor
    poses: Tensor
    intrinsics: tuple[Intrinsics, ...]
    near: float
    far: float
    background: tuple[float, float, float] = (1.0, 1.0, 1.0)
    box: Tensor | None = None

    def __post_init__(self) -> None:
        count = len(self.intrinsics)
        if count == 0:
            raise ValueError("a scene needs at least one photograph")
        if len(self.files) != count:
            raise ValueError(f"{len(self.files)} files, but intrinsics of {count} photographs")
        if self.poses.shape != (count, 3, 4) or self.poses.dtype != torch.float32:
            shape = list(self.poses.shape)
            raise ValueError(
                f"poses must be float32 [{count}, 3, 4], got {self.poses.dtype} {shape}"
            )
        pixels = sum(i.width * i.height for i in self.intrinsics)
        shape = list(self.values.shape)
        if shape not in ([pixels, 3], [pixels, 4]) or self.values.dtype != torch.uint8:
            raise ValueError(
                f"values must be uint8 [{pixels}, 3 or 4], got {self.values.dtype} {shape}"
            )
        if not 0 < self.near < self.far < float("inf"):
            raise ValueError(f"0 < near < far must hold, got {self.near:g} and {self.far:g}")
        box = self.box
        if box is not None and not (box.shape == (2, 3) and bool((box[0] < box[1]).all())):
            raise ValueError(f"box must be [2, 3], lowest corner first, got {box.tolist()}")

    def __len__(self) -> int:
        """The number of photographs."""
        return len(self.intrinsics)

    @property
    def num_pixels(self) -> int:
        """Of all photographs together."""
        return self.values.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the pixels are."""
        return self.values.device

    @cached_property
    def first_pixels(self) -> Tensor:
        """[N + 1], int64: the number of each photograph's first pixel, and `num_pixels`."""
        sizes = [0, *(i.width * i.height for i in self.intrinsics)]
        return torch.tensor(sizes, device=self.device).cumsum(0)

    @cached_property
    def _widths(self) -> Tensor:  # [N], int64
        return torch.tensor([i.width for i in self.intrinsics], device=self.device)

    @cached_property
    def _pinholes(self) -> Tensor:  # [N, 4], float32
        values = [(i.fx, i.fy, i.cx, i.cy) for i in self.intrinsics]
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    @cached_property
    def _background(self) -> Tensor:  # [3], float32
        return torch.tensor(self.background, dtype=torch.float32, device=self.device)

    def colours(self, pixels: Tensor) -> Tensor:
        """Colours of pixels, with what is transparent composited over the background.

        Args:
            pixels: [...], int64, their numbers in the list of all pixels, on the scene's device.

        Returns:
            [..., 3], float32 in 0..1.
        """
        return self._composited(self.values[pixels])

    def rays(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The rays through the centres of pixels.

        Args:
            pixels: [...], int64, their numbers in the list of all pixels, on the scene's device.

        Returns:
            origins [..., 3] and directions [..., 3] of length one, float32, in the world.
        """
        frames = torch.searchsorted(self.first_pixels, pixels, right=True) - 1
        within = pixels - self.first_pixels[frames]
        widths = self._widths[frames]
        x, y = within % widths + 0.5, within // widths + 0.5
        poses = self.poses[frames]
        return poses[..., 3], cameras.through_pixels(x, y, poses, self._pinholes[frames])

    def image(self, frame: int) -> Tensor:
        """A photograph, composited over the background: [height, width, 3], float32 in 0..1."""
        return self._composited(self._bytes(frame))

    def image_rays(self, frame: int) -> tuple[Tensor, Tensor]:
        """Origins and directions through a photograph's pixels, [height, width, 3] each."""
        return cameras.rays(self.poses[frame], self.intrinsics[frame])

    def _bytes(self, frame: int) -> Tensor:  # [height, width, 3 or 4], uint8
        frame = range(len(self))[frame]  # negative ones count from the end, as in lists
        first, end = self.first_pixels[[frame, frame + 1]].tolist()
        camera = self.intrinsics[frame]
        return self.values[first:end].view(camera.height, camera.width, -1)

    def _composited(self, values: Tensor) -> Tensor:  # [..., 3 or 4] uint8 -> [..., 3] float32
        floats = values.float() / 255
        if floats.shape[-1] == 3:
            return floats
        colours, alpha = floats[..., :3], floats[..., 3:]
        return colours * alpha + self._background * (1 - alpha)

    def fingerprint(self) -> str:
        """A name that changes with the cameras, the photographs and the range of distances."""
        digest = hashlib.sha256(self.poses.cpu().numpy().tobytes())
        digest.update(repr((self.intrinsics, self.near, self.far, self.background)).encode())
        some = self.values[:: max(self.num_pixels // _FINGERPRINT_PIXELS, 1)]
        digest.update(some.cpu().numpy().tobytes())
        return digest.hexdigest()

    def select(self, frames: Sequence[int]) -> Scene:
        """The scene with only these photographs, in this order."""
        return replace(
            self,
            files=tuple(self.files[f] for f in frames),
            values=torch.cat([self._bytes(f).flatten(0, 1) for f in frames]),
            poses=self.poses[list(frames)],
            intrinsics=tuple(self.intrinsics[f] for f in frames),
        )

    def to(self, device: torch.device | str) -> Scene:
        """The scene on a device."""
        box = None if self.box is None else self.box.to(device)
        values, poses = self.values.to(device), self.poses.to(device)
        return replace(self, values=values, poses=poses, box=box)

    def bounding_box(self) -> Tensor:
        """[2, 3], float32: the data set's own box, or else the box of all rays."""
        if self.box is not None:
            return self.box
        # Thousands of operations on a few numbers: not for a GPU.
        box = box_of_rays(self.poses.cpu(), self.intrinsics, self.near, self.far)
        return box.to(self.device)


def box_of_rays(poses: Tensor, intrinsics: Sequence[Intrinsics], near: float, far: float) -> Tensor:
    """The smallest box around the rays of all pixels between two distances.

    Args:
        poses: [N, 3, 4], camera to world, OpenCV.
        intrinsics: of each camera.
        near, far: distances from the cameras' centres.

    Returns:
        [2, 3], the lowest and the highest corner, of the dtype and on the device of `poses`.
    """
    reach = [_reach(pose, camera) for pose, camera in zip(poses, intrinsics, strict=True)]
    extremes = torch.stack(reach)  # [N, 2, 3]
    centres = poses[:, None, :, 3]
    points = torch.cat([centres + near * extremes, centres + far * extremes], 1)  # [N, 4, 3]
    return torch.stack([points.amin((0, 1)), points.amax((0, 1))])


def _reach(pose: Tensor, camera: Intrinsics) -> Tensor:
    """The least and the greatest of each coordinate of a camera's directions, [2, 3].

    A coordinate of a unit vector has its extremes over a patch of the sphere on the patch's border,
    or where the world's axis (positive or negative) goes through the patch, and there it is ±1.
    So it is enough to look at the image's border and at six points.
    """
    across = torch.arange(camera.width, dtype=pose.dtype, device=pose.device) + 0.5
    along = torch.arange(camera.height, dtype=pose.dtype, device=pose.device) + 0.5
    left, right = torch.full_like(along, 0.5), torch.full_like(along, camera.width - 0.5)
    top, bottom = torch.full_like(across, 0.5), torch.full_like(across, camera.height - 0.5)
    x, y = torch.cat([across, across, left, right]), torch.cat([top, bottom, along, along])
    pinhole = pose.new_tensor([camera.fx, camera.fy, camera.cx, camera.cy])
    border = cameras.through_pixels(x, y, pose, pinhole)

    axes = torch.eye(3, dtype=pose.dtype, device=pose.device)
    axes = torch.cat([axes, -axes])  # [6, 3]
    positions, depths = cameras.project(axes + pose[:, 3], pose, camera)
    last = pose.new_tensor([camera.width, camera.height]) - 0.5
    seen = ((positions >= 0.5) & (positions <= last)).all(1) & (depths > 0)
    directions = torch.cat([border, axes[seen]])
    return torch.stack([directions.amin(0), directions.amax(0)])
