"""The splat by levels: held to the dense reference in float64, whatever it would cost."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops import splat as splat_module
from curvox.ops.splat import splat, splat_reference
from curvox.ops.splat_levels import Level, draw_levels, level_curves, plan_levels

TOLERANCE = 1e-4


def levels_of(weights, sigmas, longer, cutoff, per_sample, ratio=1.4):
    """A level for each factor of `ratio` from 3 pixels on; thinner curves directly."""
    pixels = sigmas.detach().double() * longer
    index = ((pixels / 3).log() / math.log(ratio)).floor().clamp(min=-1).long()
    levels = []
    for each in index.unique().tolist():
        curves = (index == each).nonzero()[:, 0]
        if each < 0:
            levels.append(Level(curves, 0.0, 0))
        else:
            thinnest = float(pixels[curves].min())
            levels.append(level_curves(curves, thinnest, weights, cutoff, per_sample))
    return levels


def drawing(count, num_points, seed, spread=1.0, thinnest=0.2, widest=30.0, longer=60):
    """Curves with sigmas from `thinnest` to `widest` pixels, evenly on a logarithmic scale."""
    generator = torch.Generator().manual_seed(seed)
    points = 0.5 + spread * (torch.rand(count, num_points, 2, generator=generator) - 0.5)
    weights = torch.randn(count, generator=generator)
    sigmas = thinnest * (widest / thinnest) ** torch.rand(count, generator=generator) / longer
    return points, weights, sigmas


def image_and_gradients(draw, curves, cotangent):
    inputs = [tensor.detach().clone().requires_grad_() for tensor in curves]
    image = draw(*inputs)
    return image.detach(), torch.autograd.grad(image, inputs, cotangent.to(image.dtype))


def by_levels(height, width, steps, cutoff=0.0, tolerance=TOLERANCE):
    def draw(points, weights, sigmas):
        per_sample = tolerance / (len(points) * steps)
        levels = levels_of(weights, sigmas, max(height, width), cutoff, per_sample)
        return draw_levels(
            points, weights, sigmas, height, width, steps, cutoff, per_sample, levels
        )

    return draw


def check(curves, height, width, steps):
    """Image within the tolerance, gradients within 1e-4 of their norm, float32's rounding aside:
    1e-6 (of a sigma 2e-5) of what a gradient would be if nothing cancelled in it.
    """
    _, weights, sigmas = curves
    cotangent = torch.randn(height, width, generator=torch.Generator().manual_seed(2))
    image, ours = image_and_gradients(by_levels(height, width, steps), curves, cotangent)
    exact = [tensor.double() for tensor in curves]
    reference = lambda *inputs: splat_reference(*inputs, height, width, steps=steps)  # noqa: E731
    expected, theirs = image_and_gradients(reference, exact, cotangent)
    largest = reference(exact[0], exact[1].abs(), exact[2]).max()
    thinnest = float(sigmas.min())
    placement = 2**-22 / (thinnest * max(height, width))
    assert (image - expected).abs().max() <= TOLERANCE + (2e-6 + placement) * largest
    _, tight = image_and_gradients(by_levels(height, width, steps, 0.0, 1e-7), curves, cotangent)
    uncancelled = 1e-6 * steps * float(weights.abs().max()) * float(cotangent.norm())
    floors = (uncancelled / thinnest, uncancelled, 20 * uncancelled / thinnest)
    for one, other, floor in zip(tight, theirs, floors, strict=True):
        error = (one - other).norm()
        assert error <= (1e-4 + placement) * other.norm() + floor, (error, other.norm(), floor)
    for one, other in zip(ours, tight, strict=True):
        assert (one - other).norm() <= 1e-2 * other.norm() + 1e-2


@given(
    seed=st.integers(0, 2**31),
    count=st.integers(1, 12),
    num_points=st.integers(2, 4),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    steps=st.integers(1, 40),
    spread=st.sampled_from([0.01, 1.0, 4.0]),
)
@settings(max_examples=60, deadline=None)
def test_random_drawings(seed, count, num_points, height, width, steps, spread):
    """Sigmas from 0.2 pixel to half the canvas, curves on and around it."""
    longer = max(height, width)
    curves = drawing(count, num_points, seed, spread, 0.2, max(longer / 2, 0.3), longer)
    check(curves, height, width, steps)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4000), (4000, 1), (37, 53)])
@pytest.mark.parametrize("widest", [5.0, 30.0])
def test_canvases(height, width, widest):
    """One pixel, one row, one column; sigmas within a level and over many."""
    longer = max(height, width)
    check(drawing(4, 3, 1, 0.5, 3.0, widest, longer), height, width, 16)


@pytest.mark.parametrize("cutoff", [1.0, 3.0])
@pytest.mark.parametrize("sigma", [3.0, 5.12, 14.0])
def test_cutoff_loses_less_than_the_direct_way(cutoff, sigma):
    """Image and gradients are nearer to the reference."""
    points, weights, _ = drawing(10, 3, 5)
    curves = (points, weights.abs(), torch.full((10,), sigma / 64))
    cotangent = torch.rand(64, 64, generator=torch.Generator().manual_seed(3))

    def direct(points, weights, sigmas):
        whole = [Level(None, 0.0, 0)]
        return draw_levels(points, weights, sigmas, 64, 64, 32, cutoff, 1e-9, whole)

    results = [image_and_gradients(by_levels(64, 64, 32, cutoff), curves, cotangent)]
    results.append(image_and_gradients(direct, curves, cotangent))
    exact, gradients = image_and_gradients(
        lambda *inputs: splat_reference(*inputs, 64, 64, steps=32),
        [tensor.double() for tensor in curves],
        cotangent,
    )
    levelled, plain = [(image - exact).abs().max() for image, _ in results]
    assert levelled <= plain
    for ours, theirs, true in zip(results[0][1], results[1][1], gradients, strict=True):
        assert (ours - true).norm() <= (theirs - true).norm() + 1e-4 * true.norm()


def test_bits_do_not_depend_on_threads(threads):
    """Image and gradients of several levels."""
    curves = drawing(60, 4, 7, 1.0, 0.5, 12.0, 200)
    cotangent = torch.randn(190, 200)
    results = []
    for count in (1, 2, 5):
        threads(count)
        draw = by_levels(190, 200, 64, 3.0)
        image, gradients = image_and_gradients(draw, curves, cotangent)
        results.append([image, *gradients])
    for other in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(results[0], other, strict=True))


def many(sigma_pixels, count=600, height=256):
    points, weights, _ = drawing(count, 3, 3)
    return points, weights.abs(), torch.full((count,), sigma_pixels / height)


def test_plans(threads):
    """Few or thin curves are drawn directly, many wide ones of one sigma in one level."""
    plan = lambda curves: plan_levels(*curves[1:], 256, 256, 128, 3.0, 1e-9)  # noqa: E731
    assert plan(many(5.0, count=30)) == []
    assert plan(many(0.8)) == []
    assert plan(many(math.nan)) == []
    assert plan(many(-5.0)) == []
    (level,) = plan(many(5.0))
    assert level.curves is None
    assert level.blurred == pytest.approx(math.sqrt(24))
    threads(1)
    assert plan(many(5.0)) == [level]
    points, weights, sigmas = many(0.5, count=3000)
    sigmas[:1500] *= 30
    levels = plan((points, weights, sigmas))
    assert [level.blurred > 0 for level in levels] == [False, True]
    assert torch.cat([level.curves for level in levels]).sort().values.equal(torch.arange(3000))


def test_splat_takes_levels():
    """The public call draws many wide curves by levels, as near to what the direct way draws."""
    points, weights, sigmas = many(6.0)
    image = splat(points, weights, sigmas, 256, 256, cutoff=6.0)
    parts = [
        splat(points[i : i + 50], weights[i : i + 50], sigmas[i : i + 50], 256, 256, cutoff=6.0)
        for i in range(0, 600, 50)
    ]
    torch.testing.assert_close(image, sum(parts), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("which", [0, 1])
def test_values_are_checked(which):
    """The curve at fault is named by its place in the caller's batch."""
    curves = many(6.0)
    curves[which].view(600, -1)[123, 0] = math.nan
    with pytest.raises(ValueError, match="of curve 123 is not finite"):
        splat(*curves, 256, 256)


def test_gradients_only_where_asked(monkeypatch):
    """Sigmas that need none get none."""
    planned = []

    def plan(*arguments):
        planned.append(plan_levels(*arguments))
        return planned[-1]

    monkeypatch.setattr(splat_module, "plan_levels", plan)
    points, weights, sigmas = many(6.0)
    image = splat(points.requires_grad_(), weights, sigmas, 256, 256, cutoff=3.0)
    image.sum().backward()
    assert planned[0]
    assert points.grad.isfinite().all()
    assert sigmas.grad is None
