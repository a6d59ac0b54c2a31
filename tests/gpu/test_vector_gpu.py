"""The CUDA kernels of vector graphics against the references, and what a GPU adds to them."""

import math

import pytest
import torch

from curvox.ops.flatten import flatten, flatten_reference
from curvox.ops.paint import paint_layers
from curvox.ops.paint_reference import paint_reference
from curvox.ops.stroke import stroke
from random_drawings import random_contours, random_drawing

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")

FLOATS = 8  # of the inputs of the painting, which come first


def _moved(inputs, device="cuda"):
    return [tensor.to(device) for tensor in inputs]


def _painted(inputs, height, width):
    """The image, and gradients of all floats for a random cotangent."""
    image, kept = torch.ops.curvox.paint_layers(height, width, 4, *inputs)
    cotangent = torch.randn(image.shape, generator=torch.Generator().manual_seed(2)).to(image)
    backward = torch.ops.curvox.paint_layers_backward
    return [image, *backward(cotangent, *inputs, kept, True, True, True)]


def _stroked(inputs):
    """Vertices and offsets, and the gradients of segments and widths."""
    vertices, offsets, kept = torch.ops.curvox.stroke(*inputs)
    gradients = torch.ops.curvox.stroke_backward(vertices, *inputs, offsets, kept)
    return [vertices, offsets, *gradients]


@pytest.mark.parametrize("seed", range(12))
def test_painting_against_the_reference(seed):
    """Groups, clips, colour gradients, two scenes; edges on borders of tiles in a third of cases.
    There gradients of vertices are those of either side.
    """
    grid = (0.0, 0.0, 16.0)[seed % 3]
    inputs = _moved(random_drawing(seed, 7, 60, grid=grid, scenes=2))
    image, *gradients = _painted(inputs, 61, 50)
    floats = [tensor.double().requires_grad_() for tensor in inputs[:FLOATS]]
    expected = paint_reference(61, 50, 4, *floats, *inputs[FLOATS:])
    assert (image - expected).abs().max() <= 2e-4  # some corners lie 4,000 pixels away
    cotangent = torch.randn(image.shape, generator=torch.Generator().manual_seed(2))
    theirs = torch.autograd.grad(
        expected, floats, cotangent.double().cuda(), materialize_grads=True
    )
    for mine, true in list(zip(gradients, theirs, strict=True))[int(grid > 0) :]:
        assert (mine - true).norm() <= 5e-3 * true.norm() + 1e-3


def test_painting_agrees_with_the_cpu():
    """Hundreds of layers and groups, three scenes: the same arithmetic in another order."""
    inputs = random_drawing(1, 700, 250, scenes=3, groups=60)
    for ours, theirs in zip(
        _painted(_moved(inputs), 200, 250), _painted(inputs, 200, 250), strict=True
    ):
        assert (ours.cpu() - theirs).norm() <= 2e-3 * theirs.norm() + 1e-4


def test_painting_has_the_same_bits_every_time():
    """No racing additions: images and gradients of two runs are equal bit for bit."""
    inputs = _moved(random_drawing(2, 300, 300, grid=1.0, scenes=2, groups=20))
    first = _painted(inputs, 256, 300)
    for _ in range(3):
        assert all(map(torch.equal, first, _painted(inputs, 256, 300)))


@pytest.mark.parametrize("seed", range(8))
def test_polygons_agree_with_the_cpu(seed):
    """Flattened curves against the reference, strokes against the CPU; unless rounding decided how
    many vertices there are.
    """
    inputs = random_contours(seed, [2, 0, 3, 1, 4])
    ours, theirs = _stroked(_moved(inputs)), _stroked(inputs)
    if torch.equal(ours[1].cpu(), theirs[1]):
        for mine, other in zip(ours, theirs, strict=True):
            assert (mine.cpu() - other).double().norm() <= 5e-3 * other.double().norm() + 1e-3
    segments, contours = inputs[0].cuda().requires_grad_(), inputs[1].cuda()
    vertices, offsets = flatten(segments, contours, tolerance=0.05)
    exact = segments.detach().double().requires_grad_()
    expected, ends = flatten_reference(exact, contours, exact.new_full((5,), 0.05))
    if torch.equal(offsets, ends):
        assert (vertices - expected).abs().max() < 2e-5
        cotangent = torch.randn_like(vertices)
        (mine,) = torch.autograd.grad(vertices, segments, cotangent)
        (true,) = torch.autograd.grad(expected, exact, cotangent.double())
        assert (mine - true).norm() <= 1e-5 * true.norm()


def test_polygons_have_the_same_bits_every_time():
    """Of a thousand contours."""
    inputs = _moved(random_contours(9, [3] * 1000))
    first = _stroked(inputs)
    for _ in range(3):
        assert all(map(torch.equal, first, _stroked(inputs)))


def _drawn(segments, widths):
    """Strokes drawn over each other, from their control points on."""
    count = len(widths)
    codes = torch.ones(count, dtype=torch.uint8, device=segments.device)
    contours = torch.arange(count + 1, device=segments.device)
    opened, limits = codes == 0, widths.detach() * 0 + 4
    vertices, offsets = stroke(segments, contours, opened, widths, codes, codes, limits)
    loops = torch.stack([offsets[:-1], offsets[1:]], 1)
    ink = widths.new_ones(count, 3), widths.new_full((count,), 0.7)
    return paint_layers(vertices, loops, 2 * contours, codes * 0, *ink, 90, 120)


def test_other_stream():
    """Work goes to torch's current stream, in order with what was put there before."""
    generator = torch.Generator().manual_seed(3)
    segments = (torch.rand(40, 4, 2, generator=generator) * 100).cuda()
    widths = torch.full((40,), 3.0, device="cuda")
    expected = _drawn(segments, widths)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)
        moved = segments.clone().requires_grad_()
        actual = _drawn(moved, widths)
        actual.sum().backward()
    stream.synchronize()
    assert torch.equal(actual.detach(), expected)
    assert moved.grad.isfinite().all()


def test_nan_surfaces_in_its_scene():
    """Nothing is read back to look."""
    inputs = _moved(random_drawing(4, 2, 40, groups=0, shaded=False))
    inputs[0] = torch.tensor([[1.0, 1], [math.nan, 9], [9, 30]]).repeat(2, 1).cuda()
    inputs[0][3:] = inputs[0][3:].nan_to_num(20)
    inputs[8] = torch.tensor([[0, 3], [3, 6]]).cuda()
    inputs[9] = inputs[13] = torch.tensor([0, 1, 2]).cuda()
    image, gradient, *_ = _painted(inputs, 40, 40)
    assert image[0].isnan().all()
    assert image[1].isfinite().all()
    assert gradient[:3].isnan().all()
    assert gradient[3:].isfinite().all()


def test_memory_is_bounded():
    """A thousand layers over all of a large canvas: a few hundred MiB, where the references would
    need layers times pixels.
    """
    count = 1000
    corners = torch.tensor([[-5.0, -5], [1100, -9], [1100, 1100], [-9, 1100]])
    jitter = torch.rand(count, 4, 2, generator=torch.Generator().manual_seed(5)) * 4
    vertices = (corners + jitter).view(-1, 2).cuda().requires_grad_()
    starts = 4 * torch.arange(count, device="cuda")
    inks = torch.rand(count, 3, device="cuda"), torch.full((count,), 0.01, device="cuda")
    codes = torch.zeros(count, dtype=torch.uint8, device="cuda")
    loops = torch.stack([starts, starts + 4], 1)
    ends = torch.arange(count + 1, device="cuda")
    torch.cuda.reset_peak_memory_stats()
    image = paint_layers(vertices, loops, ends, codes, *inks, 1024, 1024)
    image.square().sum().backward()
    assert vertices.grad.isfinite().all()
    assert torch.cuda.max_memory_allocated() < 1.5 * 2**30
