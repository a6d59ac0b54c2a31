"""Alphas to weights: early stop, ends of the range, ragged lists of every kind."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged_lists import BAD_OFFSETS, generator_seeds, offsets_of, ray_lengths

from curvox.ops.weights import alpha_to_weights


def _with_gradient(alpha, offsets, stop, backend=None):
    """Weights, last transmittance, and the gradient of alpha for fixed cotangents."""
    alpha = alpha.clone().requires_grad_()
    weights, last = alpha_to_weights(alpha, offsets, stop, backend=backend)
    generator = torch.Generator().manual_seed(7)
    cotangents = [torch.randn(len(t), generator=generator).to(alpha) for t in (weights, last)]
    (gradient,) = torch.autograd.grad([weights, last], alpha, cotangents)
    return weights.detach(), last.detach(), gradient


@given(ray_lengths, generator_seeds, st.sampled_from([0.0, 1e-3]), st.floats(0.01, 1))
@settings(max_examples=200, deadline=None)
def test_kernel_against_reference(lengths, seed, stop, most):
    """Values and gradients, with alphas of exactly 0 and 1 among the others."""
    generator = torch.Generator().manual_seed(seed)
    offsets = offsets_of(lengths)
    alpha, chance = torch.rand(2, int(offsets[-1]), generator=generator)
    alpha = alpha * most
    alpha[chance < 0.1] = 0
    alpha[chance > 0.97] = 1
    ours = _with_gradient(alpha, offsets, stop)
    theirs = _with_gradient(alpha.double(), offsets, stop)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", [None, "torch"])
def test_early_stop(backend):
    """The sample that takes the light under `stop` is kept; those behind it do not exist."""
    alpha = torch.tensor([0.5, 0.9, 0.5, 0.5, 0.25])
    offsets = torch.tensor([0, 4, 5])
    weights, last, gradient = _with_gradient(alpha, offsets, 0.1, backend)
    torch.testing.assert_close(weights, torch.tensor([0.5, 0.45, 0, 0, 0.25]))
    torch.testing.assert_close(last, torch.tensor([0.05, 0.75]))
    assert (gradient[2:4] == 0).all()
    assert (gradient[[0, 1, 4]] != 0).all()
    changed = alpha.clone()
    changed[2:4] = math.nan
    again = _with_gradient(changed, offsets, 0.1, backend)
    assert torch.equal(again[0], weights)


@pytest.mark.parametrize("backend", [None, "torch"])
def test_opaque_sample(backend):
    """With alpha = 1 the gradient is that of the product, which a division would have lost."""
    alpha = torch.tensor([0.5, 1.0], dtype=torch.float32, requires_grad=True)
    weights, last = alpha_to_weights(alpha, torch.tensor([0, 2]), backend=backend)
    assert weights.tolist() == [0.5, 0.5]
    assert last.tolist() == [0.0]
    gradient = torch.autograd.grad(last.sum(), alpha)[0]
    assert gradient.tolist() == [0.0, -0.5]


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0], [0, 1, 0]])
def test_rays_without_samples(backend, lengths):
    """All light gets through."""
    offsets = offsets_of(lengths)
    weights, last, _ = _with_gradient(torch.ones(sum(lengths)), offsets, 1e-3, backend)
    assert weights.tolist() == sum(lengths) * [1.0]
    assert last.tolist() == [0.0 if length else 1.0 for length in lengths]


@pytest.mark.parametrize("backend", [None, "torch"])
def test_one_long_ray(backend):
    """10,000 thin samples: what is left is e to the minus their sum."""
    weights, last, _ = _with_gradient(torch.full((10000,), 1e-4), offsets_of([10000]), 0, backend)
    assert abs(float(last[0]) - math.exp(10000 * math.log1p(-1e-4))) < 2e-4
    assert abs(float(weights.sum() + last[0]) - 1) < 2e-4


def test_nan_stays_in_its_ray():
    """It goes on to the end of the ray, and to no other."""
    alpha = torch.tensor([0.5, math.nan, 0.5, 0.5])
    weights, last, gradient = _with_gradient(alpha, torch.tensor([0, 3, 4]), 1e-3)
    assert weights.isnan().tolist() == [False, True, True, False]
    assert last.isnan().tolist() == [True, False]
    assert gradient[3].isfinite()


def test_only_one_result_is_used():
    """A loss of the weights alone, or of the last transmittance alone."""
    alpha = torch.rand(9, requires_grad=True)
    offsets = offsets_of([4, 5])
    for which in (0, 1):
        ours, theirs = (
            torch.autograd.grad(alpha_to_weights(alpha, offsets, backend=b)[which].sum(), alpha)[0]
            for b in (None, "torch")
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_same_bits_for_any_number_of_threads(threads):
    """Values and gradients of more samples than one thread would do alone."""
    offsets = offsets_of((torch.arange(1000) % 97).tolist())
    alpha = torch.rand(int(offsets[-1])) * 0.3
    results = []
    for count in (1, 2):
        threads(count)
        results.append(_with_gradient(alpha, offsets, 1e-3))
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize(("offsets", "said"), BAD_OFFSETS)
def test_bad_offsets(backend, offsets, said):
    """Refused before anything is read through them."""
    with pytest.raises(ValueError, match=said):
        alpha_to_weights(torch.zeros(5), torch.tensor(offsets), backend=backend)


@pytest.mark.parametrize(
    ("alpha", "offsets", "stop", "error", "said"),
    [
        (torch.zeros(2, 1), torch.tensor([0, 2]), 0.1, ValueError, "alpha must be"),
        (torch.zeros(2), torch.tensor(2), 0.1, ValueError, "offsets must be"),
        (torch.zeros(2), torch.zeros(0).long(), 0.1, ValueError, "offsets must be"),
        (torch.zeros(2), torch.tensor([0, 2]).int(), 0.1, TypeError, "offsets must be int64"),
        (torch.zeros(2).half(), torch.tensor([0, 2]), 0.1, TypeError, "float32 or float64"),
        (torch.zeros(2), torch.tensor([0, 2]), 2.0, ValueError, "stop must lie"),
        (torch.zeros(2), torch.tensor([0, 2]), math.nan, ValueError, "stop must lie"),
    ],
)
def test_bad_arguments(alpha, offsets, stop, error, said):
    """Each names the argument at fault."""
    with pytest.raises(error, match=said):
        alpha_to_weights(alpha, offsets, stop)


def test_ends_that_are_no_ends():
    """The registered backward, called with ends outside of their rays, raises too."""
    offsets = torch.tensor([0, 2])
    with pytest.raises(ValueError, match="the end of ray 0"):
        torch.ops.curvox.alpha_to_weights_backward(
            torch.zeros(2), torch.zeros(1), torch.zeros(2), offsets, torch.tensor([2**40])
        )
