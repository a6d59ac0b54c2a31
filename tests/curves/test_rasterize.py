"""Every method against the dense reference in float64: images, gradients, hostile input."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.bench.cases import cases
from curvox.curves import rasterize
from curvox.curves.methods import METHODS

# Image: of the largest value, above the 1e-4 that a cut may take. Gradient: relative norm.
TOLERANCES = {
    "base": (2e-6, 1e-4),
    "half": (5e-3, 1e-2),
    "bounded": (2e-6, 1e-3),
    "tiled": (2e-6, 1e-3),
    "shrunk": (2e-6, 1e-3),
    "fused": (2e-6, 1e-4),
}


def image_and_gradients(points, sigma, weight, cotangent, dtype, **settings):
    """The image and the gradients of points, sigma and weight, in float64."""
    inputs = [tensor.detach().to(dtype).requires_grad_() for tensor in (points, sigma, weight)]
    image = rasterize(inputs[0], sigma=inputs[1], weight=inputs[2], **settings)
    gradients = torch.autograd.grad(image, inputs, cotangent.to(dtype))
    return image.detach().double(), [gradient.double() for gradient in gradients]


def assert_agree(
    points, sigma, weight, height, width, steps, methods=tuple(METHODS), tolerance=1e-4
):
    """Each method in float32 is as near to the reference in float64 as it states.

    Image: `tolerance`, which a cut may take, and some of the largest value that there would be if
    no weights cancelled. Gradients: relative error of each. Allowed on top is what float32 itself
    does. To a gradient: 1e-6 of what it would be if no terms cancelled in it. To the place of a
    sample: a coordinate near 1 is off by 2^-24, which is 2^-24 / sigma of a Gaussian's width;
    `fused` rounds only the distance to a pixel.
    """
    device = points.device
    generator = torch.Generator().manual_seed(0)
    cotangent = torch.randn(height, width, generator=generator).to(device)
    settings = {"height": height, "width": width, "steps": steps}
    expected, exact = image_and_gradients(
        points, sigma, weight, cotangent, torch.float64, method="base", **settings
    )
    largest = rasterize(
        points.double(),
        sigma=sigma.double(),
        weight=weight.double().abs(),
        method="base",
        **settings,
    ).max()
    thinnest = sigma.double().min()
    uncancelled = 1e-6 * steps * weight.double().abs().max() * cotangent.double().norm()
    floors = [uncancelled / thinnest, uncancelled / thinnest, uncancelled]
    for method in methods:
        image, gradients = image_and_gradients(
            points,
            sigma,
            weight,
            cotangent,
            torch.float32,
            method=method,
            tolerance=tolerance,
            **settings,
        )
        unit = max(height, width) if method == "fused" else 1
        placement = 2**-22 / (thinnest * unit)
        image_tolerance, gradient_tolerance = TOLERANCES[method]
        error = (image - expected).abs().max()
        allowed = tolerance + (image_tolerance + placement) * largest
        assert error <= allowed, f"{method}: image off by {error:.1e}, {allowed:.1e} allowed"
        for ours, theirs, floor in zip(gradients, exact, floors, strict=True):
            error = (ours - theirs).norm()
            allowed = (gradient_tolerance + placement) * theirs.norm() + floor
            assert error <= allowed, f"{method}: gradient off by {error:.1e}, {allowed:.1e} allowed"


def filled(points, sigma, weight=1.0):
    """Points with a sigma and a weight for every curve."""
    count = len(points)
    like = {"dtype": points.dtype, "device": points.device}
    return points, torch.full((count,), sigma, **like), torch.full((count,), weight, **like)


@pytest.mark.parametrize("test", [1, 2, 3, 4])
def test_published_drawings(test, device):
    """The published tests, smaller (the reference is dense)."""
    for case in cases(test):
        assert_agree(*filled(case.control_points.to(device), 0.015), 96, 96, 32)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4000), (4000, 1), (37, 53), (40, 17)])
@pytest.mark.parametrize("sigma_pixels", [0.2, 2.0, None])
def test_canvases_and_sigmas(height, width, sigma_pixels, device):
    """One pixel, one row, one column, odd sizes; sigma from 0.2 pixel to half the canvas."""
    longer = max(height, width)
    sigma = 0.5 if sigma_pixels is None else sigma_pixels / longer
    generator = torch.Generator().manual_seed(3)
    points = torch.rand(3, 4, 2, generator=generator)
    points *= torch.tensor([width, height]) / longer
    assert_agree(*filled(points.to(device), sigma), height, width, 24)


def test_curves_beside_the_canvas(device):
    """Partly, wholly and very far outside; zero length; a lone point of many equal samples."""
    points = torch.tensor(
        [
            [[-0.5, -0.2], [0.5, 0.5], [1.5, 1.2]],
            [[-3.0, -3.0], [-2.0, -2.0], [-3.0, -2.0]],
            [[1e7, -1e7], [1e7, 1e7], [-1e7, 1e7]],
            [[0.3, 0.6], [0.3, 0.6], [0.3, 0.6]],
            [[0.99, 0.01], [1.0, 0.0], [1.01, -0.01]],
        ]
    )
    for curve in points:
        assert_agree(*filled(curve[None].to(device), 0.03), 48, 64, 16)


def test_thousands_of_curves(device):
    """The tolerance holds for all samples together."""
    generator = torch.Generator().manual_seed(5)
    start = torch.rand(3000, 1, 2, generator=generator)
    points = start + 0.1 * torch.randn(3000, 3, 2, generator=generator)
    sparse = ("bounded", "tiled", "shrunk", "fused")
    assert_agree(*filled(points.to(device), 0.02), 32, 32, 8, sparse)


@given(
    seed=st.integers(0, 2**31),
    degree=st.integers(1, 3),
    count=st.integers(1, 6),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    steps=st.integers(1, 40),
    sigma=st.floats(0.004, 0.5),
    spread=st.sampled_from([0.01, 0.3, 3.0]),
)
@settings(max_examples=60, deadline=None)
def test_fused_on_random_drawings(seed, degree, count, height, width, steps, sigma, spread):
    """With a tight tolerance, since chance draws canvases that the default may leave out."""
    generator = torch.Generator().manual_seed(seed)
    points = 0.5 + spread * torch.randn(count, degree + 1, 2, generator=generator)
    sigmas = sigma * (0.5 + torch.rand(count, generator=generator))
    weights = 3 * torch.randn(count, generator=generator)
    assert_agree(points, sigmas, weights, height, width, steps, ["fused"], 1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_mixed_degrees_and_scalars(method, device):
    """A sequence of a line, a quadratic and a cubic; one number serves all curves."""
    generator = torch.Generator().manual_seed(7)
    curves = [torch.rand(p, 2, generator=generator).to(device) for p in (2, 3, 4)]
    together = rasterize(curves, height=40, sigma=0.05, weight=0.5, steps=20, method=method)
    alone = [
        rasterize(c.double(), height=40, sigma=0.05, weight=0.5, steps=20, method="base")
        for c in curves
    ]
    assert (together - sum(alone)).abs().max() < 2e-2 if method == "half" else 2e-4


def test_cutoff_bounds_what_is_drawn(device):
    """With an explicit cutoff nothing beyond it need be drawn, and within it all is."""
    points = torch.tensor([[[0.5, 0.5], [0.5, 0.5]]], device=device)
    for method in ("bounded", "shrunk", "fused"):
        image = rasterize(points, height=64, sigma=0.02, steps=1, cutoff=3.0, method=method)
        exact = rasterize(points, height=64, sigma=0.02, steps=1, method="base")
        row = torch.arange(64, device=device) + 0.5 - 32
        inside = (row[:, None].abs() <= 3 * 1.28) & (row.abs() <= 3 * 1.28)
        torch.testing.assert_close(image[inside], exact[inside], atol=1e-6, rtol=1e-6)
        assert (image - exact).abs().max() < 0.0112  # e^-4.5, the Gaussian at 3 sigma


def test_bits_do_not_depend_on_threads(threads):
    """Image and gradients, for curves that cross every band of rows."""
    generator = torch.Generator().manual_seed(11)
    points = torch.rand(40, 4, 2, generator=generator)
    sigma = torch.rand(40, generator=generator) * 0.02 + 0.005
    weight = torch.randn(40, generator=generator)
    for height, width in ((256, 256), (250, 203), (3, 3000)):
        cotangent = torch.randn(height, width, generator=generator)
        results = []
        for count in (1, 2, 3, 8):
            threads(count)
            image, gradients = image_and_gradients(
                points, sigma, weight, cotangent, torch.float32, height=height, width=width
            )
            results.append([image, *gradients])
        for other in results[1:]:
            for one, two in zip(results[0], other, strict=True):
                assert torch.equal(one, two)


def test_gradients_only_where_asked(device):
    """Any subset of the inputs may need gradients, and gets the same ones."""
    points, sigma, weight = filled(torch.rand(3, 3, 2).to(device), 0.05, 0.7)
    cotangent = torch.randn(30, 30, device=device)
    _, everything = image_and_gradients(points, sigma, weight, cotangent, torch.float32, height=30)
    for index in range(3):
        inputs = [points.clone(), sigma.clone(), weight.clone()]
        inputs[index].requires_grad_()
        image = rasterize(inputs[0], sigma=inputs[1], weight=inputs[2], height=30)
        (gradient,) = torch.autograd.grad(image, inputs[index], cotangent)
        torch.testing.assert_close(gradient.double(), everything[index], rtol=1e-6, atol=1e-6)


def test_layouts(device):
    """Transposed memory, expanded cotangents and a single curve without its batch axis."""
    points = torch.rand(2, 3, device=device).T  # [3, 2], not contiguous
    image = rasterize(points.requires_grad_(), height=20)
    torch.testing.assert_close(image, rasterize(points.detach().clone()[None], height=20))
    image.sum().backward()  # the cotangent is one number, expanded
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_no_curves(device):
    """An empty batch draws an empty canvas, by every method."""
    for method in METHODS:
        image = rasterize(torch.zeros(0, 3, 2, device=device), height=8, width=5, method=method)
        assert image.shape == (8, 5)
        assert not image.any()


def test_compiled():
    """torch.compile traces through without a graph break."""
    points = torch.rand(2, 3, 2, requires_grad=True)

    def loss(p):
        return (rasterize(p, height=16, sigma=0.1) ** 2).sum()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    (gradient,) = torch.autograd.grad(compiled(points), points)
    (expected,) = torch.autograd.grad(loss(points), points)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("level", ["2", "3"])
def test_lower_processor_levels(level):
    """The modules for older processors pass the same comparison, in a process of their own."""
    from curvox import _native

    if not _native.cpu_level.startswith("x86_64") or int(_native.cpu_level[-1]) < int(level):
        pytest.skip(f"this processor does not run x86-64-v{level}")
    chosen = "tests/curves/test_rasterize.py::test_canvases_and_sigmas"
    bits = "tests/curves/test_rasterize.py::test_bits_do_not_depend_on_threads"
    command = [sys.executable, "-m", "pytest", "-q", chosen, bits]
    result = subprocess.run(
        command,
        env={**os.environ, "CURVOX_CPU_LEVEL": level},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


BAD = [
    (lambda p: rasterize(p[0, 0]), ValueError, "control_points must be"),
    (lambda p: rasterize(torch.rand(2, 5, 2)), ValueError, "P = 2, 3 or 4"),
    (lambda p: rasterize(p.long()), TypeError, "float32 or float64"),
    (lambda p: rasterize(p.half()), TypeError, "float32 or float64"),
    (lambda p: rasterize(p, sigma=torch.ones(3)), ValueError, r"sigmas must be \[2\]"),
    (lambda p: rasterize(p, weight=torch.ones(2).double()), TypeError, "weights is torch.float64"),
    (lambda p: rasterize(p, height=0), ValueError, "height and width"),
    (lambda p: rasterize(p, steps=0), ValueError, "steps"),
    (lambda p: rasterize(p, cutoff=-1.0), ValueError, "cutoff"),
    (lambda p: rasterize(p, tolerance=0.0), ValueError, "tolerance"),
    (lambda p: rasterize(p, method="magic"), ValueError, "base, half, bounded"),
    (lambda p: rasterize([]), ValueError, "at least one curve"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(torch.rand(2, 3, 2))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite(method, bad):
    points = torch.rand(2, 3, 2)
    points[1, 2, 0] = bad
    with pytest.raises(ValueError, match="control_points of curve 1 is not finite"):
        rasterize(points, height=9, method=method)
    with pytest.raises(ValueError, match="weight of curve 0 is not finite"):
        rasterize(torch.rand(2, 3, 2), height=9, weight=bad, method=method)
    with pytest.raises(ValueError, match="sigma of curve 0 must be positive"):
        rasterize(torch.rand(2, 3, 2), height=9, sigma=0.0, method=method)
