"""What every op promises, in one test each: registration, gradients, agreement with its reference.

A new op adds one entry to OPS.
"""

from functools import partial

import pytest
import torch
from contract_op import Op
from vector_ops import VECTOR_OPS

from curvox.ops.adam import adam_rows, adam_step, adam_step_reference
from curvox.ops.alpha import density_to_alpha
from curvox.ops.blur import gaussian_blur
from curvox.ops.composite import composite
from curvox.ops.distortion import distortion
from curvox.ops.interpolate import interpolate
from curvox.ops.march import march
from curvox.ops.network import shallow_network
from curvox.ops.occupancy import occupied
from curvox.ops.rays_hit import pack_occupancy, ray_arguments, rays_hit
from curvox.ops.sample_rays import sample_rays
from curvox.ops.splat import splat
from curvox.ops.total_variation import total_variation
from curvox.ops.weights import alpha_to_weights


def _splat_inputs(device, dtype):
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(4, 3, 2, generator=generator) * 1.4 - 0.2
    weights = torch.randn(4, generator=generator)
    sigmas = torch.rand(4, generator=generator) * 0.1 + 0.02
    return [tensor.to(device, dtype) for tensor in (points, weights, sigmas)]


def _splat_call(points, weights, sigmas, backend):
    return splat(points, weights, sigmas, 13, 21, steps=9, backend=backend)


def _splat_raw(device):
    inputs = _splat_inputs(device, torch.float32)
    gradient = torch.randn(13, 21, device=device)
    return [
        (torch.ops.curvox.splat, (*inputs, 13, 21, 9, 0.0, 1e-6, 0, 0.0)),
        (torch.ops.curvox.splat, (*inputs, 13, 21, 9, 0.0, 1e-6, 3, 0.1)),
        (torch.ops.curvox.splat_backward, (gradient, *inputs, 9, 0.0, 1e-6, 0, 0.0, True)),
        (torch.ops.curvox.splat_backward, (gradient, *inputs, 9, 3.0, 1e-6, 3, 0.1, False)),
    ]


def _blur_inputs(device, dtype):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(23, 41, generator=generator).to(device, dtype)]


def _blur_call(image, backend):
    grown = gaussian_blur(image, 2.5, margin=4, backend=backend)
    return gaussian_blur(grown, 1.2, reach=3, margin=-6, backend=backend)


def _blur_raw(device):
    (image,) = _blur_inputs(device, torch.float32)
    taps = torch.rand(7, device=device)
    return [(torch.ops.curvox.blur, (image, taps, margin)) for margin in (-5, 0, 2)]


def _adam_inputs(device, dtype):
    generator = torch.Generator().manual_seed(1)
    parameters, gradients, mean = torch.randn(3, 5, 40, generator=generator)
    square = torch.rand(5, 40, generator=generator)
    return [tensor.to(device, dtype) for tensor in (parameters, gradients, mean, square)]


def _adam_call(parameters, gradients, mean, square, backend):
    state = [tensor.detach().clone() for tensor in (parameters, mean, square)]
    adam_step(state[0], gradients, *state[1:], 3, learning_rate=0.1, backend=backend)
    return torch.cat(state)


def _adam_raw(device):
    settings = (0.1, 0.9, 0.999, 1e-8, 0.1, 0.03)
    inputs = _adam_inputs(device, torch.float32)
    return [
        (torch.ops.curvox.adam_step, (*inputs, None, *settings, False)),
        (torch.ops.curvox.adam_step, (*inputs, torch.ones_like(inputs[0]), *settings, True)),
    ]


def _network_inputs(device, dtype, width=9):
    generator = torch.Generator().manual_seed(1)
    shapes = ((40, 5), (6, width), (width, 5), (width, width), (width,), (3, width), (3,))
    return [torch.randn(shape, generator=generator).to(device, dtype) for shape in shapes]


_NETWORK_RAYS = torch.arange(40, dtype=torch.int32) // 8


def _network_call(features, ray_inputs, *weights, backend):
    ray_ids = _NETWORK_RAYS.to(features.device)
    return shallow_network(features, ray_inputs, ray_ids, *weights, backend=backend)


def _network_raw(device):
    features, ray_inputs, *weights = _network_inputs(device, torch.float32, width=16)
    inputs = (features, ray_inputs, _NETWORK_RAYS.to(device), *weights)
    colours, gradient = torch.rand(2, 40, 3, device=device)
    on_gpu = device.type == "cuda"
    if on_gpu and torch.cuda.get_device_capability(device) < (8, 0):
        return []  # it runs the reference
    return [
        (torch.ops.curvox.network, (*inputs, on_gpu)),
        (torch.ops.curvox.network_backward, (gradient, colours, *inputs, True)),
    ]


def _random(device, dtype, *shapes):
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(shape, generator=generator).to(device, dtype) for shape in shapes]


def _box(like):
    return torch.tensor([[0.0, 0, 0], [1, 1.5, 2]], dtype=like.dtype, device=like.device)


def _rays_inputs(device, dtype):
    origins, towards, jitter = _random(device, dtype, (20, 3), (20, 3), (20,))
    return [3 * origins - 1, torch.nn.functional.normalize(towards - 0.5, dim=1), jitter]


def _rays_call(origins, directions, jitter, backend):
    box = _box(origins)
    samples = sample_rays(origins, directions, box, 0.1, 3.0, 0.2, jitter=jitter, backend=backend)
    assert len(samples.points) > 20
    return torch.cat([samples.points, samples.distances[:, None], samples.ray_ids[:, None]], 1)


def _rays_raw(device):
    origins, directions, jitter = _rays_inputs(device, torch.float32)
    task = (origins, directions, _box(origins))
    return [(torch.ops.curvox.sample_rays, (*task, j, 0.1, 3.0, 0.2)) for j in (None, jitter)]


def _occupied_inputs(device, dtype):
    return [_random(device, dtype, (50, 3))[0] * 3 - 0.5]


def _mask(device):
    return _random(device, torch.float32, (3, 4, 5))[0] < 0.5


def _occupied_call(points, backend):
    result = occupied(points, _mask(points.device), _box(points), backend=backend)
    return result.to(points.dtype)


def _occupied_raw(device):
    points = _occupied_inputs(device, torch.float32)[0]
    return [(torch.ops.curvox.occupied, (points, _mask(device), _box(points)))]


def _alpha_inputs(device, dtype):
    return [_random(device, dtype, (40,))[0] * 40 - 20]


def _alpha_call(density, backend):
    return density_to_alpha(density, -1.5, 0.7, backend=backend)


def _alpha_raw(device):
    density = _alpha_inputs(device, torch.float32)[0]
    return [
        (torch.ops.curvox.density_to_alpha, (density, -1.5, 0.7)),
        (torch.ops.curvox.density_to_alpha_backward, (density, density, -1.5, 0.7)),
    ]


def _offsets(device):
    return torch.tensor([0, 0, 7, 8, 8, 30, 30], device=device)


def _weights_inputs(device, dtype):
    return _random(device, dtype, (30,))


def _weights_call(alpha, backend):
    return torch.cat(alpha_to_weights(alpha, _offsets(alpha.device), backend=backend))


def _weights_raw(device):
    alpha, last = _random(device, torch.float32, (30,), (6,))
    offsets = _offsets(device)
    return [
        (torch.ops.curvox.alpha_to_weights, (alpha, offsets, 1e-3)),
        (torch.ops.curvox.alpha_to_weights_backward, (alpha, last, alpha, offsets, offsets[1:])),
    ]


def _composite_inputs(device, dtype):
    return _random(device, dtype, (30,), (30, 4))


def _composite_call(weights, values, backend):
    return composite(weights, values, _offsets(weights.device), backend=backend)


def _composite_raw(device):
    inputs = [*_composite_inputs(device, torch.float32), _offsets(device)]
    gradient = torch.ones(6, 4, device=device)
    wanted = [(True, True), (True, False), (False, True)]
    function = torch.ops.curvox.composite_backward
    backward = [(function, (gradient, *inputs, *which)) for which in wanted]
    return [(torch.ops.curvox.composite, inputs), *backward]


def _distances(like):
    return torch.linspace(1, 3, 30, dtype=like.dtype, device=like.device)


def _distortion_call(weights, backend):
    distances, offsets = _distances(weights), _offsets(weights.device)
    first = distortion(weights, distances, 0.1, offsets, backend=backend)
    return first + distortion(weights, distances, distances / 20, offsets, backend=backend)


def _distortion_raw(device):
    weights, gradient = _random(device, torch.float32, (30,), (6,))
    distances, offsets = _distances(weights), _offsets(device)
    forward, backward = torch.ops.curvox.distortion, torch.ops.curvox.distortion_backward
    return [
        (forward, (weights, distances, None, offsets, 0.1)),
        (forward, (weights, distances, weights, offsets, 0.0)),
        (backward, (gradient, weights, distances, weights, offsets, 0.0)),
    ]


def _variation_inputs(device, dtype):
    return [_random(device, dtype, (24, 2))[0] * 4]


def _variation_call(values, backend):
    touched = torch.tensor([0, 3, 3, 17, 23], device=values.device)
    some = total_variation(values, (2, 3, 4), touched=touched, backend=backend)
    return some + total_variation(values, (2, 3, 4), backend=backend)


def _variation_raw(device):
    values = _variation_inputs(device, torch.float32)[0]
    mask = values[:, 0] < 2
    scales = torch.ones(3, dtype=torch.float64, device=device)
    forward, backward = torch.ops.curvox.total_variation, torch.ops.curvox.total_variation_backward
    gradient = torch.ones((), device=device)
    return [
        (forward, (values, None, scales, 2, 3, 4)),
        (forward, (values, mask, scales, 2, 3, 4)),
        (backward, (gradient, values, mask, scales, 2, 3, 4)),
    ]


_ROWS = (0, 3)


def _adam_rows_inputs(device, dtype):
    parameters, gradients, mean, square = _adam_inputs(device, dtype)
    return [parameters, gradients[: len(_ROWS)], mean, square]


def _adam_rows_call(parameters, gradients, mean, square, backend):
    state = [tensor.detach().clone() for tensor in (parameters, mean, square)]
    rows = torch.tensor(_ROWS, device=gradients.device)
    adam_rows(state[0], rows, gradients, *state[1:], 3, learning_rate=0.1, backend=backend)
    return torch.cat(state)


def _adam_rows_raw(device):
    parameters, *others = _adam_rows_inputs(device, torch.float32)
    rows = torch.tensor(_ROWS, device=device)
    settings = (None, 0.1, 0.9, 0.999, 1e-8, 0.1, 0.03)
    return [(torch.ops.curvox.adam_rows, (parameters, rows, *others, *settings))]


_SHAPE = (3, 4, 5)


def _box(tensor):
    return torch.tensor([[-1.0, 0.0, 0.5], [1.0, 3.0, 1.5]]).to(tensor)


def _grid_points(values):
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(30, 3, generator=generator) * 5 - 1
    return points.to(values)


def _interpolate_inputs(device, dtype):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(60, 3, generator=generator).to(device, dtype)]


def _interpolate_call(values, backend):
    return interpolate(values, _SHAPE, _box(values), _grid_points(values), backend=backend)


def _interpolate_raw(device):
    (values,) = _interpolate_inputs(device, torch.float32)
    box, points = _box(values), _grid_points(values)
    backward = (values[:30], _SHAPE, box, points)
    raw = [
        (torch.ops.curvox.interpolate, (values, _SHAPE, box, points)),
        (torch.ops.curvox.interpolate_backward, backward),
    ]
    if device.type == "cpu":
        raw.append((torch.ops.curvox.interpolate_backward_sparse, backward))
    return raw


_RULE = {"shift": 0.0, "interval": 0.5, "alpha_threshold": 0.1, "stop": 1e-3}


def _march_rays(like):
    """Eight rays, a mask that covers half of the grid's box, and where the samples stand."""
    generator = torch.Generator().manual_seed(3)
    origins = torch.rand(8, 3, generator=generator, dtype=torch.float64)
    directions = torch.randn(8, 3, generator=generator, dtype=torch.float64)
    directions = directions / directions.norm(dim=1, keepdim=True)
    mask = torch.rand(6, 5, 7, generator=generator) < 0.7
    box = _box(origins)
    occupancy = pack_occupancy(mask.to(like.device), (box * 0.7).to(like))
    return origins.to(like), directions.to(like), occupancy, box.to(like), 0.01, 5.0, 0.11


def _march_inputs(device, dtype):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(60, 1, generator=generator).to(device, dtype)]


def _march_call(values, backend):
    origins, directions, occupancy, box, *limits = _march_rays(values)
    samples = march(
        origins, directions, values, _SHAPE, box, occupancy, *limits, **_RULE, backend=backend
    )
    return torch.cat([samples.weights, samples.last_transmittance])


def _march_raw(device):
    (values,) = _march_inputs(device, torch.float32)
    rays = ray_arguments(*_march_rays(values), None)
    rule = tuple(_RULE.values())
    arguments = (*rays, values, _SHAPE, *rule, None)
    _, _, _, offsets, density, alpha, weights, last = torch.ops.curvox.march(*arguments)
    backward = (weights, last, alpha, density, offsets, *rule[:2])
    return [
        (torch.ops.curvox.march, arguments),
        (torch.ops.curvox.march_backward, backward),
    ]


def _rays_hit_inputs(device, dtype):
    return list(_march_rays(torch.zeros(0, device=device, dtype=dtype))[:2])


def _rays_hit_call(origins, directions, backend):
    rest = _march_rays(origins)[2:]
    return rays_hit(origins, directions, *rest, backend=backend).to(origins.dtype)


def _rays_hit_raw(device):
    rays = _march_rays(torch.zeros(0, device=device))
    return [(torch.ops.curvox.rays_hit, ray_arguments(*rays, None))]


OPS = [
    Op("gaussian_blur", _blur_inputs, _blur_call, _blur_raw, 1e-6, 1e-6),
    Op("splat", _splat_inputs, _splat_call, _splat_raw, 1.1e-4, 1e-4),
    Op("shallow_network", _network_inputs, _network_call, _network_raw, 1e-6, 1e-5),
    Op("adam_step", _adam_inputs, _adam_call, _adam_raw, 1e-6, 0.0),
    Op("sample_rays", _rays_inputs, _rays_call, _rays_raw, 2e-6, 0.0),
    Op("occupied", _occupied_inputs, _occupied_call, _occupied_raw, 0.0, 0.0),
    Op("density_to_alpha", _alpha_inputs, _alpha_call, _alpha_raw, 2e-7, 1e-6),
    Op("alpha_to_weights", _weights_inputs, _weights_call, _weights_raw, 1e-6, 1e-6),
    Op("composite", _composite_inputs, _composite_call, _composite_raw, 1e-6, 1e-6),
    Op("distortion", _weights_inputs, _distortion_call, _distortion_raw, 4e-5, 1e-6),
    Op("total_variation", _variation_inputs, _variation_call, _variation_raw, 1e-6, 1e-6),
    Op("adam_rows", _adam_rows_inputs, _adam_rows_call, _adam_rows_raw, 1e-6, 0.0),
    Op("interpolate", _interpolate_inputs, _interpolate_call, _interpolate_raw, 1e-5, 1e-5),
    Op("march", _march_inputs, _march_call, _march_raw, 1e-5, 1e-4),
    Op("rays_hit", _rays_hit_inputs, _rays_hit_call, _rays_hit_raw, 0.0, 0.0),
    *VECTOR_OPS,
]


@pytest.fixture(params=OPS, ids=lambda op: op.name)
def op(request):
    return request.param


def test_registration(op, device):
    """Schema, aliasing, fake tensors and compilation agree with what the kernels do."""
    for function, arguments in op.raw(device):
        torch.library.opcheck(function, arguments)


def test_reference_gradients(op, device):
    """The reference's gradients in float64 are those of finite differences."""
    if op.gradient_tolerance == 0:
        pytest.skip(f"{op.name} has no gradient")
    inputs = [tensor.requires_grad_() for tensor in op.inputs(device, torch.float64)]
    varies = 0.0 if device.type == "cpu" else 1e-12  # torch's own sums on a GPU have no fixed order
    call = partial(op.call, backend="torch")
    assert torch.autograd.gradcheck(call, inputs, nondet_tol=varies)


def test_kernel_against_reference(op, device):
    """Values and gradients of the float32 kernel against the reference in float64."""
    fast = [tensor.requires_grad_() for tensor in op.inputs(device, torch.float32)]
    exact = [tensor.detach().double().requires_grad_() for tensor in fast]
    value, expected = op.call(*fast, backend=None), op.call(*exact, backend="torch")
    assert value.dtype == torch.float32
    assert (value - expected).abs().max() <= op.value_tolerance
    if op.gradient_tolerance == 0:
        return
    cotangent = torch.randn_like(expected)
    gradients = torch.autograd.grad(value, fast, cotangent.float())
    for ours, theirs in zip(
        gradients, torch.autograd.grad(expected, exact, cotangent), strict=True
    ):
        assert (ours - theirs).norm() <= op.gradient_tolerance * theirs.norm()


def test_reference_of_adam_is_what_double_runs():
    """float64 takes the reference: bit for bit the same function."""
    parameters, gradients, mean, square = _adam_inputs("cpu", torch.float64)
    state = [tensor.clone() for tensor in (parameters, mean, square)]
    adam_step(parameters, gradients, mean, square, 1, learning_rate=0.1)
    adam_step_reference(
        state[0], gradients, *state[1:], None, 0.1, 0.9, 0.999, 1e-8, 0.1, 0.001**0.5, False
    )
    torch.testing.assert_close(parameters, state[0], rtol=1e-12, atol=0)
