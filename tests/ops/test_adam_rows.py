"""Adam at the touched rows of a matrix, and the optimizer's sparse gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.adam import adam_rows, adam_step
from curvox.optim import Adam


def _state(height, channels, seed):
    generator = torch.Generator().manual_seed(seed)
    parameters, mean = torch.randn(2, height, channels, generator=generator)
    return [parameters, mean, torch.rand(height, channels, generator=generator) + 0.1]


@given(
    height=st.integers(1, 300),
    channels=st.sampled_from([1, 3, 12, 17]),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    with_rates=st.booleans(),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_equals_the_dense_step(height, channels, share, with_rates, seed):
    """What adam_step does with skip_zero, and the reference; to rounding."""
    generator = torch.Generator().manual_seed(seed)
    rows = (torch.rand(height, generator=generator) < share).nonzero()[:, 0]
    gradients = torch.randn(len(rows), channels, generator=generator)
    gradients[gradients.abs() < 0.3] = 0
    rates = torch.rand(height, channels, generator=generator) if with_rates else None
    dense = torch.zeros(height, channels).index_copy(0, rows, gradients)
    states = [_state(height, channels, seed) for _ in range(3)]
    options = {"learning_rate": 0.1, "rates": rates}
    for state, backend in zip(states, (None, "torch"), strict=False):
        adam_rows(state[0], rows, gradients, *state[1:], 3, backend=backend, **options)
    adam_step(states[2][0], dense, *states[2][1:], 3, skip_zero=True, **options)
    for ours, reference, step in zip(*states, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours, step, rtol=1e-5, atol=1e-5)
    untouched = dense == 0
    for ours, before in zip(states[0], _state(height, channels, seed), strict=True):
        assert torch.equal(ours[untouched], before[untouched])


def test_bits_do_not_depend_on_threads(threads):
    rows = torch.arange(0, 60_000, 3)
    gradients = torch.randn(20_000, 5)
    results = []
    for count in (1, 2, 5):
        threads(count)
        state = _state(60_000, 5, 0)
        adam_rows(state[0], rows, gradients, *state[1:], 1, learning_rate=0.1)
        results.append(state[0])
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("backend", [None, "torch"])
def test_optimizer_takes_sparse_gradients(dtype, backend):
    """Rows of an embedding, some asked for twice, against the dense optimizer with skip_zero."""
    torch.manual_seed(0)
    table = torch.randn(30, 2, 3, dtype=dtype)
    sparse, dense = table.clone().requires_grad_(), table.clone().requires_grad_()
    optimizers = [
        Adam([sparse], lr=0.1, backend=backend),
        Adam([dense], lr=0.1, skip_zero=True, backend=backend),
    ]
    for _ in range(4):
        rows = torch.randint(0, 30, (12,))
        values = torch.randn(12, 2, 3, dtype=dtype)
        sparse.grad = torch.sparse_coo_tensor(
            rows[None], values, table.shape, check_invariants=True
        )
        dense.grad = sparse.grad.to_dense()
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(sparse, dense, rtol=1e-5, atol=1e-6)


def test_two_sparse_dimensions():
    parameter = torch.zeros(3, 3, requires_grad=True)
    parameter.grad = torch.eye(3).to_sparse()
    with pytest.raises(ValueError, match="one sparse dimension, got 2"):
        Adam([parameter]).step()


BAD = [
    ({"rows": torch.tensor([0, 4])}, ValueError, "rows must lie in 0 to 3"),
    ({"rows": torch.tensor([-1, 2])}, ValueError, "rows must lie in"),
    ({"rows": torch.tensor([2, 2])}, ValueError, "rows must ascend"),
    ({"rows": torch.tensor([[0, 1]])}, ValueError, r"rows must be \[U\]"),
    ({"rows": torch.tensor([0, 1]).int()}, TypeError, "rows must be int64"),
    ({"gradients": torch.zeros(3, 2)}, ValueError, r"gradients must be \[2, 2\]"),
    ({"mean": torch.zeros(4)}, ValueError, r"mean must be \[4, 2\]"),
    ({"step": 0}, ValueError, "step"),
]


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_bad_arguments(change, error, message, backend):
    arguments = {name: torch.zeros(4, 2) for name in ("parameters", "mean", "square")}
    arguments |= {"rows": torch.tensor([0, 1]), "gradients": torch.zeros(2, 2), "step": 1}
    with pytest.raises(error, match=message):
        adam_rows(**{**arguments, **change}, learning_rate=0.1, backend=backend)
