"""Total variation: every pair counted once, all voxels or only those touched."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.total_variation import total_variation

shapes = st.tuples(*[st.integers(2, 6)] * 3)


def _with_gradient(values, shape, touched=None, backend=None):
    values = values.clone().requires_grad_()
    loss = total_variation(values, shape, touched=touched, backend=backend)
    return loss.detach(), torch.autograd.grad(2 * loss, values)[0]


@given(shapes, st.integers(1, 13), st.integers(0, 2**31), st.sampled_from([None, 0.0, 0.3, 1.0]))
@settings(max_examples=150, deadline=None)
def test_kernel_against_reference(shape, channels, seed, share):
    """Loss and gradient, with differences on both sides of the threshold."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(math.prod(shape), channels, generator=generator)
    touched = None
    if share is not None:
        touched = (torch.rand(len(values), generator=generator) < share).nonzero()[:, 0]
    ours = _with_gradient(values, shape, touched)
    theirs = _with_gradient(values.double(), shape, touched)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("backend", [None, "torch"])
def test_a_slope_along_one_axis(backend):
    """Differences of 1/2 along y alone: 1/8 there, nothing along the others."""
    values = (torch.arange(5) / 2).expand(3, 5)[..., None].expand(3, 5, 4).reshape(-1, 1)
    loss = total_variation(values, (3, 5, 4), backend=backend)
    assert abs(float(loss) - 1 / 8 / 3) < 1e-7
    loss = total_variation(values * 6, (3, 5, 4), backend=backend)  # beyond the threshold: 3 - 1/2
    assert abs(float(loss) - 2.5 / 3) < 1e-6


@pytest.mark.parametrize("backend", [None, "torch"])
def test_touched_voxels(backend):
    """Each takes its differences with the next along the axes, and only with those."""
    values = torch.zeros(27, 1)
    values[13] = 0.5  # the middle of 3 x 3 x 3
    loss, gradient = _with_gradient(values, (3, 3, 3), torch.tensor([13, 13]), backend)
    assert abs(float(loss) - 1 / 8) < 1e-7
    # By 2 times the mean of three: what the middle gains the next ones lose.
    expected = torch.zeros(27, 1)
    expected[13] = 1.0
    expected[[22, 16, 14]] = -1 / 3
    torch.testing.assert_close(gradient, expected)
    loss, gradient = _with_gradient(values, (3, 3, 3), torch.tensor([4]), backend)  # below it in x
    assert abs(float(loss) - 1 / 24) < 1e-7
    assert gradient.nonzero()[:, 0].tolist() == [4, 13]


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize("rows", [[], [7]])
def test_nothing_to_take(backend, rows):
    """No voxel, or the last one, which has no next neighbour: zero, and so is the gradient."""
    touched = torch.tensor(rows, dtype=torch.int64)
    loss, gradient = _with_gradient(torch.randn(8, 2), (2, 2, 2), touched, backend)
    assert loss == 0
    assert (gradient == 0).all()


def test_all_touched_is_dense():
    """Naming every voxel is naming none."""
    values = torch.randn(60, 3)
    dense = _with_gradient(values, (3, 4, 5))
    every = _with_gradient(values, (3, 4, 5), torch.arange(60))
    for one, other in zip(dense, every, strict=True):
        torch.testing.assert_close(one, other)


def test_nan_shows():
    """In the loss; infinite values, too, give no number that looks like one."""
    values = torch.randn(8, 1)
    values[3] = math.nan
    assert total_variation(values, (2, 2, 2)).isnan()
    values[3] = math.inf
    assert total_variation(values, (2, 2, 2)) == math.inf


def test_same_bits_for_any_number_of_threads(threads):
    """Loss and gradient of a grid that one thread would not do alone."""
    values = torch.randn(30 * 31 * 33, 3)
    touched = torch.randperm(len(values))[:5000]
    results = []
    for count in (1, 2):
        threads(count)
        dense, some = (_with_gradient(values, (30, 31, 33), rows) for rows in (None, touched))
        results.append([*dense, *some])
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize(
    ("values", "shape", "touched", "error", "said"),
    [
        (torch.zeros(8, 1), (2, 4), None, ValueError, "shape must be"),
        (torch.zeros(8, 1), (1, 2, 4), None, ValueError, "shape must be"),
        (torch.zeros(9, 1), (2, 2, 2), None, ValueError, r"values must be \[8, C\]"),
        (torch.zeros(8), (2, 2, 2), None, ValueError, "values must be"),
        (torch.zeros(8, 0), (2, 2, 2), None, ValueError, "values must be"),
        (torch.zeros(8, 1).half(), (2, 2, 2), None, TypeError, "float32 or float64"),
        (torch.zeros(8, 1), (2, 2, 2), torch.tensor([8]), ValueError, "must lie in 0 to 7"),
        (torch.zeros(8, 1), (2, 2, 2), torch.tensor([-1]), ValueError, "must lie in 0 to 7"),
        (torch.zeros(8, 1), (2, 2, 2), torch.tensor(1), ValueError, "touched must be"),
        (torch.zeros(8, 1), (2, 2, 2), torch.tensor([1]).int(), TypeError, "touched must be"),
    ],
)
def test_bad_arguments(values, shape, touched, error, said):
    """Each names the argument at fault."""
    with pytest.raises(error, match=said):
        total_variation(values, shape, touched=touched)
