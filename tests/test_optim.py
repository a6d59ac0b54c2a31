"""The fused Adam against torch's, and what torch's does not have."""

from copy import deepcopy

import pytest
import torch

from curvox.ops.adam import adam_step
from curvox.optim import Adam


def quadratic_losses(optimizer, parameters, steps):
    """Losses of an ill-conditioned bowl as `optimizer` descends."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = sum(
            (p * torch.arange(1, p.numel() + 1).view_as(p).to(p)).square().sum() for p in parameters
        )
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch(dtype, device):
    """Fifty steps of two groups with rates, betas and epsilon of their own."""
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator).to(device, dtype) for shape in ((7,), (3, 4))]
    ours = [tensor.clone().requires_grad_() for tensor in start]
    theirs = [tensor.clone().requires_grad_() for tensor in start]

    def groups(parameters):
        return [
            {"params": parameters[:1], "lr": 0.05, "betas": (0.8, 0.99)},
            {"params": parameters[1:], "eps": 1e-3},
        ]

    quadratic_losses(Adam(groups(ours), lr=0.1), ours, 50)
    quadratic_losses(torch.optim.Adam(groups(theirs), lr=0.1), theirs, 50)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=tolerance, atol=tolerance)


def test_rates_scale_the_step(device):
    """An entry with rate r moves as one alone would with learning rate r lr."""
    parameter = torch.ones(4, device=device, requires_grad=True)
    rates = torch.tensor([0.0, 0.5, 1.0, 2.0], device=device)
    optimizer = Adam([{"params": [parameter], "rates": [rates]}], lr=0.1)
    parameter.grad = torch.full_like(parameter, 3.0)
    optimizer.step()
    torch.testing.assert_close(parameter.detach(), 1 - 0.1 * rates)


def test_skip_zero_leaves_entries_alone(device):
    """A zero gradient freezes parameter and moments; without the option both decay and move."""
    generator = torch.Generator().manual_seed(0)
    parameter = torch.randn(1000, generator=generator).to(device)
    mean = torch.randn(1000, generator=generator).to(device)
    square = torch.rand(1000, generator=generator).to(device)
    gradient = torch.randn(1000, generator=generator).to(device)
    gradient[::3] = 0
    before = [tensor.clone() for tensor in (parameter, mean, square)]
    adam_step(parameter, gradient, mean, square, 2, learning_rate=0.1, skip_zero=True)
    for now, then in zip((parameter, mean, square), before, strict=True):
        assert torch.equal(now[::3], then[::3])
        assert (now[1::3] != then[1::3]).all()


@pytest.mark.parametrize("skip_zero", [False, True])
def test_kernel_equals_reference_on_large_tensors(skip_zero, device):
    """Large enough for several threads, with rates; to one unit in the last place or so."""
    generator = torch.Generator().manual_seed(0)
    parameter, gradient, mean = torch.randn(3, 100_003, generator=generator).to(device)
    square = torch.rand(100_003, generator=generator).to(device)
    rates = torch.rand(100_003, generator=generator).to(device)
    gradient[gradient.abs() < 0.5] = 0
    results = []
    for backend in (None, "torch"):
        state = [tensor.clone() for tensor in (parameter, mean, square)]
        adam_step(
            state[0],
            gradient,
            *state[1:],
            7,
            learning_rate=0.01,
            rates=rates,
            skip_zero=skip_zero,
            backend=backend,
        )
        results.append(state)
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_bits_do_not_depend_on_threads(threads):
    state = torch.randn(3, 50_000)
    results = []
    for count in (1, 2, 5):
        threads(count)
        parameter, gradient, mean = state.clone()
        adam_step(parameter, gradient, mean, torch.ones(50_000), 1, learning_rate=0.1)
        results.append(parameter)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_state_survives_saving():
    """state_dict and load_state_dict continue to the same bits."""
    torch.manual_seed(0)
    parameter = torch.randn(20, requires_grad=True)
    optimizer = Adam([parameter], lr=0.1)
    quadratic_losses(optimizer, [parameter], 5)
    copy = parameter.detach().clone().requires_grad_()
    other = Adam([copy], lr=0.1)
    other.load_state_dict(deepcopy(optimizer.state_dict()))
    quadratic_losses(optimizer, [parameter], 5)
    quadratic_losses(other, [copy], 5)
    assert torch.equal(parameter, copy)


BAD = [
    ({"gradients": torch.zeros(3)}, ValueError, "gradients must be"),
    ({"mean": torch.zeros(4).double()}, TypeError, "mean is torch.float64"),
    ({"square": torch.zeros(8)[::2]}, ValueError, "square must be contiguous"),
    ({"step": 0}, ValueError, "step"),
    ({"learning_rate": -1.0}, ValueError, "learning_rate"),
    ({"learning_rate": float("nan")}, ValueError, "learning_rate"),
    ({"betas": (1.0, 0.9)}, ValueError, "betas"),
    ({"backend": "cuda"}, ValueError, "backend"),
    ({"rates": torch.zeros(5)}, ValueError, "rates must be"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_bad_arguments(change, error, message):
    arguments = {name: torch.zeros(4) for name in ("parameters", "gradients", "mean", "square")}
    arguments.update({"step": 1, "learning_rate": 0.1}, **change)
    with pytest.raises(error, match=message):
        adam_step(**arguments)


def test_wrong_number_of_rates():
    parameter = torch.zeros(3, requires_grad=True)
    optimizer = Adam([{"params": [parameter], "rates": [None, None]}])
    with pytest.raises(ValueError, match="for each of the 1 parameters"):
        optimizer.step()
