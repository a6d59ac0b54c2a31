"""One step of Adam over a tensor, or over the touched rows of one, in one pass over memory."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import runs_kernel

__all__ = ["adam_rows", "adam_rows_reference", "adam_step", "adam_step_reference"]


def adam_step(
    parameters: Tensor,
    gradients: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    *,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    rates: Tensor | None = None,
    skip_zero: bool = False,
    backend: str | None = None,
) -> None:
    """Update `parameters`, `mean` and `square` in place (Kingma & Ba 2015, algorithm 1).

    Args:
        parameters, gradients, mean, square: one shape, floating point, on one device; all but
            `gradients` contiguous. The moments start as zeros.
        step: number of this step, from 1 on: the bias correction's exponent.
        learning_rate: step size, not negative.
        betas: decay rates of the two moments, in [0, 1).
        epsilon: added to the root of the second moment, positive.
        rates: the shape of `parameters`, a factor of the learning rate for each entry. None: ones.
        skip_zero: entries whose gradient is exactly zero stay as they are, moments included: for
            large grids of which a step touches a small part.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Raises:
        ValueError: shapes that differ, memory that is not contiguous, numbers out of range.
        TypeError: dtypes or devices that differ.
    """
    _check(parameters, gradients, mean, square, rates, step, learning_rate, betas, epsilon)
    if gradients.shape != parameters.shape:
        raise ValueError(f"gradients must be {list(parameters.shape)}, got {list(gradients.shape)}")
    kernel = runs_kernel(parameters, backend)
    function = torch.ops.curvox.adam_step if kernel else adam_step_reference
    function(
        parameters.detach(),
        gradients.detach().contiguous(),
        mean,
        square,
        None if rates is None else rates.contiguous(),
        learning_rate,
        *betas,
        epsilon,
        1 - betas[0] ** step,
        math.sqrt(1 - betas[1] ** step),
        skip_zero,
    )


def adam_rows(
    parameters: Tensor,
    rows: Tensor,
    gradients: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    *,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    rates: Tensor | None = None,
    backend: str | None = None,
) -> None:
    """:func:`adam_step` at some rows of a matrix: what a sparse gradient leaves out is not visited.

    Entries whose gradient is exactly zero stay as they are, moments included, like those of the
    other rows: the result is that of :func:`adam_step` with ``skip_zero`` on the dense gradient.

    Args:
        parameters, mean, square: [V, C], floating point, on one device, contiguous.
        rows: [U] int64, ascending, none twice, in 0 to V - 1.
        gradients: [U, C].
        step: number of this step, from 1 on.
        learning_rate, betas, epsilon: as for :func:`adam_step`.
        rates: [V, C], a factor of the learning rate for each entry. None: ones.
        backend: ``"torch"`` runs the reference; None the kernel for float32 on the CPU and CUDA.

    Raises:
        ValueError: shapes that do not fit, numbers out of range, and on the CPU rows that do not
            exist or do not ascend. On CUDA nothing is read back: the kernel leaves out rows that do
            not exist, and rows that come twice race.
        TypeError: dtypes or devices that differ.
    """
    _check(parameters, gradients, mean, square, rates, step, learning_rate, betas, epsilon)
    if parameters.ndim != 2:
        raise ValueError(f"parameters must be [V, C], got {list(parameters.shape)}")
    if rows.ndim != 1:
        raise ValueError(f"rows must be [U], got {list(rows.shape)}")
    if rows.dtype != torch.int64 or rows.device != parameters.device:
        raise TypeError(
            f"rows must be int64 on {parameters.device}, got {rows.dtype} on {rows.device}"
        )
    if gradients.shape != (rows.shape[0], parameters.shape[1]):
        raise ValueError(
            f"gradients must be {[rows.shape[0], parameters.shape[1]]}, got {list(gradients.shape)}"
        )
    kernel = runs_kernel(parameters, backend)
    function = torch.ops.curvox.adam_rows if kernel else adam_rows_reference
    function(
        parameters.detach(),
        rows.contiguous(),
        gradients.detach().contiguous(),
        mean,
        square,
        None if rates is None else rates.contiguous(),
        learning_rate,
        *betas,
        epsilon,
        1 - betas[0] ** step,
        math.sqrt(1 - betas[1] ** step),
    )


def _check(
    parameters: Tensor,
    gradients: Tensor,
    mean: Tensor,
    square: Tensor,
    rates: Tensor | None,
    step: int,
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
) -> None:
    """Raise ValueError or TypeError for what neither form of the step can take."""
    tensors = {"gradients": gradients, "mean": mean, "square": square}
    if rates is not None:
        tensors["rates"] = rates
    for name, tensor in tensors.items():
        if name != "gradients" and tensor.shape != parameters.shape:
            raise ValueError(f"{name} must be {list(parameters.shape)}, got {list(tensor.shape)}")
        if tensor.dtype != parameters.dtype or tensor.device != parameters.device:
            raise TypeError(
                f"{name} is {tensor.dtype} on {tensor.device}, "
                f"parameters {parameters.dtype} on {parameters.device}"
            )
    for name, tensor in {"parameters": parameters, "mean": mean, "square": square}.items():
        if not tensor.is_contiguous():
            raise ValueError(f"{name} must be contiguous: it is updated in place")
    if not parameters.dtype.is_floating_point:
        raise TypeError(f"parameters must be floating point, got {parameters.dtype}")
    if step < 1:
        raise ValueError(f"step must be at least 1, got {step}")
    if not 0 <= betas[0] < 1 or not 0 <= betas[1] < 1:
        raise ValueError(f"betas must lie in [0, 1), got {betas}")
    if not learning_rate >= 0 or not epsilon > 0:
        raise ValueError(
            f"learning_rate must not be negative and epsilon must be positive, "
            f"got {learning_rate} and {epsilon}"
        )


def adam_step_reference(
    parameters: Tensor,
    gradients: Tensor,
    mean: Tensor,
    square: Tensor,
    rates: Tensor | None,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    mean_correction: float,
    square_correction: float,
    skip_zero: bool,
) -> None:
    """:func:`adam_step` in plain PyTorch, after its checks."""
    new_mean = mean + (1 - beta1) * (gradients - mean)
    new_square = beta2 * square + (1 - beta2) * gradients**2
    update = new_mean / mean_correction / (new_square.sqrt() / square_correction + epsilon)
    update = learning_rate * update * (1 if rates is None else rates)
    touched = gradients != 0 if skip_zero else torch.ones_like(gradients, dtype=torch.bool)
    parameters.copy_(torch.where(touched, parameters - update, parameters))
    mean.copy_(torch.where(touched, new_mean, mean))
    square.copy_(torch.where(touched, new_square, square))


def adam_rows_reference(
    parameters: Tensor,
    rows: Tensor,
    gradients: Tensor,
    mean: Tensor,
    square: Tensor,
    rates: Tensor | None,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    mean_correction: float,
    square_correction: float,
) -> None:
    """:func:`adam_rows` in plain PyTorch, after its checks."""
    if parameters.device.type == "cpu" and rows.numel():
        if rows.min() < 0 or rows.max() >= parameters.shape[0]:
            raise ValueError(f"rows must lie in 0 to {parameters.shape[0] - 1}")
        if (rows[1:] <= rows[:-1]).any():
            raise ValueError("rows must ascend")
    some_parameters, some_means, some_squares = parameters[rows], mean[rows], square[rows]
    adam_step_reference(
        some_parameters,
        gradients,
        some_means,
        some_squares,
        None if rates is None else rates[rows],
        learning_rate,
        beta1,
        beta2,
        epsilon,
        mean_correction,
        square_correction,
        True,
    )
    parameters[rows] = some_parameters
    mean[rows] = some_means
    square[rows] = some_squares


_CUDA_THREADS = 256  # of a block

_library = torch.library.Library("curvox", "FRAGMENT")
_library.define(
    "adam_step(Tensor(a!) parameters, Tensor gradients, Tensor(b!) mean, Tensor(c!) square, "
    "Tensor? rates, float learning_rate, float beta1, float beta2, float epsilon, "
    "float mean_correction, float square_correction, bool skip_zero) -> ()"
)
_library.define(
    "adam_rows(Tensor(a!) parameters, Tensor rows, Tensor gradients, Tensor(b!) mean, "
    "Tensor(c!) square, Tensor? rates, float learning_rate, float beta1, float beta2, "
    "float epsilon, float mean_correction, float square_correction) -> ()"
)


def _adam_step_cpu(  # type: ignore[no-untyped-def]
    parameters, gradients, mean, square, rates, *settings
):
    _native.cpu.adam_step(
        parameters.data_ptr(),
        gradients.data_ptr(),
        mean.data_ptr(),
        square.data_ptr(),
        0 if rates is None else rates.data_ptr(),
        parameters.numel(),
        *settings,
        _native.threads(),
    )


def _adam_step_cuda(  # type: ignore[no-untyped-def]
    parameters, gradients, mean, square, rates, *settings
):
    from curvox._native import cuda

    count = parameters.numel()
    cuda.launch(
        parameters.device,
        "curvox_adam_step",
        -(-count // _CUDA_THREADS),
        _CUDA_THREADS,
        parameters,
        gradients,
        mean,
        square,
        rates,
        count,
        *settings,
    )


def _adam_rows_cpu(  # type: ignore[no-untyped-def]
    parameters, rows, gradients, mean, square, rates, *settings
):
    _native.cpu.adam_rows(
        parameters.data_ptr(),
        rows.data_ptr(),
        gradients.data_ptr(),
        mean.data_ptr(),
        square.data_ptr(),
        0 if rates is None else rates.data_ptr(),
        parameters.numel(),
        *gradients.shape,
        *settings,
        _native.threads(),
    )


def _adam_rows_cuda(  # type: ignore[no-untyped-def]
    parameters, rows, gradients, mean, square, rates, *settings
):
    from curvox._native import cuda

    cuda.launch(
        parameters.device,
        "curvox_adam_rows",
        -(-gradients.numel() // _CUDA_THREADS),
        _CUDA_THREADS,
        parameters,
        rows,
        gradients,
        mean,
        square,
        rates,
        parameters.numel(),
        *gradients.shape,
        *settings,
    )


_library.impl("adam_step", _adam_step_cpu, "CPU")
_library.impl("adam_step", _adam_step_cuda, "CUDA")
_library.impl("adam_rows", _adam_rows_cpu, "CPU")
_library.impl("adam_rows", _adam_rows_cuda, "CUDA")


@torch.library.register_fake("curvox::adam_step")
def _(parameters, gradients, mean, square, rates, *settings):  # type: ignore[no-untyped-def]
    return None


@torch.library.register_fake("curvox::adam_rows")
def _(parameters, rows, gradients, mean, square, rates, *settings):  # type: ignore[no-untyped-def]
    return None
