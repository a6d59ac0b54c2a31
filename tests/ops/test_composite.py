"""Sums along rays: any number of channels, ragged lists of every kind."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged_lists import BAD_OFFSETS, generator_seeds, offsets_of, ray_lengths

from curvox.ops.composite import composite


def _with_gradients(weights, values, offsets, backend=None):
    inputs = [tensor.clone().requires_grad_() for tensor in (weights, values)]
    sums = composite(*inputs, offsets, backend=backend)
    cotangent = torch.linspace(-1, 1, sums.numel()).to(sums).reshape(sums.shape)
    return sums.detach(), *torch.autograd.grad(sums, inputs, cotangent)


@given(ray_lengths, generator_seeds, st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_kernel_against_reference(lengths, seed, channels):
    """Sums and both gradients for groups of channels of every size."""
    generator = torch.Generator().manual_seed(seed)
    offsets = offsets_of(lengths)
    weights = torch.randn(int(offsets[-1]), generator=generator)
    values = torch.randn(len(weights), channels, generator=generator)
    ours = _with_gradients(weights, values, offsets)
    theirs = _with_gradients(weights.double(), values.double(), offsets)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_only_one_gradient(backend, wanted):
    """Weights or values alone may ask for a gradient; the other may be a constant."""
    inputs = [torch.rand(5), torch.rand(5, 3)]
    for tensor, want in zip(inputs, wanted, strict=True):
        tensor.requires_grad_(want)
    composite(*inputs, offsets_of([2, 3]), backend=backend).sum().backward()
    assert [tensor.grad is not None for tensor in inputs] == list(wanted)
    expected = inputs[1].sum(1) if wanted[0] else inputs[0][:, None].expand(5, 3)
    torch.testing.assert_close(inputs[wanted.index(True)].grad, expected.detach())


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize("lengths", [[], [0], [0, 1, 0]])
def test_rays_without_samples(backend, lengths):
    """Their sums are zero."""
    count = sum(lengths)
    sums = composite(torch.ones(count), torch.ones(count, 2), offsets_of(lengths), backend=backend)
    assert sums.tolist() == [[float(length)] * 2 for length in lengths]


def test_one_long_ray():
    """10,000 samples between rays without any."""
    weights, values = torch.rand(10000), torch.rand(10000, 3)
    offsets = offsets_of([0, 10000, 0])
    ours = composite(weights, values, offsets)
    exact = composite(weights.double(), values.double(), offsets)
    torch.testing.assert_close(ours.double(), exact, rtol=2e-5, atol=0)


def test_strided_input():
    """Views are read as what they show."""
    weights, values = torch.rand(10)[::2], torch.rand(3, 5).t()
    offsets = torch.tensor([0, 9, 2, 9, 5])[::2]
    expected = composite(weights.contiguous(), values.contiguous(), offsets.contiguous())
    assert torch.equal(composite(weights, values, offsets), expected)


def test_same_bits_for_any_number_of_threads(threads):
    """Sums and gradients of more samples than one thread would do alone."""
    offsets = offsets_of((torch.arange(1000) % 97).tolist())
    weights = torch.rand(int(offsets[-1]))
    values = torch.rand(len(weights), 3)
    results = []
    for count in (1, 2):
        threads(count)
        results.append(_with_gradients(weights, values, offsets))
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize(("offsets", "said"), BAD_OFFSETS)
def test_bad_offsets(backend, offsets, said):
    """Refused before anything is read through them."""
    with pytest.raises(ValueError, match=said):
        composite(torch.zeros(5), torch.zeros(5, 2), torch.tensor(offsets), backend=backend)


@pytest.mark.parametrize(
    ("weights", "values", "error", "said"),
    [
        (torch.zeros(2, 1), torch.zeros(2, 1), ValueError, "weights must be"),
        (torch.zeros(2), torch.zeros(2), ValueError, "values must be"),
        (torch.zeros(2), torch.zeros(2, 0), ValueError, "values must be"),
        (torch.zeros(2), torch.zeros(3, 1), ValueError, r"values must be \[2, 1\]"),
        (torch.zeros(2), torch.zeros(2, 1).double(), TypeError, "values is"),
        (torch.zeros(2).half(), torch.zeros(2, 1), TypeError, "float32 or float64"),
    ],
)
def test_bad_arguments(weights, values, error, said):
    """Each names the argument at fault."""
    with pytest.raises(error, match=said):
        composite(weights, values, torch.tensor([0, 2]))
