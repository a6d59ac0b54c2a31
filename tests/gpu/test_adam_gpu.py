"""Adam's CUDA kernel against torch's own and against the reference."""

import pytest
import torch

from curvox.ops.adam import adam_step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")


def _gradients(count, steps):
    generator = torch.Generator().manual_seed(1)
    gradients = torch.randn(steps, count, generator=generator)
    return (gradients * (torch.rand(steps, count, generator=generator) < 0.5)).cuda()


@pytest.mark.parametrize("count", [0, 1, 1000, 1_000_003])
def test_against_torch(count):
    """Ten steps of torch.optim.Adam."""
    gradients = _gradients(count, 10)
    ours = torch.ones(count, device="cuda")
    mean, square = torch.zeros_like(ours), torch.zeros_like(ours)
    theirs = torch.ones(count, device="cuda", requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.1, betas=(0.9, 0.99))
    for step, gradient in enumerate(gradients, 1):
        adam_step(ours, gradient, mean, square, step, learning_rate=0.1, betas=(0.9, 0.99))
        theirs.grad = gradient
        optimizer.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("skip_zero", [False, True])
@pytest.mark.parametrize("with_rates", [False, True])
def test_against_the_reference(skip_zero, with_rates):
    """Parameters and both moments after five steps, entries with zero gradient among them."""
    gradients = _gradients(5000, 5)
    rates = torch.rand(5000, device="cuda") if with_rates else None
    state = [torch.ones(5000, device="cuda"), *torch.zeros(2, 5000, device="cuda")]
    exact = [tensor.double() for tensor in state]
    for step, gradient in enumerate(gradients, 1):
        options = {"learning_rate": 0.1, "skip_zero": skip_zero}
        adam_step(state[0], gradient, *state[1:], step, rates=rates, **options)
        rates64 = None if rates is None else rates.double()
        adam_step(exact[0], gradient.double(), *exact[1:], step, rates=rates64, **options)
    for one, other in zip(state, exact, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-6)


def test_skipped_entries_keep_their_bits():
    """skip_zero leaves an entry without gradient untouched, moments and all."""
    gradient = _gradients(1000, 1)[0]
    state = torch.rand(3, 1000, device="cuda")
    before = state.clone()
    adam_step(state[0], gradient, state[1], state[2], 7, learning_rate=0.1, skip_zero=True)
    untouched = gradient == 0
    assert torch.equal(state[:, untouched], before[:, untouched])
    assert (state[0] != before[0])[~untouched].all()


def test_other_stream():
    """Work goes to torch's current stream, in order with what was put there before."""
    gradient = _gradients(1000, 1)[0]
    torch.cuda.synchronize()
    results = []
    for stream in (torch.cuda.default_stream(), torch.cuda.Stream()):
        with torch.cuda.stream(stream):
            torch.cuda._sleep(50_000_000)
            state = torch.ones(3, 1000, device="cuda")
            adam_step(state[0], gradient, state[1], state[2], 1, learning_rate=0.1)
            results.append(state)
    torch.cuda.synchronize()
    assert torch.equal(*results)
