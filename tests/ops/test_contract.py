"""What every op promises, in one test each: registration, gradients, agreement with its reference.

A new op adds one entry to OPS.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from curvox.ops.adam import adam_step, adam_step_reference
from curvox.ops.network import shallow_network
from curvox.ops.splat import splat


@dataclass(frozen=True)
class Op:
    """An op, how to call it on small random input, and how far it may be from its reference.

    `inputs` makes the differentiable tensors; `call` runs the op on them with a backend.
    `raw` lists the registered functions beneath with arguments for opcheck.
    """

    name: str
    inputs: Callable
    call: Callable
    raw: Callable
    value_tolerance: float
    gradient_tolerance: float


def _splat_inputs(device, dtype):
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(4, 3, 2, generator=generator) * 1.4 - 0.2
    weights = torch.randn(4, generator=generator)
    sigmas = torch.rand(4, generator=generator) * 0.1 + 0.02
    return [tensor.to(device, dtype) for tensor in (points, weights, sigmas)]


def _splat_call(points, weights, sigmas, backend):
    return splat(points, weights, sigmas, 13, 21, steps=9, backend=backend)


def _splat_raw(device):
    inputs = _splat_inputs(device, torch.float32)
    gradient = torch.randn(13, 21, device=device)
    return [
        (torch.ops.curvox.splat, (*inputs, 13, 21, 9, 0.0, 1e-6)),
        (torch.ops.curvox.splat_backward, (gradient, *inputs, 9, 0.0, 1e-6, True)),
        (torch.ops.curvox.splat_backward, (gradient, *inputs, 9, 3.0, 1e-6, False)),
    ]


def _adam_inputs(device, dtype):
    generator = torch.Generator().manual_seed(1)
    parameters, gradients, mean = torch.randn(3, 5, 40, generator=generator)
    square = torch.rand(5, 40, generator=generator)
    return [tensor.to(device, dtype) for tensor in (parameters, gradients, mean, square)]


def _adam_call(parameters, gradients, mean, square, backend):
    state = [tensor.detach().clone() for tensor in (parameters, mean, square)]
    adam_step(state[0], gradients, *state[1:], 3, learning_rate=0.1, backend=backend)
    return torch.cat(state)


def _adam_raw(device):
    settings = (0.1, 0.9, 0.999, 1e-8, 0.1, 0.03)
    inputs = _adam_inputs(device, torch.float32)
    return [
        (torch.ops.curvox.adam_step, (*inputs, None, *settings, False)),
        (torch.ops.curvox.adam_step, (*inputs, torch.ones_like(inputs[0]), *settings, True)),
    ]


def _network_inputs(device, dtype):
    generator = torch.Generator().manual_seed(1)
    shapes = ((40, 5), (6, 9), (9, 5), (9, 9), (9,), (3, 9), (3,))
    return [torch.randn(shape, generator=generator).to(device, dtype) for shape in shapes]


_NETWORK_RAYS = torch.arange(40, dtype=torch.int32) // 8


def _network_call(features, ray_inputs, *weights, backend):
    ray_ids = _NETWORK_RAYS.to(features.device)
    return shallow_network(features, ray_inputs, ray_ids, *weights, backend=backend)


def _network_raw(device):
    features, ray_inputs, *weights = _network_inputs(device, torch.float32)
    if device != "cpu":
        return []  # a GPU runs the reference
    inputs = (features, ray_inputs, _NETWORK_RAYS, *weights)
    colours, gradient = torch.rand(2, 40, 3)
    return [
        (torch.ops.curvox.network, (*inputs, False)),
        (torch.ops.curvox.network_backward, (gradient, colours, *inputs, True)),
    ]


OPS = [
    Op("splat", _splat_inputs, _splat_call, _splat_raw, 1.1e-4, 1e-4),
    Op("shallow_network", _network_inputs, _network_call, _network_raw, 1e-6, 1e-5),
    Op("adam_step", _adam_inputs, _adam_call, _adam_raw, 1e-6, 0.0),
]


@pytest.fixture(params=OPS, ids=lambda op: op.name)
def op(request):
    return request.param


def test_registration(op, device):
    """Schema, aliasing, fake tensors and compilation agree with what the kernels do."""
    for function, arguments in op.raw(device):
        torch.library.opcheck(function, arguments)


def test_reference_gradients(op, device):
    """The reference's gradients in float64 are those of finite differences."""
    if op.gradient_tolerance == 0:
        pytest.skip(f"{op.name} works in place and has no gradient")
    inputs = [tensor.requires_grad_() for tensor in op.inputs(device, torch.float64)]
    assert torch.autograd.gradcheck(lambda *args: op.call(*args, backend="torch"), inputs)


def test_kernel_against_reference(op, device):
    """Values and gradients of the float32 kernel against the reference in float64."""
    fast = [tensor.requires_grad_() for tensor in op.inputs(device, torch.float32)]
    exact = [tensor.detach().double().requires_grad_() for tensor in fast]
    value, expected = op.call(*fast, backend=None), op.call(*exact, backend="torch")
    assert value.dtype == torch.float32
    assert (value - expected).abs().max() <= op.value_tolerance
    if op.gradient_tolerance == 0:
        return
    cotangent = torch.randn_like(expected)
    gradients = torch.autograd.grad(value, fast, cotangent.float())
    for ours, theirs in zip(
        gradients, torch.autograd.grad(expected, exact, cotangent), strict=True
    ):
        assert (ours - theirs).norm() <= op.gradient_tolerance * theirs.norm()


def test_reference_of_adam_is_what_double_runs():
    """float64 takes the reference: bit for bit the same function."""
    parameters, gradients, mean, square = _adam_inputs("cpu", torch.float64)
    state = [tensor.clone() for tensor in (parameters, mean, square)]
    adam_step(parameters, gradients, mean, square, 1, learning_rate=0.1)
    adam_step_reference(
        state[0], gradients, *state[1:], None, 0.1, 0.9, 0.999, 1e-8, 0.1, 0.001**0.5, False
    )
    torch.testing.assert_close(parameters, state[0], rtol=1e-12, atol=0)
