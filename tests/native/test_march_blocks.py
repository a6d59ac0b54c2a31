"""The march's CUDA kernels and their launches, run on the host: held to the CPU kernels, which are
held to the reference elsewhere.
"""

import hypothesis.strategies as st
import pytest
import torch
from host_launch import launch_on_host
from hypothesis import given, settings

from curvox._native import cuda
from curvox.ops import march
from curvox.ops.rays_hit import ray_arguments
from random_fields import make_field, make_rays


@pytest.fixture(autouse=True)
def _host(monkeypatch):
    monkeypatch.setattr(cuda, "launch", launch_on_host)


def _arguments(seed, rays, stop, threshold, step=None):
    field = make_field(None, seed % 5)
    origins, directions, jitter = make_rays(rays, seed)
    directions[::7] = torch.eye(3)[seed % 3]  # along an axis
    limits = (0.0, 6.0, step or field.march.step)
    task = ray_arguments(
        origins, directions, field.occupancy.bits, field.box, *limits, jitter if seed % 2 else None
    )
    rule = (field.march.shift, field.march.interval, threshold, stop)
    return *task, field.density.values.detach(), list(field.shape), *rule


CASES = given(
    seed=st.integers(0, 2**31 - 1),
    rays=st.integers(1, 80),
    stop=st.sampled_from([0.0, 1e-3, 0.3, 1.0]),
    threshold=st.sampled_from([0.0, 1e-3, 0.2, 1.0]),
)


@settings(max_examples=60, deadline=None)
@CASES
def test_agrees_with_the_cpu(seed, rays, stop, threshold):
    """Samples in the same order, and their gradients."""
    arguments = _arguments(seed, rays, stop, threshold)
    expected = torch.ops.curvox.march(*arguments, None)
    samples = march._march_cuda(*arguments, None)
    if not torch.equal(samples[3], expected[3]):  # rounding decided about a sample
        return
    for ours, theirs in zip(samples, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    *_, offsets, density, alpha, weights, last = expected
    generator = torch.Generator().manual_seed(seed)
    cotangents = [torch.randn(tensor.shape, generator=generator) for tensor in (weights, last)]
    task = (*cotangents, alpha, density, offsets, *arguments[-4:-2])
    torch.testing.assert_close(
        march._march_backward_cuda(*task),
        torch.ops.curvox.march_backward(*task),
        rtol=1e-4,
        atol=1e-5,
    )


def test_few_depend_on_rounding():
    """Of a thousand rays hardly any has another number of samples than on the CPU."""
    arguments = _arguments(3, 1000, 1e-3, 1e-3)
    ours = march._march_cuda(*arguments, None)[3].diff()
    theirs = torch.ops.curvox.march(*arguments, None)[3].diff()
    assert theirs.max() > 32  # more than a block looks at together
    assert (ours != theirs).sum() <= 3


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), share=st.floats(0.1, 2.0))
def test_capacity(seed, share):
    """Lists of another length begin as they would, and go on with nothing on the last ray."""
    arguments = _arguments(seed, 40, 1e-3, 1e-3)
    expected = march._march_cuda(*arguments, None)
    count = len(expected[0])
    capacity = int(share * count) + 1
    kept = min(count, capacity)
    samples = march._march_cuda(*arguments, capacity)
    assert torch.equal(samples[3], expected[3].clamp(max=capacity))
    for ours, theirs in zip(samples[:3] + samples[4:7], expected[:3] + expected[4:7], strict=True):
        assert len(ours) == capacity
        assert torch.equal(ours[:kept], theirs[:kept])
    assert (samples[2][kept:] == 39).all()
    assert not samples[6][kept:].any()
