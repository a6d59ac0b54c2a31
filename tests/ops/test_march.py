"""The march through occupancy and density against its reference, on ordinary and hostile rays."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.march import march
from curvox.ops.rays_hit import pack_occupancy, rays_hit

RULE = {"shift": -1.0, "interval": 0.5, "alpha_threshold": 0.05, "stop": 1e-3}


def _box(*corners):
    return torch.tensor([corners[:3], corners[3:]], dtype=torch.float32)


def _rays(count, seed):
    """Towards the box [-1, 1]^3 from around it and inside it, some past it, some along an axis."""
    generator = torch.Generator().manual_seed(seed)
    origins = torch.randn(count, 3, generator=generator)
    origins = origins / origins.norm(dim=1, keepdim=True) * 3
    origins[::4] *= 0.2  # inside
    targets = torch.rand(count, 3, generator=generator) * 2.4 - 1.2
    directions = targets - origins
    directions[1::3, seed % 3] = 0
    directions[2::5] = torch.eye(3)[seed % 3] * (1 if seed % 2 else -1)
    norm = directions.norm(dim=1, keepdim=True)
    return origins, directions / norm


def _mask(shape, kind, seed):
    generator = torch.Generator().manual_seed(seed)
    share = {"empty": 0.0, "full": 1.0, "sparse": 0.01, "half": 0.5}[kind]
    return torch.rand(shape, generator=generator) < share


def _march(values, occupancy, rays, shape, step, **options):
    """In the box [-1, 1]^3, near 0.1 and far 6."""
    box = _box(-1, -1, -1, 1, 1, 1)
    return march(*rays, values, shape, box, occupancy, 0.1, 6.0, step, **{**RULE, **options})


MASKS = st.sampled_from(["empty", "full", "sparse", "half"])


@given(
    shape=st.sampled_from([(2, 2, 2), (3, 20, 2), (9, 10, 11)]),
    mask_shape=st.sampled_from([(2, 2, 2), (5, 30, 4), (33, 17, 20)]),
    kind=MASKS,
    mask_size=st.sampled_from([0.3, 1.0, 3.0]),
    count=st.integers(0, 40),
    scale=st.sampled_from([1.0, 30.0]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_against_the_reference(shape, mask_shape, kind, mask_size, count, scale, seed):
    """Every ray but those on which rounding decides whether a sample is kept (nearest mask point,
    threshold, end): they are told by the number of samples, and are few.
    """
    generator = torch.Generator().manual_seed(seed)
    size = shape[0] * shape[1] * shape[2]
    values = torch.randn(size, 1, generator=generator) * scale
    low = -mask_size + 0.013
    mask_box = _box(low, low, low, mask_size, mask_size, mask_size)
    occupancy = pack_occupancy(_mask(mask_shape, kind, seed), mask_box)
    rays = _rays(count, seed)
    fast, exact = values.clone().requires_grad_(), values.clone().requires_grad_()
    ours = _march(fast, occupancy, rays, shape, 0.031)
    theirs = _march(exact, occupancy, rays, shape, 0.031, backend="torch")
    same = ours.offsets.diff() == theirs.offsets.diff()
    assert (~same).sum() <= 1 + count // 10
    pick, expected = same[ours.ray_ids.long()], same[theirs.ray_ids.long()]
    for name in ("distances", "points", "alpha", "weights"):
        one, other = getattr(ours, name)[pick], getattr(theirs, name)[expected]
        torch.testing.assert_close(one, other, rtol=0, atol=2e-3 if scale > 1 else 1e-4)
    last = ours.last_transmittance[same]
    torch.testing.assert_close(last, theirs.last_transmittance[same], rtol=0, atol=1e-3)
    assert torch.equal(ours.ray_ids[pick], theirs.ray_ids[expected])
    assert ours.offsets[-1] == len(ours.alpha)
    if scale > 1:
        return  # slopes of 30 a cell turn the rounding of a position into any gradient
    cotangent = torch.randn(int(pick.sum()), generator=generator)
    cotangent_last = torch.randn(int(same.sum()), generator=generator)
    for samples, chosen in ((ours, pick), (theirs, expected)):
        loss = (samples.weights[chosen] * cotangent).sum()
        (loss + (samples.last_transmittance[same] * cotangent_last).sum()).backward()
    torch.testing.assert_close(fast.grad, exact.grad, rtol=1e-3, atol=2e-3)


@given(kind=MASKS, seed=st.integers(0, 10_000), step=st.sampled_from([0.004, 0.1, 5.0]))
@settings(max_examples=30, deadline=None)
def test_rays_hit(kind, seed, step):
    """Those rays that keep a sample when nothing is too transparent; and the reference."""
    occupancy = pack_occupancy(_mask((21, 8, 13), kind, seed), _box(-0.9, -1, -0.5, 1, 0.7, 0.8))
    origins, directions = _rays(60, seed)
    box = _box(-1, -1, -1, 1, 1, 1)
    values, options = torch.zeros(8, 1), {"alpha_threshold": 0.0, "stop": 0.0}
    samples = _march(values, occupancy, (origins, directions), (2, 2, 2), step, **options)
    hits = rays_hit(origins, directions, occupancy, box, 0.1, 6.0, step)
    assert torch.equal(hits, samples.offsets.diff() > 0)
    arguments = (origins, directions, occupancy, box, 0.1, 6.0, step)
    assert (hits != rays_hit(*arguments, backend="torch")).sum() <= 2


@given(shape=st.tuples(*[st.integers(2, 40)] * 3), kind=MASKS, seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_packing(shape, kind, seed):
    """unpack undoes it, and reach is the distance to the nearest block that holds anything."""
    mask = _mask(shape, kind, seed)
    packed = pack_occupancy(mask, _box(0, 0, 0, 1, 1, 1))
    assert torch.equal(packed.unpack(), mask)
    held = (packed.words != 0).nonzero()
    every = torch.ones_like(packed.words).nonzero()
    if len(held):
        distance = (every[:, None] - held).abs().amax(2).amin(1)
        assert torch.equal(packed.reach.flatten().long(), distance)
    else:
        assert (packed.reach == 32).all()


def test_one_ray_of_many_samples():
    """10,000 samples on one ray, all kept; jumps over emptiness land on the same samples."""
    rays = (torch.tensor([[-3.0, 0.1, 0.2]]), torch.tensor([[1.0, 0.0, 0.0]]))
    box = _box(-1, -1, -1, 1, 1, 1)
    options = {"alpha_threshold": 0.0, "stop": 0.0}
    values = torch.full((8, 1), -5.0)
    mask = torch.ones(40, 40, 40, dtype=torch.bool)
    full = _march(values, pack_occupancy(mask, box), rays, (2, 2, 2), 2e-4, **options)
    assert len(full.alpha) == pytest.approx(10_000, abs=2)
    mask[5:32] = False
    part = _march(values, pack_occupancy(mask, box), rays, (2, 2, 2), 2e-4, **options)
    kept = ((full.points[:, 0] + 1) / 2 * 39 + 0.5).floor()
    kept = (kept < 5) | (kept >= 32)
    assert len(part.distances) == pytest.approx(int(kept.sum()), abs=2)
    assert set(part.distances.tolist()) <= set(full.distances.tolist())


def test_saturated_alpha_ends_the_ray():
    """alpha = 1 leaves nothing: one sample a ray, weight 1, gradient without NaN."""
    rays = _rays(50, 0)
    mask = torch.ones(4, 4, 4, dtype=torch.bool)
    occupancy = pack_occupancy(mask, _box(-1, -1, -1, 1, 1, 1))
    values = torch.full((8, 1), 1e4).requires_grad_()
    samples = _march(values, occupancy, rays, (2, 2, 2), 0.05)
    assert (samples.offsets.diff() <= 1).all()
    assert (samples.weights == 1).all()
    assert samples.last_transmittance.sum() == (samples.offsets.diff() == 0).sum()
    (samples.weights.sum() + samples.last_transmittance.sum()).backward()
    assert (values.grad == 0).all()


@pytest.mark.parametrize("sparse", [False, True])
def test_bits_do_not_depend_on_threads(sparse, threads):
    occupancy = pack_occupancy(_mask((50, 40, 30), "half", 1), _box(-1, -1, -1, 1, 1, 1))
    rays, values = _rays(2000, 1), torch.randn(1000, 1)
    results = []
    for count in (1, 2, 5):
        threads(count)
        leaf = values.clone().requires_grad_()
        samples = _march(leaf, occupancy, rays, (10, 10, 10), 0.01, sparse=sparse)
        (samples.weights**2).sum().backward()
        results.append((*samples, leaf.grad.to_dense()))
    for result in results[1:]:
        assert all(torch.equal(*pair) for pair in zip(results[0], result, strict=True))


NAN, INF = float("nan"), float("inf")
BAD = [
    ({"origins": torch.full((2, 3), NAN)}, ValueError, "origin of ray 0 is not finite"),
    ({"directions": torch.full((2, 3), INF)}, ValueError, "direction of ray 0 is not finite"),
    ({"directions": torch.zeros(3, 3)}, ValueError, r"directions must be \[2, 3\]"),
    ({"origins": torch.zeros(2, 2)}, ValueError, r"origins must be \[R, 3\]"),
    ({"origins": torch.zeros(2, 3).half()}, TypeError, "origins must be float32"),
    ({"box": torch.zeros(2, 3)}, ValueError, "box must be finite"),
    ({"near": 2.0, "far": 1.0}, ValueError, "near and far"),
    ({"step": 0.0}, ValueError, "step must be positive"),
    ({"jitter": torch.tensor([0.0, 1.0])}, ValueError, r"jitter of ray 1 must lie in \[0, 1\)"),
]
MARCH_BAD = [
    ({"density_values": torch.zeros(8, 2)}, ValueError, r"density_values must be \[V, 1\]"),
    ({"interval": 0.0}, ValueError, "interval positive"),
    ({"shift": NAN}, ValueError, "shift must be finite"),
    ({"stop": -0.1}, ValueError, "stop must lie"),
    ({"backend": "fast"}, ValueError, "backend"),
]


def _arguments(change):
    box = _box(-1, -1, -1, 1, 1, 1)
    occupancy = pack_occupancy(torch.ones(2, 2, 2, dtype=torch.bool), box)
    rays = {"origins": torch.zeros(2, 3), "directions": torch.ones(2, 3)}
    limits = {"near": 0.1, "far": 6.0, "step": 0.1}
    return {**rays, "box": box, "occupancy": occupancy, **limits, **change}


@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_bad_rays(change, error, message):
    with pytest.raises(error, match=message):
        rays_hit(**_arguments(change))
    with pytest.raises(error, match=message):
        march(density_values=torch.zeros(8, 1), shape=(2, 2, 2), **RULE, **_arguments(change))


@pytest.mark.parametrize(("change", "error", "message"), MARCH_BAD)
def test_bad_march(change, error, message):
    grid = {"density_values": torch.zeros(8, 1), "shape": (2, 2, 2)}
    with pytest.raises(error, match=message):
        march(**{**_arguments({}), **grid, **RULE, **change})


def test_bad_masks():
    box = _box(-1, -1, -1, 1, 1, 1)
    with pytest.raises(ValueError, match="each at least 2"):
        pack_occupancy(torch.ones(1, 2, 2, dtype=torch.bool), box)
    with pytest.raises(TypeError, match="mask must be bool"):
        pack_occupancy(torch.ones(2, 2, 2), box)
