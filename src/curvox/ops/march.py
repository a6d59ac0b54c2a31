"""Rays marched through an occupancy mask and a density grid: the samples that make up a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.alpha import density_to_alpha_reference
from curvox.ops.checks import MOST_SAMPLES, check_count, check_rays, runs_kernel
from curvox.ops.grid import check_grid, interpolate_reference
from curvox.ops.interpolate import grid_gradient
from curvox.ops.ragged import Padded, ray_ranges
from curvox.ops.rays_hit import (
    RAY_SCHEMA,
    OccupancyBits,
    addresses,
    check_occupancy,
    kernel_arguments,
    occupied_samples,
    ray_arguments,
)
from curvox.ops.weights import alpha_to_weights_reference

__all__ = ["MarchedSamples", "march"]


class MarchedSamples(NamedTuple):
    """What is left of the samples of R rays: one ragged list, ray after ray, near to far.

    Attributes:
        distances: [A] along the rays.
        points: [A, 3].
        ray_ids: [A] int32.
        offsets: [R + 1] int64: ray r owns samples offsets[r] to offsets[r + 1] - 1.
        alpha: [A], the share of light that each takes. Not differentiable.
        weights: [A], alpha times the transmittance before it. Differentiable.
        last_transmittance: [R], behind each ray's last sample. Differentiable.
    """

    distances: Tensor
    points: Tensor
    ray_ids: Tensor
    offsets: Tensor
    alpha: Tensor
    weights: Tensor
    last_transmittance: Tensor


def march(
    origins: Tensor,
    directions: Tensor,
    density_values: Tensor,
    shape: Sequence[int],
    box: Tensor,
    occupancy: OccupancyBits,
    near: float,
    far: float,
    step: float,
    *,
    shift: float,
    interval: float,
    alpha_threshold: float,
    stop: float,
    jitter: Tensor | None = None,
    sparse: bool = False,
    capacity: int | None = None,
    backend: str | None = None,
) -> MarchedSamples:
    """March rays through a density grid, and keep the samples that count.

    In one go what the ops `sample_rays`, `occupied`, `interpolate`, `density_to_alpha` and
    `alpha_to_weights` do one after the other: of the samples inside the
    box those are kept that are occupied, then those whose alpha is not under the threshold, then
    those up to the one that takes its ray's transmittance under `stop`, itself included.

    Args:
        origins: [R, 3], float32 or float64, finite.
        directions: [R, 3], finite, of unit length; components may be zero.
        density_values: [V, 1] raw density at the grid's points, as `values` of
            :func:`curvox.ops.interpolate.interpolate`. Differentiable; the only argument that is.
        shape: X, Y, Z of the grid, each at least 2.
        box: [2, 3], the grid's lowest and highest corner. Samples stand inside it.
        occupancy: of the dtype and on the device of `origins`. Its box may be another.
        near, far: distances, 0 <= near <= far, finite.
        step: distance between samples, positive.
        shift, interval: alpha = 1 - (1 + exp(density + shift)) ** -interval.
        alpha_threshold: samples with a smaller alpha are left out, in [0, 1].
        stop: rays end when their transmittance falls under it, in [0, 1]. 0: they never do.
        jitter: [R] in [0, 1), where in its step a ray's samples stand. None: a half for every ray.
        sparse: make the gradient of `density_values` sparse, as :func:`interpolate` does.
        capacity: for the kernels on CUDA alone: how long the lists shall be, so that nothing is
            waited for, as in a CUDA graph. What is left of each list holds zeros and, as ray, the
            last one. If offsets[R] is `capacity`, samples may be missing.
        backend: ``"torch"`` runs the reference, which holds all samples in the box at once. None
            takes the kernels for float32 on CPU and CUDA and the reference for everything else.

    Raises:
        ValueError: shapes, numbers out of range, 2^31 samples or more, a capacity elsewhere than on
            CUDA, and on the CPU rays that are not finite, jitter outside [0, 1), a box that is
            none. On CUDA no value is looked at.
        TypeError: a dtype or device that differs from that of `origins`.

    On the CPU samples and gradients have the same bits for any number of threads. On CUDA gradients
    are added up by atomic operations, in no fixed order, and without a capacity one number, how
    many samples there are, is waited for.
    """
    check_rays(origins, directions, box, near, far, step, jitter)
    check_grid("density_values", density_values, shape, box)
    if density_values.shape[1] != 1:
        raise ValueError(f"density_values must be [V, 1], got {list(density_values.shape)}")
    check_occupancy(occupancy, origins)
    if not math.isfinite(shift) or not 0 < interval < math.inf:
        raise ValueError(
            f"shift must be finite and interval positive and finite, got {shift} and {interval}"
        )
    if not 0 <= alpha_threshold <= 1 or not 0 <= stop <= 1:
        raise ValueError(
            f"alpha_threshold and stop must lie in [0, 1], got {alpha_threshold} and {stop}"
        )
    kernel = runs_kernel(origins, backend)
    if capacity is not None and not (kernel and origins.is_cuda and 0 < capacity <= MOST_SAMPLES):
        raise ValueError(f"a capacity is for kernels on CUDA, 1 to 2^31 - 1, got {capacity}")
    if kernel:
        rays = ray_arguments(origins, directions, occupancy, box, near, far, step, jitter)
        rule = (shift, interval, alpha_threshold, stop, capacity)
        return MarchedSamples(*_March.apply(density_values, rays, list(shape), rule, sparse))
    samples = occupied_samples(origins, directions, occupancy, box, near, far, step, jitter)
    on_cpu = origins.device.type == "cpu"
    density = interpolate_reference(density_values, shape, box, samples[0], sparse and on_cpu)
    return _composite_reference(
        *samples, density[:, 0], len(origins), shift, interval, alpha_threshold, stop
    )


def _composite_reference(
    points: Tensor,
    distances: Tensor,
    rays: Tensor,
    density: Tensor,
    num_rays: int,
    shift: float,
    interval: float,
    alpha_threshold: float,
    stop: float,
) -> MarchedSamples:
    """:func:`march` from the occupied samples on, in plain PyTorch."""
    alpha = density_to_alpha_reference(density, shift, interval)
    kept = ~(alpha < alpha_threshold)
    alpha, rays, points, distances = alpha[kept], rays[kept], points[kept], distances[kept]
    offsets = ray_ranges(rays, num_rays)
    weights, last_transmittance = alpha_to_weights_reference(alpha, offsets, stop)
    padded = Padded(offsets)
    ended = (1 - padded.spread(alpha.detach())).cumprod(1) < stop
    ended_before = ended.cumsum(1) > ended  # at an earlier sample
    lit = ~padded.collect(ended_before)
    rays = rays[lit]
    return MarchedSamples(
        distances[lit],
        points[lit],
        rays.int(),
        ray_ranges(rays, num_rays),
        alpha[lit].detach(),
        weights[lit],
        last_transmittance,
    )


class _March(torch.autograd.Function):
    @staticmethod
    def forward(ctx, density_values, rays, shape, rule, sparse):  # type: ignore[no-untyped-def]
        grid = (density_values.contiguous(), shape)
        results = torch.ops.curvox.march(*rays, *grid, *rule)
        distances, points, ray_ids, offsets, density, alpha, weights, last = results
        box = rays[2]
        ctx.save_for_backward(box, points, offsets, density, alpha)
        ctx.settings = (shape, rule, sparse)
        ctx.mark_non_differentiable(distances, points, ray_ids, offsets, alpha)
        return distances, points, ray_ids, offsets, alpha, weights, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):  # type: ignore[no-untyped-def]
        box, points, offsets, density, alpha = ctx.saved_tensors
        shape, (shift, interval, *_), sparse = ctx.settings
        weights, last = (gradient.contiguous() for gradient in gradients[-2:])
        samples = torch.ops.curvox.march_backward(
            weights, last, alpha, density, offsets, shift, interval
        )
        return grid_gradient(samples[:, None], shape, box, points, sparse), *[None] * 4


_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(
    f"march({RAY_SCHEMA}, Tensor density_values, int[3] shape, float shift, float interval, "
    "float alpha_threshold, float stop, int? capacity) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
)
_library.define(
    "march_backward(Tensor weights_gradient, Tensor last_gradient, Tensor alpha, Tensor density, "
    "Tensor offsets, float shift, float interval) -> Tensor"
)


def _samples(memory, count, offsets):  # type: ignore[no-untyped-def]
    """Memory for what the march returns before last_transmittance: distances, points, ray_ids,
    offsets, density, alpha, weights. `memory` is ``new_empty`` or ``new_zeros`` of a tensor.
    """
    ray_ids = memory(count, dtype=torch.int32)
    ends = memory(count), memory(count), memory(count)
    return memory(count), memory(count, 3), ray_ids, offsets, *ends


def _kernel_task(arguments):  # type: ignore[no-untyped-def]
    *rays, density_values, shape, shift, interval, alpha_threshold, stop = arguments
    rule = (shift, interval, alpha_threshold, stop)
    return *kernel_arguments(*rays), density_values, *shape, *rule


def _march_cpu(*arguments):  # type: ignore[no-untyped-def]
    *arguments, _ = arguments
    origins = arguments[0]
    marched = _native.cpu.MarchedRays(*addresses(_kernel_task(arguments)), _native.threads())
    check_count(marched.count)
    offsets = origins.new_empty(len(origins) + 1, dtype=torch.int64)
    last = origins.new_empty(len(origins))
    samples = (*_samples(origins.new_empty, marched.count, offsets), last)
    marched.copy(*addresses(samples))
    return samples


def _march_cuda(*arguments):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    *arguments, capacity = arguments
    origins, task = arguments[0], _kernel_task(arguments)
    launch = (len(origins), _native.cpu.MARCH_THREADS, *task)  # a block for each ray
    counts = origins.new_zeros(len(origins) + 1, dtype=torch.int64)
    last = origins.new_empty(len(origins))
    cuda.launch(origins.device, "curvox_march_count", *launch, counts[1:], last)
    offsets = counts.cumsum(0)
    if capacity is None:
        count = int(offsets[-1])
        check_count(count)
        samples = _samples(origins.new_empty, count, offsets)
    else:
        count = capacity
        samples = _samples(origins.new_zeros, count, offsets.clamp_(max=count))
        samples[2].fill_(len(origins) - 1)
    distances, points, ray_ids, _, *others = samples
    emitted = (offsets, distances, points, ray_ids, *others, count)
    cuda.launch(origins.device, "curvox_march_emit", *launch, *emitted)
    return *samples, last


def _march_backward_cpu(weights_gradient, last_gradient, alpha, density, offsets, *rule):  # type: ignore[no-untyped-def]
    gradient = torch.empty_like(alpha)
    task = (alpha, density, offsets, len(offsets) - 1, len(alpha), *rule)
    task = addresses((*task, weights_gradient, last_gradient, gradient))
    _native.cpu.march_backward(*task, _native.threads())
    return gradient


def _march_backward_cuda(weights_gradient, last_gradient, alpha, density, offsets, *rule):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    gradient = torch.zeros_like(alpha)  # behind the samples of the last ray, too
    count = len(offsets) - 1
    task = (alpha, density, offsets, count, len(alpha), *rule)
    task = (*task, weights_gradient, last_gradient, gradient)
    cuda.launch(alpha.device, "curvox_march_backward", count, _native.cpu.MARCH_THREADS, *task)
    return gradient


_library.impl("march", _march_cpu, "CPU")
_library.impl("march", _march_cuda, "CUDA")
_library.impl("march_backward", _march_backward_cpu, "CPU")
_library.impl("march_backward", _march_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::march")
def _(origins, *arguments):  # type: ignore[no-untyped-def]
    count = torch.library.get_ctx().new_dynamic_size()
    offsets = origins.new_empty(origins.shape[0] + 1, dtype=torch.int64)
    return *_samples(origins.new_empty, count, offsets), origins.new_empty(origins.shape[0])


@torch.library.register_fake("curvox::march_backward")
def _(weights_gradient, last_gradient, alpha, *arguments):  # type: ignore[no-untyped-def]
    return torch.empty_like(alpha)
