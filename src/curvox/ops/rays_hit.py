"""Occupancy masks packed into bits, and the rays that meet what they hold."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_box, check_float, check_like, check_rays, runs_kernel
from curvox.ops.occupancy import occupied_reference
from curvox.ops.sample_rays import sample_rays_reference

__all__ = [
    "OccupancyBits",
    "check_occupancy",
    "occupied_samples",
    "pack_occupancy",
    "rays_hit",
]

_EDGE = 4  # mask points along an edge of a block: kBlock in kernels/occupancy_bits.h
_MAX_REACH = 32  # blocks; a ray in wider empty space jumps more than once


@dataclass(frozen=True)
class OccupancyBits:
    """An occupancy mask as :func:`pack_occupancy` packs it: blocks of 4x4x4 mask points.

    Attributes:
        words: [BX, BY, BZ] int64, B = ceil(M / 4): bit (x * 4 + y) * 4 + z of a block's word is its
            point (x, y, z).
        reach: [BX, BY, BZ] uint8, the distance in blocks to the nearest one that holds a point, the
            largest of the three axes; at most 32.
        shape: MX, MY, MZ, points of the mask.
        box: [2, 3], positions of its first and last point, float32 or float64.
    """

    words: Tensor
    reach: Tensor
    shape: tuple[int, int, int]
    box: Tensor

    def unpack(self) -> Tensor:
        """The mask, [MX, MY, MZ] bool."""
        bits = torch.arange(_EDGE**3, device=self.words.device)
        blocks = self.words[..., None] >> bits & 1  # [BX, BY, BZ, 64]
        blocks = blocks.reshape(*self.words.shape, _EDGE, _EDGE, _EDGE).bool()
        mask = blocks.permute(0, 3, 1, 4, 2, 5).reshape([_EDGE * n for n in self.words.shape])
        x, y, z = self.shape
        return mask[:x, :y, :z]


def pack_occupancy(mask: Tensor, box: Tensor) -> OccupancyBits:
    """Pack an occupancy mask for :func:`curvox.ops.march.march` and :func:`rays_hit`.

    Args:
        mask: [MX, MY, MZ] bool, each at least 2. A position is occupied if the mask's point nearest
            to it is true.
        box: [2, 3], positions of the mask's first and last point, float32 or float64.

    Raises:
        ValueError: a shape, or (on the CPU) a box that is empty or not finite.
        TypeError: a dtype, or a box on another device.

    Plain PyTorch on any device: a mask changes rarely.
    """
    if mask.ndim != 3 or min(mask.shape) < 2:
        raise ValueError(f"mask must be [MX, MY, MZ], each at least 2, got {list(mask.shape)}")
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be bool, got {mask.dtype}")
    if mask.numel() >= 2**31:
        raise ValueError(f"mask must have fewer than 2^31 points, got {mask.numel()}")
    check_float("box", box)
    check_box("box", box, "box", box)
    if box.device != mask.device:
        raise TypeError(f"box is on {box.device}, mask on {mask.device}")
    counts = [-(-size // _EDGE) for size in mask.shape]
    x, y, z = mask.shape
    padded = mask.new_zeros([_EDGE * count for count in counts])
    padded[:x, :y, :z] = mask
    split = [size for count in counts for size in (count, _EDGE)]
    blocks = padded.reshape(split).permute(0, 2, 4, 1, 3, 5).reshape(*counts, 64)
    bits = torch.arange(64, device=mask.device)
    words = (blocks.long() << bits).sum(-1)
    return OccupancyBits(words, _reach(words != 0), (x, y, z), box.detach().contiguous())


def _reach(holds: Tensor) -> Tensor:
    """The distance to the nearest true entry of [BX, BY, BZ], the largest of the axes, as uint8."""
    near = holds[None, None].float()
    reach = torch.full_like(holds, _MAX_REACH, dtype=torch.uint8)
    for distance in range(min(_MAX_REACH, max(holds.shape))):
        reach = torch.where(near[0, 0] > 0, reach.clamp(max=distance), reach)
        for kernel in ((3, 1, 1), (1, 3, 1), (1, 1, 3)):
            padding = [size // 2 for size in kernel]
            near = torch.nn.functional.max_pool3d(near, kernel, stride=1, padding=padding)
    return reach


def rays_hit(
    origins: Tensor,
    directions: Tensor,
    occupancy: OccupancyBits,
    box: Tensor,
    near: float,
    far: float,
    step: float,
    *,
    jitter: Tensor | None = None,
    backend: str | None = None,
) -> Tensor:
    """Find the rays with a sample at an occupied position.

    Samples stand as in :func:`curvox.ops.sample_rays.sample_rays`; a ray is followed to the first
    that is occupied, and jumps through empty space.

    Args:
        origins: [R, 3], float32 or float64, finite.
        directions: [R, 3], finite, of unit length; components may be zero.
        occupancy: of the dtype and on the device of `origins`. Its box may be any.
        box: [2, 3]: samples stand inside it.
        near, far: distances, 0 <= near <= far, finite.
        step: distance between samples, positive.
        jitter: [R] in [0, 1), where in its step a ray's samples stand. None: a half for every ray.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Returns:
        [R] bool. Not differentiable.

    Raises:
        ValueError: shapes, numbers out of range, and on the CPU rays that are not finite, jitter
            outside [0, 1), a box that is none. On CUDA nothing is read back: a ray that is not
            finite hits nothing, or something.
        TypeError: a dtype or device that differs from that of `origins`.
    """
    check_rays(origins, directions, box, near, far, step, jitter)
    check_occupancy(occupancy, origins)
    if not runs_kernel(origins, backend):
        return _rays_hit_reference(origins, directions, occupancy, box, near, far, step, jitter)
    task = ray_arguments(origins, directions, occupancy, box, near, far, step, jitter)
    hits: Tensor = torch.ops.curvox.rays_hit(*task)
    return hits


def check_occupancy(occupancy: OccupancyBits, origins: Tensor) -> None:
    """Raise TypeError for a mask that does not go with `origins`."""
    check_like("occupancy.box", occupancy.box, (2, 3), "origins", origins)


def ray_arguments(  # type: ignore[no-untyped-def]
    origins, directions, occupancy, box, near, far, step, jitter
):
    """The arguments that all registered functions of marched rays begin with."""
    rays = (origins, directions, box, jitter)
    contiguous = [None if t is None else t.detach().contiguous() for t in rays]
    mask = (occupancy.words, occupancy.reach, occupancy.box, list(occupancy.shape))
    return *contiguous, near, far, step, *mask


def kernel_arguments(  # type: ignore[no-untyped-def]
    origins, directions, box, jitter, near, far, step, words, reach, mask_box, mask_shape
):
    """Those arguments in the order in which every kernel takes them."""
    rays = (origins, directions, box, jitter, len(origins), near, far, step)
    return *rays, words, reach, mask_box, *mask_shape


def addresses(arguments):  # type: ignore[no-untyped-def]
    """Arguments with tensors as addresses, None as null: how the CPU kernels take them."""
    values = (a.data_ptr() if isinstance(a, Tensor) else a for a in arguments)
    return [0 if value is None else value for value in values]


def occupied_samples(
    origins: Tensor,
    directions: Tensor,
    occupancy: OccupancyBits,
    box: Tensor,
    near: float,
    far: float,
    step: float,
    jitter: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Points [N, 3], distances [N] and rays [N] int64 of all occupied samples, in plain PyTorch."""
    points, distances, ray_ids, _ = sample_rays_reference(
        origins, directions, box, jitter, near, far, step
    )
    kept = occupied_reference(points, occupancy.unpack(), occupancy.box)
    return points[kept], distances[kept], ray_ids[kept].long()


def _rays_hit_reference(*arguments) -> Tensor:  # type: ignore[no-untyped-def]
    """:func:`rays_hit` in plain PyTorch, after its checks."""
    _, _, ray_ids = occupied_samples(*arguments)
    return torch.bincount(ray_ids, minlength=len(arguments[0])) > 0


RAY_SCHEMA = (
    "Tensor origins, Tensor directions, Tensor box, Tensor? jitter, float near, float far, "
    "float step, Tensor words, Tensor reach, Tensor mask_box, int[3] mask_shape"
)

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(f"rays_hit({RAY_SCHEMA}) -> Tensor")


def _rays_hit_cpu(origins, *arguments):  # type: ignore[no-untyped-def]
    hits = origins.new_empty(len(origins), dtype=torch.bool)
    task = addresses(kernel_arguments(origins, *arguments))
    _native.cpu.rays_hit(*task, hits.data_ptr(), _native.threads())
    return hits


def _rays_hit_cuda(origins, *arguments):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    hits = origins.new_empty(len(origins), dtype=torch.bool)
    threads = _native.cpu.RAY_THREADS
    task = kernel_arguments(origins, *arguments)
    cuda.launch(
        origins.device, "curvox_rays_hit", -(-len(origins) // threads), threads, *task, hits
    )
    return hits


_library.impl("rays_hit", _rays_hit_cpu, "CPU")
_library.impl("rays_hit", _rays_hit_cuda, "CUDA")


@torch.library.register_fake("curvox::rays_hit")
def _(origins, *arguments):  # type: ignore[no-untyped-def]
    return origins.new_empty(origins.shape[0], dtype=torch.bool)
