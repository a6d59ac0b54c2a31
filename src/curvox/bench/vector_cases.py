"""What the bench of vector graphics draws: filled shapes and brush strokes that cover a canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Literal

import torch
from torch import Tensor

__all__ = ["CASES", "Case", "Kind", "Picture"]

Kind = Literal["stroke", "fill"]

_CANVASES = ((256, 256), (512, 512), (1344, 2040))  # height and width
_COUNTS = (1, 32, 512, 2048, 8192)
_SPREAD = 8.0  # the largest path of a picture over its smallest
_COVER = 2.0  # how often fills cover the canvas
_REACH = 5.0  # length of strokes, over the side of the square that each has of the canvas
_WIDTHS = (1.0, 4.0)  # of strokes, in pixels
# From centre to centre, in canvases: 1 / x and 1 / x² with x³ = x + 1. So any number of them lies
# evenly.
_TURN = (0.7548777, 0.5698403)


@dataclass(frozen=True)
class Picture:
    """Paths as `render_paths` takes them, with gradients to everything."""

    points: Tensor
    """[N, P, 2] or [B, N, P, 2]."""
    colours: Tensor
    opacities: Tensor
    widths: Tensor | None
    """Of strokes. None: the paths are filled."""

    @property
    def leaves(self) -> list[Tensor]:
        """All of them."""
        tensors = (self.points, self.colours, self.opacities, self.widths)
        return [tensor for tensor in tensors if tensor is not None]


@dataclass(frozen=True)
class Case:
    """So many random paths on a canvas: fills of four cubics each, or open strokes of three."""

    kind: Kind
    num_paths: int
    """In each picture."""
    height: int
    width: int
    pictures: int = 1
    """That are drawn at once."""

    @property
    def name(self) -> str:
        """Such as fill-2048-2040x1344: the width comes first, as sizes of pictures are written."""
        batch = "" if self.pictures == 1 else f"-batch{self.pictures}"
        return f"{self.kind}-{self.num_paths}-{self.width}x{self.height}{batch}"

    def picture(self, device: torch.device) -> Picture:
        """The same for every call. Sizes follow canvas and number; large paths lie below small."""
        generator = torch.Generator().manual_seed(0)

        def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
            values = torch.rand(self.pictures, self.num_paths, *shape, generator=generator)
            return low + (high - low) * values

        sizes = _SPREAD ** uniform()
        sizes /= sizes.square().mean(1, keepdim=True).sqrt()
        sizes = sizes.sort(1, descending=True).values[..., None, None]
        own = math.sqrt(self.height * self.width / self.num_paths)
        shorter = min(self.height, self.width)
        if self.kind == "fill":
            # Twelve points around a centre.
            angles = torch.arange(12) * (2 * math.pi / 12)
            outline = _ways(angles) * uniform(12, 1, low=0.7, high=1.3)
            outline = outline * (sizes * own * math.sqrt(_COVER / math.pi)).clamp(max=shorter / 3)
        else:
            # Ten points along a line that bends gently.
            bends = uniform(10, low=-0.8, high=0.8)
            bends[..., 0] *= math.pi / 0.8  # begins anywhere
            outline = _ways(bends.cumsum(-1)).cumsum(-2)
            outline -= outline.mean(-2, keepdim=True)
            outline = outline * (sizes * own * _REACH).clamp(max=shorter) / 9
        turns = torch.arange(self.num_paths)[:, None, None] * torch.tensor(_TURN)
        centres = (0.5 + turns) % 1 * torch.tensor([self.width, self.height])
        low, high = _WIDTHS

        def leaf(tensor: Tensor) -> Tensor:
            tensor = tensor if self.pictures > 1 else tensor[0]
            return tensor.to(device).contiguous().requires_grad_()

        return Picture(
            points=leaf(outline + centres),
            colours=leaf(uniform(3)),
            opacities=leaf(uniform(low=0.5)),
            widths=leaf(uniform(low=low, high=high)) if self.kind == "stroke" else None,
        )


def _ways(angles: Tensor) -> Tensor:
    """Unit vectors, [..., 2]."""
    return torch.stack([angles.cos(), angles.sin()], -1)


_KINDS: tuple[Kind, ...] = ("stroke", "fill")
CASES = (
    *(Case(kind, count, *size) for kind, size, count in product(_KINDS, _CANVASES, _COUNTS)),
    Case("fill", 32, 64, 64, pictures=64),
)
