"""The shallow network on CUDA's tensor cores: what the kernels are given, in which order they run.

The kernels are in ``kernels/cuda_network.inc``; the headers under it say what they do.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from curvox._native import cuda

__all__ = ["network_backward_cuda", "network_cuda", "runs_tensor_cores"]

_MOST_INPUTS, _MOST_WIDTH = 64, 128
_COLOURS = 3
_FORWARD_THREADS, _BACKWARD_THREADS, _SUM_THREADS = 384, 512, 128  # of a block, as in the headers
_READ_BY_FOURS = (1, 4, 6)  # of the inputs: ray_inputs, second, last
_SUMMED = 32  # weights' gradients that a block adds up

# Bytes of shared memory by most inputs, and on the way back by samples of a tile, too. The kernels
# hold these numbers to what they need when they are compiled.
_FORWARD_SHARED = {16: 43648, 64: 55936}
_BACKWARD_SHARED = {(16, 64): 82896, (16, 128): 122144, (64, 64): 101328, (64, 128): 146720}


def runs_tensor_cores(features: Tensor, width: int) -> bool:
    """Whether the kernels take float32 features [K, C] on CUDA with layers of that width."""
    fits = features.shape[1] <= _MOST_INPUTS and width <= _MOST_WIDTH and width % 16 == 0
    return fits and torch.cuda.get_device_capability(features.device) >= (8, 0)


@functools.cache
def _gpu(device: torch.device) -> tuple[int, int]:
    """Multiprocessors, and samples of a tile on the way back, see ``kernels/network_parts.h``."""
    major, minor = torch.cuda.get_device_capability(device)
    roomy = (major, minor) in ((8, 0), (8, 7)) or 9 <= major < 12
    blocks = torch.cuda.get_device_properties(device).multi_processor_count
    return blocks, 128 if roomy else 64


def _padded(inputs: int) -> int:
    return 16 if inputs <= 16 else 64


def _task(inputs: tuple[Tensor, ...]) -> tuple[Tensor | int, ...]:
    """What all kernels are given first."""
    count, rays = len(inputs[0]), len(inputs[1])
    if count > 0 and rays == 0:
        raise ValueError("samples must belong to rays, got no ray")
    tensors = list(inputs)
    for i in _READ_BY_FOURS:
        if tensors[i].data_ptr() % 16 > 0:
            tensors[i] = tensors[i].clone()
    return *tensors, count, rays, inputs[0].shape[1], inputs[1].shape[1]


def network_cuda(*inputs: Tensor) -> Tensor:
    """The op ``curvox::network`` on CUDA, with products of bfloat16."""
    features = inputs[0]
    colours = features.new_empty(len(features), _COLOURS)
    padded, blocks = _padded(features.shape[1]), _gpu(features.device)[0]
    warp_samples = 32 if padded == 16 else 16
    block_samples = _FORWARD_THREADS // 32 * warp_samples
    cuda.launch(
        features.device,
        f"curvox_network_{padded}",
        min(blocks, -(-len(features) // block_samples)),
        _FORWARD_THREADS,
        *_task(inputs),
        colours,
        shared=_FORWARD_SHARED[padded],
    )
    return colours


def network_backward_cuda(
    colours_gradient: Tensor, colours: Tensor, *inputs: Tensor
) -> tuple[Tensor, ...]:
    """The op ``curvox::network_backward`` on CUDA, with products of bfloat16."""
    features, ray_inputs, _, *weights = inputs
    device = features.device
    by_features, by_rays = torch.empty_like(features), torch.zeros_like(ray_inputs)
    by_weights = [torch.empty_like(weight) for weight in weights]
    blocks, tile_samples = _gpu(device)
    tiles = -(-len(features) // tile_samples)
    blocks, padded = min(blocks, tiles), _padded(features.shape[1])
    count, width = sum(weight.numel() for weight in weights), ray_inputs.shape[1]
    ends = features.new_empty(tiles, 2, width)
    live = torch.empty(tiles, dtype=torch.int32, device=device)
    sums = features.new_empty(blocks, -(-count // 4) * 4)
    results = (by_features, by_rays, ends, live, sums)
    task = (*_task(inputs), colours, colours_gradient, *results)
    shared = _BACKWARD_SHARED[padded, tile_samples]
    name = f"curvox_network_backward_{padded}"
    cuda.launch(device, name, blocks, _BACKWARD_THREADS, *task, shared=shared)
    groups = -(-count // _SUMMED) + tiles
    cuda.launch(device, "curvox_network_sums", groups, _SUM_THREADS, *task, blocks, *by_weights)
    return by_features, by_rays, *by_weights
