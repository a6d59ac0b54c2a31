"""Density to alpha: accurate over the whole range of densities, value and slope."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.alpha import density_to_alpha

# Worst seen: 3.1e-7, and 4e-7 + 2e-7 y with the exponent y, whose error e^-y multiplies by y.
ALPHA_TOLERANCE = 5e-7
SLOPE_TOLERANCE = 6e-7


def _value_and_slope(density, shift, interval, backend=None):
    density = density.clone().requires_grad_()
    alpha = density_to_alpha(density, shift, interval, backend=backend)
    return alpha.detach(), torch.autograd.grad(alpha.sum(), density)[0]


@pytest.mark.parametrize("interval", [1e-3, 0.5, 1.0, 30.0])
@pytest.mark.parametrize("shift", [-13.8, 0.0, 5.0])
def test_accurate_everywhere(interval, shift):
    """Every density from -70 to 90: relative to the formulas in float64."""
    density = torch.linspace(-70, 90, 20011)
    ours, slope = _value_and_slope(density, shift, interval)
    # The kernel adds the shift in float32, and so does this. The slope is written out: automatic
    # differentiation of the reference loses it where alpha rounds to one.
    x = (density + shift).double()
    y = interval * torch.nn.functional.softplus(x, threshold=40)
    theirs = -torch.expm1(-y)
    exact_slope = interval * x.sigmoid() * torch.exp(-y)
    assert ((ours - theirs).abs() <= ALPHA_TOLERANCE * theirs + 1e-33).all()
    assert ((slope - exact_slope).abs() <= (SLOPE_TOLERANCE + 4e-7 * y) * exact_slope + 1e-32).all()


@given(st.lists(st.floats(width=32), max_size=20), st.floats(-20, 20), st.floats(0.01, 10))
@settings(max_examples=200, deadline=None)
def test_any_density(density, shift, interval):
    """Infinite and NaN densities among all others: in [0, 1], NaN only from NaN, slopes finite."""
    density = torch.tensor(density)
    ours, slope = _value_and_slope(density, shift, interval)
    theirs, _ = _value_and_slope(density, shift, interval, "torch")
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7, equal_nan=True)
    numbers = ~density.isnan()
    assert ours[numbers].ge(0).all()
    assert ours[numbers].le(1).all()
    assert slope[numbers].isfinite().all()
    assert slope[~numbers].isnan().all()


def test_ends_of_the_range():
    """No light through infinite density, next to all of it through none; nothing overflows."""
    density = torch.tensor([-math.inf, -1e30, -1000.0, 1000.0, 1e30, math.inf])
    alpha, slope = _value_and_slope(density, 0.0, 0.5)
    assert (alpha[:3] < 1e-34).all()
    assert (alpha[3:] == 1).all()
    assert (slope < 1e-16).all()


@pytest.mark.parametrize("shape", [(0,), (), (3, 0), (7, 5)])
def test_shapes(shape):
    """Any shape, also of a tensor that is not contiguous."""
    density = torch.randn(shape)
    assert density_to_alpha(density, 0.0, 1.0).shape == shape
    transposed = torch.randn(7, 5).t()
    assert torch.equal(
        density_to_alpha(transposed, 0.0, 1.0), density_to_alpha(transposed.contiguous(), 0.0, 1.0)
    )


def test_same_bits_for_any_number_of_threads(threads):
    """Value and slope, with a share at the end that is not whole."""
    density = torch.randn(50001) * 10
    results = []
    for count in (1, 2):
        threads(count)
        results.append(_value_and_slope(density, -3.0, 0.5))
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize(
    ("density", "shift", "interval", "error", "said"),
    [
        (torch.zeros(2), math.nan, 1.0, ValueError, "shift must be finite"),
        (torch.zeros(2), 0.0, 0.0, ValueError, "interval must be positive"),
        (torch.zeros(2), 0.0, math.inf, ValueError, "interval must be positive"),
        (torch.zeros(2, dtype=torch.int), 0.0, 1.0, TypeError, "float32 or float64"),
    ],
)
def test_bad_arguments(density, shift, interval, error, said):
    """Each names the argument at fault."""
    with pytest.raises(error, match=said):
        density_to_alpha(density, shift, interval)
