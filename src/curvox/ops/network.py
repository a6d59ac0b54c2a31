"""A shallow network over samples of rays: what turns features into colours."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_float, check_like, runs_kernel
from curvox.ops.network_cuda import network_backward_cuda, network_cuda, runs_tensor_cores

__all__ = ["network_reference", "shallow_network"]

_COLOURS = 3


def shallow_network(
    features: Tensor,
    ray_inputs: Tensor,
    ray_ids: Tensor,
    first: Tensor,
    second: Tensor,
    second_bias: Tensor,
    last: Tensor,
    last_bias: Tensor,
    *,
    precision: str = "float32",
    backend: str | None = None,
) -> Tensor:
    r"""Colours of samples by a network with two hidden layers of one width.

    .. math::
        h_1 = \mathrm{relu}(W_1 f + d_{ray}), \quad h_2 = \mathrm{relu}(W_2 h_1 + b_2), \quad
        c = \sigma(W_3 h_2 + b_3)

    What is the same for all samples of a ray, its direction above all, enters as d: its product
    with the first layer's weights, and that layer's bias, are computed once a ray.

    Args:
        features: [K, C], float32 or float64. Differentiable.
        ray_inputs: [R, W], d of each ray. Differentiable.
        ray_ids: [K], int32, the ray of each sample, in rising order.
        first: [W, C]. Differentiable, as are all of the following.
        second: [W, W].
        second_bias: [W].
        last: [3, W].
        last_bias: [3].
        precision: ``"bfloat16"`` allows a kernel to round the operands of products to bfloat16,
            where the processor has a matrix unit for it or the GPU tensor cores (compute capability
            8.0; W a multiple of 16 up to 128, C up to 64), which is several times faster: about
            three digits. Sums are float32 either way. ``"float32"`` never rounds them so.
        backend: ``"torch"`` runs the reference. None takes the kernel for float32 on the CPU, on
            CUDA with what ``"bfloat16"`` asks for, and the reference for everything else.

    Returns:
        [K, 3], in 0..1.

    Raises:
        ValueError: shapes that do not fit; on the CPU ray_ids that fall or are out of range.
        TypeError: dtypes or devices that differ.

    On the CPU values and gradients have the same bits for any number of threads, by the kernel for
    CUDA the same bits every time; there, the colour of a ray that does not exist is NaN.
    """
    tensors = (features, ray_inputs, first, second, second_bias, last, last_bias)
    _check(tensors, ray_ids)
    kernel = runs_kernel(features, backend)
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision must be 'float32' or 'bfloat16', got {precision!r}")
    tiles = precision == "bfloat16"
    if kernel and features.device.type == "cuda":
        kernel = tiles and runs_tensor_cores(features, ray_inputs.shape[1])
    if not kernel:
        return network_reference(
            features, ray_inputs, ray_ids, first, second, second_bias, last, last_bias
        )
    colours: Tensor = _Network.apply(
        tiles, features, ray_inputs, ray_ids, first, second, second_bias, last, last_bias
    )
    return colours


def _check(tensors: tuple[Tensor, ...], ray_ids: Tensor) -> None:
    features, ray_inputs, first, second, second_bias, last, last_bias = tensors
    if features.ndim != 2 or ray_inputs.ndim != 2:
        raise ValueError(
            f"features must be [K, C] and ray_inputs [R, W], got {list(features.shape)} "
            f"and {list(ray_inputs.shape)}"
        )
    (count, inputs), width = features.shape, ray_inputs.shape[1]
    if inputs < 1 or width < 1:
        raise ValueError(f"there must be inputs and a width, got C = {inputs} and W = {width}")
    if ray_ids.shape != (count,):
        raise ValueError(f"ray_ids must be [{count}], got {list(ray_ids.shape)}")
    if ray_ids.dtype != torch.int32 or ray_ids.device != features.device:
        raise TypeError(
            f"ray_ids must be int32 on {features.device}, got {ray_ids.dtype} on {ray_ids.device}"
        )
    check_float("features", features)
    for name, tensor, shape in (
        ("ray_inputs", ray_inputs, tuple(ray_inputs.shape)),
        ("first", first, (width, inputs)),
        ("second", second, (width, width)),
        ("second_bias", second_bias, (width,)),
        ("last", last, (_COLOURS, width)),
        ("last_bias", last_bias, (_COLOURS,)),
    ):
        check_like(name, tensor, shape, "features", features)


def network_reference(
    features: Tensor,
    ray_inputs: Tensor,
    ray_ids: Tensor,
    first: Tensor,
    second: Tensor,
    second_bias: Tensor,
    last: Tensor,
    last_bias: Tensor,
) -> Tensor:
    """:func:`shallow_network` in plain PyTorch."""
    hidden = torch.relu(features @ first.T + ray_inputs.index_select(0, ray_ids))
    hidden = torch.relu(torch.addmm(second_bias, hidden, second.T))
    return torch.sigmoid(torch.addmm(last_bias, hidden, last.T))


class _Network(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tiles, *inputs):  # type: ignore[no-untyped-def]
        inputs = tuple(tensor.contiguous() for tensor in inputs)
        colours = torch.ops.curvox.network(*inputs, tiles)
        ctx.save_for_backward(*inputs, colours)
        ctx.tiles = tiles
        return colours

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, colours_gradient):  # type: ignore[no-untyped-def]
        *inputs, colours = ctx.saved_tensors
        gradients = torch.ops.curvox.network_backward(
            colours_gradient.contiguous(), colours, *inputs, ctx.tiles
        )
        return (None, *gradients[:2], None, *gradients[2:])


_ARGUMENTS = (
    "Tensor features, Tensor ray_inputs, Tensor ray_ids, Tensor first, Tensor second, "
    "Tensor second_bias, Tensor last, Tensor last_bias, bool tiles"
)

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(f"network({_ARGUMENTS}) -> Tensor")
_library.define(
    f"network_backward(Tensor colours_gradient, Tensor colours, {_ARGUMENTS}) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
)


def _network_cpu(*arguments):  # type: ignore[no-untyped-def]
    *inputs, tiles = arguments
    features, ray_inputs = inputs[:2]
    colours = features.new_empty(len(features), _COLOURS)
    _native.cpu.network_forward(
        *(tensor.data_ptr() for tensor in inputs),
        len(features),
        len(ray_inputs),
        features.shape[1],
        ray_inputs.shape[1],
        tiles,
        colours.data_ptr(),
        _native.threads(),
    )
    return colours


def _gradients_like(inputs):  # type: ignore[no-untyped-def]
    features, ray_inputs, _, *weights = inputs
    return tuple(torch.empty_like(tensor) for tensor in (features, ray_inputs, *weights))


def _network_backward_cpu(colours_gradient, colours, *arguments):  # type: ignore[no-untyped-def]
    *inputs, tiles = arguments
    features, ray_inputs = inputs[:2]
    gradients = _gradients_like(inputs)
    _native.cpu.network_backward(
        *(tensor.data_ptr() for tensor in inputs),
        len(features),
        len(ray_inputs),
        features.shape[1],
        ray_inputs.shape[1],
        tiles,
        colours.data_ptr(),
        colours_gradient.data_ptr(),
        *(gradient.data_ptr() for gradient in gradients),
        _native.threads(),
    )
    return gradients


def _network_cuda(*arguments):  # type: ignore[no-untyped-def]
    *inputs, tiles = arguments
    _check_tensor_cores(inputs, tiles)
    return network_cuda(*inputs)


def _network_backward_cuda(colours_gradient, colours, *arguments):  # type: ignore[no-untyped-def]
    *inputs, tiles = arguments
    _check_tensor_cores(inputs, tiles)
    return network_backward_cuda(colours_gradient, colours, *inputs)


def _check_tensor_cores(inputs: list[Tensor], tiles: bool) -> None:
    if not (tiles and runs_tensor_cores(inputs[0], inputs[1].shape[1])):
        raise NotImplementedError("shallow_network takes its reference for this on CUDA")


_library.impl("network", _network_cpu, "CPU")
_library.impl("network_backward", _network_backward_cpu, "CPU")
_library.impl("network", _network_cuda, "CUDA")
_library.impl("network_backward", _network_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::network")
def _(features, *arguments):  # type: ignore[no-untyped-def]
    return features.new_empty(features.shape[0], _COLOURS)


@torch.library.register_fake("curvox::network_backward")
def _(colours_gradient, colours, *arguments):  # type: ignore[no-untyped-def]
    return _gradients_like(arguments[:-1])
