"""Samples along rays: where they stand, and that no ray can break the sampler."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.sample_rays import sample_rays

BOX = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 2.0, 0.5]])

# Components that meet faces and corners exactly, next to any others.
components = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 1e-30, -1e-42]),
    st.floats(-4, 4, width=32),
)
rays = st.lists(st.tuples(*[components] * 6), max_size=12)


def _split(rays):
    table = torch.tensor(rays).reshape(-1, 6)
    return table[:, :3].contiguous(), table[:, 3:].contiguous()


def _check_consistent(samples, count):
    assert len(samples.points) == len(samples.distances) == len(samples.ray_ids)
    assert samples.ray_ids.dtype == torch.int32
    assert samples.offsets.dtype == torch.int64
    assert samples.offsets[0] == 0
    assert torch.equal(samples.ray_ids.bincount(minlength=count), samples.offsets.diff())
    assert (samples.ray_ids.diff() >= 0).all()


@given(rays, st.floats(0, 2), st.floats(0, 8), st.floats(0.05, 3), st.booleans())
@settings(max_examples=200, deadline=None)
def test_kernel_against_reference(rays, near, length, step, with_jitter):
    """The same samples, but for one at the far end that rounding puts in or leaves out."""
    origins, directions = _split(rays)
    jitter = torch.linspace(0, 0.99, len(origins)) if with_jitter else None
    arguments = (origins, directions, BOX, near, near + length, step)
    ours = sample_rays(*arguments, jitter=jitter)
    theirs = sample_rays(*arguments, jitter=jitter, backend="torch")
    _check_consistent(ours, len(origins))
    _check_consistent(theirs, len(origins))
    assert torch.equal(ours.offsets, theirs.offsets)
    assert torch.equal(ours.ray_ids, theirs.ray_ids)
    torch.testing.assert_close(ours.distances, theirs.distances, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.points, theirs.points, rtol=1e-5, atol=1e-5)


@given(rays)
@settings(max_examples=100, deadline=None)
def test_samples_stand_inside(rays):
    """Within the box and between near and far, a step apart, on their ray."""
    origins, directions = _split(rays)
    samples = sample_rays(origins, directions, BOX, 0.25, 3.0, 0.1)
    points, distances, ray_ids, _ = samples
    assert (points >= BOX[0] - 1e-4).all()
    assert (points <= BOX[1] + 1e-4).all()
    assert (distances >= 0.25).all()
    assert (distances <= 3.0 + 1e-5).all()
    on_ray = origins[ray_ids] + distances[:, None] * directions[ray_ids]
    torch.testing.assert_close(points, on_ray, rtol=1e-5, atol=1e-5)
    gaps = distances.diff()[ray_ids.diff() == 0]
    torch.testing.assert_close(gaps, torch.full_like(gaps, 0.1), rtol=0, atol=1e-5)


def _one(origin, direction, **options):
    tensors = (torch.tensor([origin]), torch.tensor([direction]), BOX)
    return sample_rays(*tensors, 0.0, 10.0, 0.5, **options).distances.tolist()


@pytest.mark.parametrize("backend", [None, "torch"])
def test_known_rays(backend):
    """Rays of which a glance tells what they meet."""
    along_x = [1.0, 0.0, 0.0]
    middle = [0.25, 0.75, 1.25, 1.75]
    assert _one([-1.0, 0.0, 0.0], along_x, backend=backend) == middle
    assert _one([-3.0, 0.0, 0.0], along_x, backend=backend) == [2 + t for t in middle]
    assert _one([0.0, 0.0, 0.0], along_x, backend=backend) == middle[:2]  # starts inside
    assert _one([-1.0, 2.0, 0.5], along_x, backend=backend) == middle  # along an edge
    assert _one([-1.0, 2.1, 0.0], along_x, backend=backend) == []  # beside
    assert _one([2.0, 0.0, 0.0], along_x, backend=backend) == []  # behind
    assert _one([-1.0, 0.0, 0.0], [0.0, 0.0, 0.0], backend=backend)[-1] == 9.75
    jitter = torch.zeros(1)
    assert _one([-1.0, 0.0, 0.0], along_x, jitter=jitter, backend=backend) == [0, 0.5, 1, 1.5]


@pytest.mark.parametrize("backend", [None, "torch"])
def test_one_long_ray_and_none(backend):
    """10,000 samples on a ray among rays without; no ray at all."""
    origins = torch.tensor([[0.0, 9, 0], [-1, 0, 0], [0, 9, 0]])
    directions = torch.tensor([[1.0, 0, 0]]).expand(3, 3)
    samples = sample_rays(origins, directions, BOX, 0, 10, 2e-4, backend=backend)
    assert samples.offsets.tolist() == [0, 0, 10000, 10000]
    assert abs(float(samples.points[-1, 0]) - 0.9999) < 1e-5
    samples = sample_rays(origins[:0], directions[:0], BOX, 0, 10, 0.1, backend=backend)
    assert samples.offsets.tolist() == [0]
    assert samples.points.shape == (0, 3)


def test_same_bits_for_any_number_of_threads(threads):
    """More samples than one thread would do alone."""
    generator = torch.Generator().manual_seed(1)
    origins, directions, _ = torch.randn(3, 2000, 3, generator=generator)
    results = []
    for count in (1, 2):
        threads(count)
        results.append(sample_rays(origins, directions, BOX, 0, 4, 0.01))
    assert len(results[0].points) > 40000
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", ["origin", "direction"])
def test_rays_that_are_not_finite(backend, value, which):
    """Named before anything is sampled."""
    origins, directions = torch.ones(2, 3), torch.ones(2, 3)
    (origins if which == "origin" else directions)[1, 2] = value
    with pytest.raises(ValueError, match=f"{which} of ray 1 is not finite"):
        sample_rays(origins, directions, BOX, 0, 1, 0.1, backend=backend)


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize("value", [math.nan, -0.1, 1.0])
def test_jitter_out_of_range(backend, value):
    """Named, with the value."""
    jitter = torch.tensor([0.5, value])
    with pytest.raises(ValueError, match=r"jitter of ray 1 must lie in \[0, 1\)"):
        sample_rays(*torch.ones(2, 2, 3), BOX, 0, 1, 0.1, jitter=jitter, backend=backend)


@pytest.mark.parametrize("backend", [None, "torch"])
def test_too_many_samples(backend):
    """Counted and refused before memory is asked for."""
    origins = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="a list holds at most"):
        sample_rays(origins, torch.ones(2, 3), BOX, 0, 1, 1e-12, backend=backend)


def _call(**changes):
    arguments = {"origins": torch.zeros(2, 3), "directions": torch.ones(2, 3), "box": BOX}
    arguments |= {"near": 0.0, "far": 1.0, "step": 0.1} | changes
    return sample_rays(**arguments)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"origins": torch.zeros(3)}, ValueError, "origins must be"),
        ({"origins": torch.zeros(2, 3, dtype=torch.int)}, TypeError, "float32 or float64"),
        ({"directions": torch.zeros(1, 3)}, ValueError, r"directions must be \[2, 3\]"),
        ({"directions": torch.zeros(2, 3).double()}, TypeError, "directions is"),
        ({"box": BOX[:1]}, ValueError, r"box must be \[2, 3\]"),
        ({"box": BOX.flip(0)}, ValueError, "box must be finite"),
        ({"box": BOX * math.nan}, ValueError, "box must be finite"),
        ({"jitter": torch.zeros(3)}, ValueError, r"jitter must be \[2\]"),
        ({"near": 2.0}, ValueError, "near and far"),
        ({"near": -1.0}, ValueError, "near and far"),
        ({"far": math.inf}, ValueError, "near and far"),
        ({"far": math.nan}, ValueError, "near and far"),
        ({"step": 0.0}, ValueError, "step must be positive"),
        ({"step": math.nan}, ValueError, "step must be positive"),
        ({"backend": "jax"}, ValueError, "backend must be"),
    ],
)
def test_bad_arguments(changes, error, said):
    """Each names the argument at fault."""
    with pytest.raises(error, match=said):
        _call(**changes)
