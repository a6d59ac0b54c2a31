"""The shallow network's kernels for tensor cores against the same network with rounded operands."""

import pytest
import torch

from curvox.ops.network import network_reference, shallow_network

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < (8, 0),
    reason="torch finds no GPU with products of bfloat16",
)


class _Round(torch.autograd.Function):
    """An operand, or a gradient on its way back, rounded to bfloat16."""

    @staticmethod
    def forward(ctx, values, gradients):
        ctx.gradients = gradients
        return values if gradients else values.bfloat16().double()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.bfloat16().double() if ctx.gradients else gradient, None


def _layer(values, weights):
    product = _Round.apply(values, False) @ _Round.apply(weights, False).T
    return _Round.apply(product, True)


def _rounded_reference(features, ray_inputs, ray_ids, first, second, second_bias, last, last_bias):
    hidden = torch.relu(_layer(features, first) + ray_inputs.index_select(0, ray_ids))
    hidden = torch.relu(_layer(hidden, second) + second_bias)
    return torch.sigmoid(_layer(hidden, last) + last_bias)


def _inputs(count, inputs, width, rays, idle=0, seed=0):
    """Weights as large as those of a new network; the last `idle` samples have no gradient and
    belong to the last ray.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape, of=1):
        return torch.randn(shape, generator=generator) / of**0.5

    ray_ids = torch.randint(rays, (count,), generator=generator).sort()[0].int()
    cotangent = draw(count, 3)
    if idle > 0:
        ray_ids[-idle:] = rays - 1
        cotangent[-idle:] = 0
    weights = (draw(width, inputs, of=inputs), draw(width, width, of=width), draw(width))
    last = (draw(3, width, of=width), draw(3))
    arguments = (draw(count, inputs), draw(rays, width), ray_ids, *weights, *last)
    return [tensor.cuda() for tensor in arguments], cotangent.cuda()


def _run(function, arguments, cotangent, **options):
    arguments = [
        tensor.detach().requires_grad_() if tensor.is_floating_point() else tensor
        for tensor in arguments
    ]
    colours = function(*arguments, **options)
    leaves = [tensor for tensor in arguments if tensor.requires_grad]
    return [colours.detach(), *torch.autograd.grad(colours, leaves, cotangent)]


def _run_kernel(arguments, cotangent):
    return _run(shallow_network, arguments, cotangent, precision="bfloat16")


def _run_exact(function, arguments, cotangent):
    exact = [tensor.double() if tensor.is_floating_point() else tensor for tensor in arguments]
    return _run(function, exact, cotangent.double())


def _assert_near(ours, theirs, value_tolerance, gradient_tolerance):
    assert ((ours[0] - theirs[0]).abs() <= value_tolerance).all()
    for mine, reference in zip(ours[1:], theirs[1:], strict=True):
        assert (mine - reference).norm() <= gradient_tolerance * reference.norm()


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 1000, 100_001])
@pytest.mark.parametrize(
    ("inputs", "width"), [(3, 128), (5, 16), (12, 128), (16, 48), (45, 128), (64, 112)]
)
def test_against_rounded_operands(count, inputs, width):
    """What is left: sums in float32, and roundings of hidden values that fall the other way."""
    arguments, cotangent = _inputs(count, inputs, width, count // 30 + 3)
    _assert_near(
        _run_kernel(arguments, cotangent),
        _run_exact(_rounded_reference, arguments, cotangent),
        5e-3,
        5e-3,
    )


@pytest.mark.parametrize("rays", [1, 40, 5000])
def test_samples_that_fill_a_list_up(rays):
    """They cost the last ray nothing, whether it has samples beside them or not, and rays without
    samples get no gradient.
    """
    arguments, cotangent = _inputs(30_000, 12, 128, rays, idle=20_000)
    ours = _run_kernel(arguments, cotangent)
    _assert_near(ours, _run_exact(_rounded_reference, arguments, cotangent), 5e-3, 5e-3)
    assert not ours[1][-20_000:].any()
    seen = torch.zeros(rays, dtype=torch.bool, device="cuda")
    seen[arguments[2][:-20_000].long()] = True
    assert not ours[2][~seen].any()


def test_gradients_from_the_middle_of_a_long_ray():
    """Tiles of samples without gradient before and after those that have one."""
    arguments, cotangent = _inputs(50_000, 12, 64, 2)
    arguments[2][:] = 1
    cotangent[:20_000] = cotangent[20_100:] = 0
    _assert_near(
        _run_kernel(arguments, cotangent),
        _run_exact(_rounded_reference, arguments, cotangent),
        5e-3,
        5e-3,
    )


def test_near_the_exact_network():
    """Rounded operands put some hidden values on the other side of zero, so gradients differ."""
    arguments, cotangent = _inputs(20_000, 12, 128, 500)
    exact = _run_exact(network_reference, arguments, cotangent)
    _assert_near(_run_kernel(arguments, cotangent), exact, 1e-2, 0.08)


def test_same_bits_every_time():
    arguments, cotangent = _inputs(100_001, 12, 128, 3000, idle=20_000)
    first = _run_kernel(arguments, cotangent)
    for _ in range(5):
        assert all(map(torch.equal, first, _run_kernel(arguments, cotangent)))


def test_in_a_graph():
    """Recorded once, replayed with other values."""
    arguments, cotangent = _inputs(5000, 12, 128, 100)
    others, _ = _inputs(5000, 12, 128, 100, seed=1)
    expected = _run_kernel(others, cotangent)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = _run_kernel(arguments, cotangent)
    for tensor, other in zip(arguments, others, strict=True):
        tensor.copy_(other)
    graph.replay()
    assert all(map(torch.equal, results, expected))


def test_values_that_are_not_finite():
    """A sample without numbers spoils its colour and the gradients that it enters."""
    arguments, cotangent = _inputs(1000, 12, 128, 100)
    arguments[0][500, 3] = torch.nan
    ray = arguments[2][500].item()
    colours, features, rays, *weights = _run_kernel(arguments, cotangent)
    assert colours.isnan().any(1).nonzero().tolist() == [[500]]
    assert features.isnan().any(1).nonzero().tolist() == [[500]]
    assert rays.isnan().any(1).nonzero().tolist() == [[ray]]
    assert all(gradient.isnan().any() for gradient in weights)


def test_rays_that_do_not_exist():
    """Nothing is read from where they would be."""
    arguments, cotangent = _inputs(100, 12, 128, 10)
    arguments[2][0], arguments[2][-1] = -7, 2**31 - 1
    colours = _run_kernel(arguments, cotangent)[0]
    assert colours.isnan().any(1).nonzero().flatten().tolist() == [0, 99]
    with pytest.raises(ValueError, match="got no ray"):
        shallow_network(arguments[0], arguments[1][:0], *arguments[2:], precision="bfloat16")


def test_views_that_begin_anywhere():
    """Tensors whose first number is at no multiple of 16 bytes."""
    arguments, cotangent = _inputs(1000, 11, 48, 30)
    shifted = [
        torch.cat([tensor.new_zeros(1), tensor.flatten()])[1:].view_as(tensor)
        for tensor in arguments
    ]
    expected = _run_kernel(arguments, cotangent)
    assert all(map(torch.equal, expected, _run_kernel(shifted, cotangent)))


@pytest.mark.parametrize(("inputs", "width"), [(12, 40), (12, 144), (65, 128)])
def test_what_the_reference_does(inputs, width):
    arguments, cotangent = _inputs(500, inputs, width, 20)
    ours = _run_kernel(arguments, cotangent)
    _assert_near(ours, _run_exact(network_reference, arguments, cotangent), 1e-3, 1e-2)


def test_float32_is_not_rounded():
    arguments, cotangent = _inputs(5000, 12, 128, 100)
    ours = _run(shallow_network, arguments, cotangent)
    _assert_near(ours, _run_exact(network_reference, arguments, cotangent), 1e-5, 1e-3)
