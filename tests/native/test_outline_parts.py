"""The CUDA kernels that turn curves into polygons, and their launches, run on the host: held to the
references in float64 and to the CPU kernels.
"""

import math

import hypothesis.strategies as st
import pytest
import torch
from host_launch import launch_on_host
from hypothesis import given, settings

from curvox._native import cuda
from curvox.ops import outline_cuda, stroke
from curvox.ops.flatten import flatten_reference
from curvox.ops.stroke_reference import stroke_reference
from random_drawings import random_contours


@pytest.fixture(autouse=True)
def _host(monkeypatch):
    monkeypatch.setattr(cuda, "launch", launch_on_host)


def _flatten_inputs(inputs):
    return inputs[0], inputs[1], inputs[7]


def _cotangent(vertices):
    return torch.randn(vertices.shape, generator=torch.Generator().manual_seed(1))


COUNTS = st.lists(st.integers(0, 4), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), counts=COUNTS)
def test_flattened_against_the_reference(seed, counts):
    """Chains of any length, none too; tolerances of their own."""
    inputs = _flatten_inputs(random_contours(seed, counts))
    vertices, offsets, kept = outline_cuda.flatten_cuda(*inputs)
    exact = inputs[0].double().requires_grad_()
    expected, ends = flatten_reference(exact, inputs[1], inputs[2].double())
    if not torch.equal(offsets, ends):  # rounding decided how many pieces
        return
    assert (vertices - expected).abs().max() < 2e-5 if len(vertices) else True
    cotangent = _cotangent(vertices)
    ours = outline_cuda.flatten_backward_cuda(cotangent, *inputs, offsets, kept)
    (theirs,) = torch.autograd.grad(expected, exact, cotangent.double())
    assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**31), counts=COUNTS)
def test_stroked_against_the_cpu(seed, counts):
    """The CPU kernel walks whole contours, this one a segment, a stop, a sample at a time. All
    caps and joins, closed and open, widths of 0 to 15.
    """
    inputs = random_contours(seed, counts)
    vertices, offsets, kept = outline_cuda.stroke_cuda(*inputs)
    expected, ends, nothing = stroke._stroke_cpu(*inputs)
    if not torch.equal(offsets, ends):  # rounding decided whether offsets run backwards
        return
    torch.testing.assert_close(vertices, expected, rtol=1e-5, atol=1e-3)
    cotangent = _cotangent(vertices)
    ours = outline_cuda.stroke_backward_cuda(cotangent, *inputs, offsets, kept)
    theirs = stroke._stroke_backward_cpu(cotangent, *inputs, offsets, nothing)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        assert (mine - other).norm() <= 1e-3 * other.norm() + 1e-4


@pytest.mark.parametrize("seed", range(1, 8))
def test_stroked_against_the_reference(seed):
    """Vertices and gradients in float64."""
    inputs = random_contours(seed, [2, 1, 3])
    inputs[3].clamp_min_(0.1)
    vertices, offsets, kept = outline_cuda.stroke_cuda(*inputs)
    segments, contours, closed, widths, caps, joins, *style = inputs
    exact = [tensor.double().requires_grad_() for tensor in (segments, widths)]
    doubles = (tensor.double() for tensor in style)
    expected, ends = stroke_reference(exact[0], contours, closed, exact[1], caps, joins, *doubles)
    assert torch.equal(offsets, ends)
    assert (vertices - expected).abs().max() < 0.05  # close to cusps directions are ill-conditioned
    cotangent = _cotangent(vertices)
    ours = outline_cuda.stroke_backward_cuda(cotangent, *inputs, offsets, kept)
    theirs = torch.autograd.grad(expected, exact, cotangent.double())
    for mine, true in zip(ours, theirs, strict=True):
        assert (mine - true).norm() <= 1e-2 * true.norm() + 1e-3


def test_nothing_at_all():
    """No contours, and contours of no segments."""
    for counts in ([], [0, 0]):
        inputs = random_contours(1, counts)
        vertices, offsets, kept = outline_cuda.flatten_cuda(*_flatten_inputs(inputs))
        assert len(vertices) == 0
        assert offsets.tolist() == [0] * (len(counts) + 1)
        vertices, offsets, kept = outline_cuda.stroke_cuda(*inputs)
        assert len(vertices) == 0
        assert offsets.tolist() == [0] * (2 * len(counts) + 1)
        by_segments, by_widths = outline_cuda.stroke_backward_cuda(vertices, *inputs, offsets, kept)
        assert by_segments.shape == (0, 4, 2)
        assert torch.equal(by_widths, torch.zeros(len(counts)))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e30, 1e9])
@pytest.mark.parametrize("which", [0, 3, 6, 7])
def test_hostile_values_stay_where_they_are(value, which):
    """Points, widths, limits and tolerances that the CPU refuses: the kernels end, with few
    vertices, and other contours keep their bits.
    """
    inputs = random_contours(5, [2, 2, 2])
    expected, ends, _ = outline_cuda.stroke_cuda(*inputs)
    inputs[which].view(-1)[inputs[which].numel() // 2] = value  # of the second contour
    polygon, *_ = outline_cuda.flatten_cuda(*_flatten_inputs(inputs))
    vertices, offsets, kept = outline_cuda.stroke_cuda(*inputs)
    assert len(polygon) < 1e6
    assert len(vertices) < 1e7
    assert torch.equal(vertices[: ends[2]], expected[: ends[2]])
    assert torch.equal(vertices[offsets[4] :], expected[ends[4] :])
    by_segments, by_widths = outline_cuda.stroke_backward_cuda(vertices, *inputs, offsets, kept)
    assert by_segments[[0, 1, 4, 5]].isfinite().all()
    assert by_widths[[0, 2]].isfinite().all()
    if which in (0, 3) and math.isnan(value):
        assert vertices[offsets[2] : offsets[4]].isnan().any()


@pytest.mark.parametrize("slip", [-2, 3])
def test_counts_that_another_kernel_sees_otherwise(slip, monkeypatch):
    """Should a compiler round otherwise in two kernels, nothing is written beyond what was counted,
    and the last vertex stands at the end.
    """
    inputs = random_contours(6, [3])

    def launch(device, name, blocks, threads, *arguments):
        launch_on_host(device, name, blocks, threads, *arguments)
        if name == "curvox_stroke_vertex_counts":
            counts = arguments[-1]
            counts[counts.argmax()] += slip
        if name == "curvox_stroke_counts":
            arguments[-1][2] += slip

    monkeypatch.setattr(cuda, "launch", launch)
    vertices, offsets, kept = outline_cuda.stroke_cuda(*inputs)
    assert vertices.isfinite().all()
    by_segments, by_widths = outline_cuda.stroke_backward_cuda(vertices, *inputs, offsets, kept)
    assert by_segments.isfinite().all()
    assert by_widths.isfinite().all()
