"""The distortion loss: against every pair written out, on ragged lists of every kind."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged_lists import BAD_OFFSETS, generator_seeds, offsets_of, ray_lengths

from curvox.ops.distortion import distortion


def _with_gradient(weights, distances, widths, offsets, backend=None):
    weights = weights.clone().requires_grad_()
    losses = distortion(weights, distances, widths, offsets, backend=backend)
    cotangent = torch.linspace(-1, 1, len(losses)).to(losses)
    return losses.detach(), torch.autograd.grad(losses, weights, cotangent)[0]


def _all_pairs(weights, distances, widths):
    """Equation 15 as it stands, for one ray."""
    apart = (distances[:, None] - distances).abs()
    return (weights[:, None] * weights * apart).sum() + (weights**2 * widths).sum() / 3


def _list(lengths, seed):
    """Weights of which some are zero, distances ascending along each ray, widths."""
    generator = torch.Generator().manual_seed(seed)
    weights, distances, widths, chance = torch.rand(4, sum(lengths), generator=generator)
    weights[chance < 0.2] = 0
    distances = torch.cat([part.sort().values for part in distances.split(lengths)])
    return weights, distances * 4, widths


@given(ray_lengths.filter(len), generator_seeds, st.booleans())
@settings(max_examples=200, deadline=None)
def test_kernel_against_reference(lengths, seed, one_width):
    """Losses and gradients; and the reference against all pairs."""
    offsets = offsets_of(lengths)
    weights, distances, widths = _list(lengths, seed)
    if one_width:
        widths = torch.full_like(widths, 0.25)
    passed = 0.25 if one_width else widths
    exact = widths.double() if isinstance(passed, torch.Tensor) else passed
    ours = _with_gradient(weights, distances, passed, offsets)
    theirs = _with_gradient(weights.double(), distances.double(), exact, offsets)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=2e-5, atol=1e-6)
    split = (tensor.double().split(lengths) for tensor in (weights, distances, widths))
    pairs = torch.stack([_all_pairs(*ray) for ray in zip(*split, strict=True)])
    torch.testing.assert_close(theirs[0], pairs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize("lengths", [[], [0], [0, 1, 0]])
def test_rays_without_samples(backend, lengths):
    """They have no loss; a single sample has that of its own width."""
    weights = torch.full((sum(lengths),), 0.5)
    losses, gradient = _with_gradient(weights, weights, 0.3, offsets_of(lengths), backend)
    torch.testing.assert_close(losses, torch.tensor([0.025 * n for n in lengths]))
    assert gradient.shape == weights.shape


def test_close_samples_far_away():
    """Distances that differ in their last digits cost no accuracy."""
    distances = 1000 + torch.arange(64) / 1024
    weights = torch.full((64,), 1 / 64)
    ours = _with_gradient(weights, distances, 1 / 1024, offsets_of([64]))
    theirs = _with_gradient(weights.double(), distances.double(), 1 / 1024, offsets_of([64]))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=0)


def test_one_long_ray():
    """10,000 samples of equal weight, evenly spaced over [0, 1]: a third."""
    distances = (torch.arange(10000) + 0.5) / 10000
    losses = distortion(torch.full((10000,), 1e-4), distances, 1e-4, offsets_of([10000]))
    assert abs(float(losses) - 1 / 3) < 1e-4


def test_nan_stays_in_its_ray():
    """A weight or a distance that is no number."""
    for which in (0, 1):
        tensors = [torch.tensor([0.1, 0.2, 0.3, 0.4]) for _ in range(2)]
        tensors[which][1] = math.nan
        losses, gradient = _with_gradient(*tensors, 0.1, offsets_of([2, 2]))
        assert losses.isnan().tolist() == [True, False]
        assert gradient[2:].isfinite().all()


def test_same_bits_for_any_number_of_threads(threads):
    """Losses and gradients of more samples than one thread would do alone."""
    lengths = (torch.arange(1000) % 97).tolist()
    task = (*_list(lengths, 1), offsets_of(lengths))
    results = []
    for count in (1, 2):
        threads(count)
        results.append(_with_gradient(*task))
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize(("offsets", "said"), BAD_OFFSETS)
def test_bad_offsets(backend, offsets, said):
    """Refused before anything is read through them."""
    five = torch.zeros(5)
    with pytest.raises(ValueError, match=said):
        distortion(five, five, 0.1, torch.tensor(offsets), backend=backend)


@pytest.mark.parametrize(
    ("weights", "distances", "widths", "error", "said"),
    [
        (torch.zeros(2, 1), torch.zeros(2), 0.1, ValueError, "weights must be"),
        (torch.zeros(2), torch.zeros(3), 0.1, ValueError, r"distances must be \[2\]"),
        (torch.zeros(2), torch.zeros(2).double(), 0.1, TypeError, "distances is"),
        (torch.zeros(2), torch.zeros(2), torch.zeros(1), ValueError, r"widths must be \[2\]"),
        (torch.zeros(2), torch.zeros(2), -0.1, ValueError, "widths must not be negative"),
        (torch.zeros(2), torch.zeros(2), math.nan, ValueError, "widths must not be negative"),
        (torch.zeros(2).half(), torch.zeros(2), 0.1, TypeError, "float32 or float64"),
    ],
)
def test_bad_arguments(weights, distances, widths, error, said):
    """Each names the argument at fault."""
    with pytest.raises(error, match=said):
        distortion(weights, distances, widths, torch.tensor([0, 2]))
