"""The shallow network's kernel on inputs of all sizes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.network import shallow_network

# A gradient jumps where a hidden value crosses zero, and float32 puts a few on the other side than
# float64: gradients are compared with the float32 reference, whose hidden values differ less.
GRADIENT_TOLERANCE = 2e-3


def _inputs(count, rays, inputs, width, seed):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return (0.5 * torch.randn(shape, generator=generator)).requires_grad_()

    ray_ids = torch.randint(max(rays, 1), (count,), generator=generator).sort()[0].int()
    weights = (draw(width, inputs), draw(width, width), draw(width), draw(3, width), draw(3))
    return draw(count, inputs), draw(rays, width), ray_ids, *weights


def _run(arguments, cotangent, backend=None, precision="float32"):
    colours = shallow_network(*arguments, backend=backend, precision=precision)
    leaves = [tensor for tensor in arguments if tensor.requires_grad]
    return [colours.detach(), *torch.autograd.grad(colours, leaves, cotangent)]


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(0, 700),
    rays=st.integers(1, 60),
    inputs=st.integers(1, 50),
    width=st.integers(1, 140),
    seed=st.integers(0, 1000),
)
def test_any_size(count, rays, inputs, width, seed):
    arguments = _inputs(count, rays, inputs, width, seed)
    cotangent = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    ours, theirs = _run(arguments, cotangent), _run(arguments, cotangent, "torch")
    torch.testing.assert_close(ours[0], theirs[0], rtol=0, atol=1e-5)  # worst seen: 2e-6
    for mine, reference in zip(ours[1:], theirs[1:], strict=True):
        assert (mine - reference).norm() <= GRADIENT_TOLERANCE * reference.norm() + 1e-6


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_bits_for_any_number_of_threads(threads, precision):
    arguments = _inputs(20_000, 300, 12, 64, 0)
    cotangent = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(1))
    threads(1)
    one = _run(arguments, cotangent, precision=precision)
    threads(2)
    for mine, other in zip(one, _run(arguments, cotangent, precision=precision), strict=True):
        assert torch.equal(mine, other)


def test_bfloat16_is_near():
    """About three digits of the colours; gradients differ where a hidden value crosses zero."""
    arguments = _inputs(3_000, 100, 13, 70, 0)
    cotangent = torch.randn(3_000, 3, generator=torch.Generator().manual_seed(1))
    exact = _run(arguments, cotangent, "torch")
    rounded = _run(arguments, cotangent, precision="bfloat16")
    assert (rounded[0] - exact[0]).abs().max() < 0.06  # worst seen: 0.042
    assert (rounded[0] - exact[0]).square().mean().sqrt() < 0.005
    for mine, reference in zip(rounded[1:], exact[1:], strict=True):
        assert (mine - reference).norm() <= 0.15 * reference.norm()  # worst seen: 0.12


def test_one_ray_with_all_samples():
    """A share never ends within a ray, so one ray is one share."""
    arguments = _inputs(9_000, 1, 12, 32, 0)
    cotangent = torch.randn(9_000, 3, generator=torch.Generator().manual_seed(1))
    for mine, reference in zip(
        _run(arguments, cotangent), _run(arguments, cotangent, "torch"), strict=True
    ):
        assert (mine - reference).norm() <= GRADIENT_TOLERANCE * reference.norm()


def test_values_that_are_not_finite_stay_with_their_sample():
    arguments = _inputs(300, 10, 4, 16, 0)
    with torch.no_grad():
        arguments[0][7, 2] = torch.nan
    colours = shallow_network(*arguments)
    assert colours[7].isnan().all()
    assert colours.isfinite().all(1).sum() == 299


@pytest.mark.parametrize("bad", [[0, 2, 1], [-1, 0, 1], [0, 1, 4]])
def test_rays_that_do_not_exist(bad):
    arguments = list(_inputs(3, 4, 2, 8, 0))
    arguments[2] = torch.tensor(bad, dtype=torch.int32)
    with pytest.raises(ValueError, match="ray_ids must rise within"):
        shallow_network(*arguments)


@pytest.mark.parametrize(
    ("index", "value", "error", "message"),
    [
        (0, torch.zeros(3), ValueError, "features must be"),
        (2, torch.zeros(2, dtype=torch.int32), ValueError, "ray_ids must be"),
        (2, torch.zeros(3), TypeError, "int32"),
        (3, torch.zeros(8, 3), ValueError, "first must be"),
        (4, torch.zeros(8, 7), ValueError, "second must be"),
        (5, torch.zeros(7), ValueError, "second_bias must be"),
        (6, torch.zeros(2, 8), ValueError, "last must be"),
        (7, torch.zeros(3, dtype=torch.float64), TypeError, "float32"),
    ],
)
def test_what_does_not_fit(index, value, error, message):
    arguments = list(_inputs(3, 4, 2, 8, 0))
    arguments[index] = value
    with pytest.raises(error, match=message):
        shallow_network(*arguments)
