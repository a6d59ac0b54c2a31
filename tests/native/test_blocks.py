"""The block programs that CUDA runs, run on the host and held to the reference in float64."""

import math

import hypothesis.strategies as st
import pytest
import torch
from host_launch import launch_on_host
from hypothesis import given, settings

from curvox._native import cuda
from curvox.ops import splat
from curvox.ops.splat import splat_reference

TOLERANCE = 1e-4  # what the cut may take from a pixel


@pytest.fixture(autouse=True)
def _host(monkeypatch):
    monkeypatch.setattr(cuda, "launch", launch_on_host)


def _settings(points, steps, tolerance):
    """What the launches are given after the curves and the size: windows follow the tolerance."""
    return steps, 0.0, tolerance / max(len(points) * steps, 1), 0, 0.0


def _image(points, weights, sigmas, height, width, steps):
    settings = _settings(points, steps, TOLERANCE)
    return splat._splat_cuda(points, weights, sigmas, height, width, *settings)


def _gradients(points, weights, sigmas, image_gradient, steps, tolerance=TOLERANCE, sigma=True):
    settings = _settings(points, steps, tolerance)
    return splat._splat_backward_cuda(image_gradient, points, weights, sigmas, *settings, sigma)


def _check(points, weights, sigmas, height, width, steps):
    """Image within the promise, gradients for a random cotangent within 1e-5 of their norm.

    The gradients are taken with a cut so far out that only arithmetic tells the two apart (worst
    relative error seen: 1.2e-6). Where the cotangent's signs cancel what they add up, a millionth
    of the sum without them is allowed too, and near the middle of a curve what rounding of
    positions makes of the slope there.
    """
    image = _image(points, weights, sigmas, height, width, steps)
    exact = [tensor.double().requires_grad_() for tensor in (points, weights, sigmas)]
    expected = splat_reference(*exact, height, width, steps=steps)
    scale = expected.detach().abs().max().item()
    assert (image - expected).abs().max() <= TOLERANCE + 1e-6 * scale
    cotangent = torch.randn(height, width, generator=torch.Generator().manual_seed(2))
    theirs = torch.autograd.grad(expected, exact, cotangent.double(), retain_graph=True)
    sizes = torch.autograd.grad(expected, exact, cotangent.abs().double())
    ours = _gradients(points, weights, sigmas, cotangent, steps, tolerance=1e-15)
    rounding = 1e-7 * steps * float((weights.abs() / sigmas).sum())
    for mine, true, size in zip(ours, theirs, sizes, strict=True):
        assert (mine - true).norm() <= 1e-5 * true.norm() + 1e-6 * size.norm() + rounding


def _curves(count, num_points, sigma, seed=1, spread=1.4):
    generator = torch.Generator().manual_seed(seed)
    points = (torch.rand(count, num_points, 2, generator=generator) - 0.5) * spread + 0.5
    weights = torch.randn(count, generator=generator)
    return points, weights, torch.full((count,), sigma)


@pytest.mark.parametrize("num_points", [2, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4000), (37, 53), (128, 128)])
@pytest.mark.parametrize("sigma_pixels", [0.2, 3.0, math.inf])
def test_degrees_canvases_and_widths(num_points, height, width, sigma_pixels):
    """Lines to cubics, partly outside, from a fifth of a pixel to half of the canvas."""
    sigma = min(sigma_pixels / max(height, width), 0.5)
    _check(*_curves(3, num_points, sigma), height, width, steps=21)


def test_more_curves_and_samples_than_a_block_holds():
    """Several rounds of choosing curves and of choosing samples."""
    _check(*_curves(300, 3, 0.02), 20, 35, steps=3)
    _check(*_curves(2, 4, 0.3), 24, 18, steps=700)
    _check(*_curves(300, 3, 0.3), 20, 35, steps=3)


def test_shares_of_several_runs(monkeypatch):
    """Many curves leave larger shares to a block of the way back; here few do, the last one cut."""
    monkeypatch.setattr(splat, "_ENOUGH_BLOCKS", 1)
    _check(*_curves(3, 3, 0.05), 40, 50, steps=150)
    _check(*_curves(1, 4, 0.05), 40, 50, steps=37)


def test_curves_outside_the_canvas():
    """What lies far outside leaves the image empty and its gradients zero."""
    points, weights, sigmas = _curves(3, 3, 0.01)
    points = points + torch.tensor([[[5.0, 0.0]], [[0.0, -1e6]], [[-1e30, 1e30]]])
    image = _image(points, weights, sigmas, 32, 48, 16)
    assert torch.equal(image, torch.zeros(32, 48))
    for gradient in _gradients(points, weights, sigmas, torch.ones(32, 48), 16):
        assert torch.equal(gradient, torch.zeros_like(gradient))


def test_zero_length_curves():
    """All control points in one place: a dot as heavy as its steps."""
    points, weights, sigmas = _curves(4, 4, 0.05, spread=0.8)
    _check(points[:, :1].expand(-1, 4, -1).contiguous(), weights, sigmas, 40, 30, steps=12)


def test_no_curves():
    """No curve draws an empty image and has no gradients."""
    curves = _curves(0, 3, 0.1)
    assert torch.equal(_image(*curves, 3, 5, 16), torch.zeros(3, 5))
    for gradient in _gradients(*curves, torch.ones(3, 5), 16):
        assert gradient.numel() == 0


def test_sigmas_gradient_left_out():
    """Without the gradient of sigma the others are what they were, up to rounding."""
    curves = _curves(3, 4, 0.05)
    cotangent = torch.randn(50, 40, generator=torch.Generator().manual_seed(3))
    full = _gradients(*curves, cotangent, 40)
    part = _gradients(*curves, cotangent, 40, sigma=False)
    torch.testing.assert_close(full[:2], part[:2], rtol=1e-5, atol=1e-4)
    assert part[2].numel() == 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_values_that_are_not_finite_surface(which, value):
    """CUDA reads nothing back to look: a bad curve makes the image and its own gradients NaN."""
    curves = _curves(3, 3, 0.01)
    curves[which].view(3, -1)[1, -1] = value
    assert _image(*curves, 20, 40, 16).isnan().all()
    for gradient in _gradients(*curves, torch.ones(20, 40), 16):
        assert gradient[1].isnan().all()
        assert gradient[[0, 2]].isfinite().all()


def test_negative_sigma_surfaces():
    """A sigma that the CPU refuses shows up as NaN, too."""
    curves = _curves(2, 2, -0.1)
    assert _image(*curves, 4, 4, 16).isnan().all()


@settings(max_examples=25, deadline=None)
@given(
    num_points=st.integers(2, 4),
    count=st.integers(1, 6),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    steps=st.integers(1, 40),
    sigma_pixels=st.floats(0.2, 30),
    spread=st.floats(0, 4),
    seed=st.integers(0, 10_000),
)
def test_random_curves(num_points, count, height, width, steps, sigma_pixels, spread, seed):
    """Any canvas, any number of steps, any place."""
    curves = _curves(count, num_points, sigma_pixels / max(height, width), seed, spread)
    _check(*curves, height, width, steps)
