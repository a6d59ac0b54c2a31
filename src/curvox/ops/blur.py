"""A Gaussian blur of an image, with a margin grown or cut on the way."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from curvox import _native
from curvox.ops.checks import check_float, runs_kernel

__all__ = ["blur_reference", "gaussian_blur", "gaussian_taps"]


def gaussian_blur(
    image: Tensor,
    sigma: float,
    *,
    reach: int | None = None,
    margin: int = 0,
    backend: str | None = None,
) -> Tensor:
    """Blur an image by a Gaussian; what lies outside it is zero.

    Args:
        image: [H, W], float32 or float64. Differentiable.
        sigma: standard deviation in pixels, positive.
        reach: pixels to either side that the Gaussian is cut at. None: five sigmas.
        margin: pixels that the result has on every side of the image; a negative one cuts them.
        backend: ``"torch"`` runs the reference. None takes the kernels for float32 on CPU and CUDA
            and the reference for everything else.

    Returns:
        [H + 2 margin, W + 2 margin], the dtype and device of `image`.

    Raises:
        ValueError: a shape or a number out of range.
        TypeError: another dtype.

    The taps are the Gaussian's own values, which add up to one for sigmas of a pixel or more. On
    the CPU the result has the same bits for any number of threads.
    """
    if image.ndim != 2:
        raise ValueError(f"image must be [H, W], got {list(image.shape)}")
    check_float("image", image)
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma must be positive and finite, got {sigma}")
    reach = math.ceil(5 * sigma) if reach is None else reach
    if reach < 0:
        raise ValueError(f"reach must not be negative, got {reach}")
    if min(image.shape) + 2 * margin < 1:
        raise ValueError(f"a margin of {margin} leaves nothing of {list(image.shape)}")
    kernel = runs_kernel(image, backend)
    taps = gaussian_taps(sigma, reach, image)
    if not kernel:
        return blur_reference(image, taps, margin)
    blurred: Tensor = _Blur.apply(image, taps, margin)
    return blurred


def gaussian_taps(sigma: float, reach: int, like: Tensor) -> Tensor:
    """The Gaussian of `sigma` at whole distances from -reach to reach, [2 reach + 1]."""
    distance = torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device) / sigma
    return torch.exp(-0.5 * distance**2) / (math.sqrt(2 * math.pi) * sigma)


def blur_reference(image: Tensor, taps: Tensor, margin: int) -> Tensor:
    """:func:`gaussian_blur` in plain PyTorch, after its checks."""
    border = len(taps) // 2 + margin
    padded = pad(image, [border] * 4)[None, None]
    return conv2d(conv2d(padded, taps[None, None, :, None]), taps[None, None, None])[0, 0]


class _Blur(torch.autograd.Function):
    @staticmethod
    def forward(ctx, image, taps, margin):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(taps)
        ctx.margin = margin
        return torch.ops.curvox.blur(image.contiguous(), taps, margin)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (taps,) = ctx.saved_tensors
        return torch.ops.curvox.blur(gradient.contiguous(), taps, -ctx.margin), None, None


_CUDA_THREADS = 256  # of a block

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define("blur(Tensor image, Tensor taps, int margin) -> Tensor")


def _blur_cpu(image, taps, margin):  # type: ignore[no-untyped-def]
    height, width = image.shape
    out = image.new_empty(height + 2 * margin, width + 2 * margin)
    _native.cpu.blur(
        image.data_ptr(),
        height,
        width,
        taps.data_ptr(),
        len(taps) // 2,
        margin,
        out.data_ptr(),
        _native.threads(),
    )
    return out


def _blur_cuda(image, taps, margin):  # type: ignore[no-untyped-def]
    from curvox._native import cuda

    height, width = image.shape
    down = image.new_empty(height + 2 * margin, width)
    out = image.new_empty(height + 2 * margin, width + 2 * margin)
    for name, source, target in (
        ("curvox_blur_down", image, down),
        ("curvox_blur_across", down, out),
    ):
        blocks = -(-target.numel() // _CUDA_THREADS)
        arguments = (source, *source.shape, taps, len(taps) // 2, margin, target)
        cuda.launch(image.device, name, blocks, _CUDA_THREADS, *arguments)
    return out


_library.impl("blur", _blur_cpu, "CPU")
_library.impl("blur", _blur_cuda, "CUDA")


@torch.library.register_fake("curvox::blur")
def _(image, taps, margin):  # type: ignore[no-untyped-def]
    height, width = image.shape
    return image.new_empty(height + 2 * margin, width + 2 * margin)
