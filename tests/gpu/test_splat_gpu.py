"""The splat's CUDA kernels against the reference in float64, and what a GPU adds to it."""

import math

import pytest
import torch

from curvox.ops.splat import splat, splat_reference

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")


def _curves(count, num_points, sigma, device="cuda"):
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(count, num_points, 2, generator=generator) * 1.4 - 0.2
    weights = torch.randn(count, generator=generator)
    tensors = (points, weights, torch.full((count,), sigma))
    return [tensor.to(device).requires_grad_() for tensor in tensors]


def _image_and_gradients(curves, height, width, **options):
    image = splat(*curves, height, width, **options)
    cotangent = torch.randn(height, width, generator=torch.Generator().manual_seed(2))
    return [image, *torch.autograd.grad(image, curves, cotangent.to(image.device))]


@pytest.mark.parametrize("num_points", [2, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4000), (37, 53), (512, 384)])
@pytest.mark.parametrize("sigma_pixels", [0.2, 3.0, math.inf])
def test_against_the_reference(num_points, height, width, sigma_pixels):
    """Lines to cubics, partly outside, from a fifth of a pixel to half of the canvas."""
    curves = _curves(3, num_points, min(sigma_pixels / max(height, width), 0.5))
    image, *gradients = _image_and_gradients(curves, height, width, steps=21, tolerance=1e-12)
    exact = [tensor.detach().double().requires_grad_() for tensor in curves]
    expected = splat_reference(*exact, height, width, steps=21)
    cotangent = torch.randn(height, width, generator=torch.Generator().manual_seed(2))
    theirs = torch.autograd.grad(expected, exact, cotangent.double().cuda())
    assert (image - expected).abs().max() <= 1e-5 + 1e-6 * expected.abs().max()
    for mine, true in zip(gradients, theirs, strict=True):
        assert (mine - true).norm() <= 1e-4 * true.norm() + 1e-9


def test_tolerance():
    """The default cut takes no more than it promises."""
    curves = _curves(40, 3, 0.02)
    exact = splat_reference(*(tensor.double() for tensor in curves), 96, 128)
    assert (splat(*curves, 96, 128) - exact).abs().max() <= 1.1e-4


def test_many_curves():
    """More curves than one block chooses among at once."""
    curves = _curves(1000, 3, 0.01)
    exact = splat_reference(*(tensor.double() for tensor in curves), 64, 64, steps=5)
    assert (splat(*curves, 64, 64, steps=5) - exact).abs().max() <= 1.1e-4


def test_same_bits_every_time():
    """No racing additions: image and gradients of two runs are equal bit for bit."""
    curves = _curves(200, 4, 0.03)
    first = _image_and_gradients(curves, 200, 300)
    for one, other in zip(first, _image_and_gradients(curves, 200, 300), strict=True):
        assert torch.equal(one, other)


def test_agrees_with_the_cpu():
    """Both devices run the same arithmetic in another order."""
    on_gpu = _image_and_gradients(_curves(20, 3, 0.02), 100, 150)
    on_cpu = _image_and_gradients(_curves(20, 3, 0.02, "cpu"), 100, 150)
    assert (on_gpu[0].cpu() - on_cpu[0]).abs().max() <= 2e-4
    for one, other in zip(on_gpu[1:], on_cpu[1:], strict=True):
        assert (one.cpu() - other).norm() <= 2e-4 * other.norm()


def test_other_stream():
    """Work goes to torch's current stream, in order with what was put there before."""
    curves = _curves(20, 3, 0.02)
    expected = _image_and_gradients(curves, 128, 128)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)
        moved = [tensor.detach().clone().requires_grad_() for tensor in curves]
        actual = _image_and_gradients(moved, 128, 128)
    stream.synchronize()
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one, other)


def test_memory_that_is_not_contiguous():
    """Views are accepted: transposed points, strided weights, an expanded cotangent."""
    points, weights, sigmas = (tensor.detach() for tensor in _curves(12, 3, 0.05))
    expected = splat(points, weights, sigmas, 40, 60)
    points = points.transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    weights = weights.repeat_interleave(2)[::2]
    assert not points.is_contiguous()
    image = splat(points, weights, sigmas, 40, 60)
    assert torch.equal(image, expected)
    image.sum().backward()
    assert points.grad.isfinite().all()


def test_no_curves():
    """No curve draws an empty image."""
    image = splat(*_curves(0, 3, 0.1), 5, 7)
    assert torch.equal(image, torch.zeros_like(image))


def test_nan_surfaces():
    """Nothing is read back to look: a bad curve makes the image NaN."""
    points, weights, sigmas = (tensor.detach() for tensor in _curves(3, 3, 0.01))
    points[1, 2, 0] = math.nan
    assert splat(points, weights, sigmas, 20, 40).isnan().all()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_second_gpu():
    """The tensors' device counts, not the current one."""
    first = splat(*_curves(3, 3, 0.05), 30, 40)
    second = splat(*_curves(3, 3, 0.05, "cuda:1"), 30, 40)
    assert torch.cuda.current_device() == 0
    assert second.device.index == 1
    torch.testing.assert_close(first.cpu(), second.cpu())
