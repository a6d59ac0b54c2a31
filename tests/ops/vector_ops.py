"""The ops of vector graphics, for the tests that every op passes."""

import torch
from contract_op import Op

from curvox.ops.flatten import flatten
from curvox.ops.gradient_paint import GradientTable
from curvox.ops.paint import paint_layers
from curvox.ops.stroke import stroke


def _codes(values, device):
    return torch.tensor(values, dtype=torch.uint8, device=device)


def _numbers(values, device, dtype=torch.int64):
    return torch.tensor(values, dtype=dtype, device=device)


# Three contours: two segments end to end, one, and one that comes back to its start.
_CONTOURS, _CLOSED = [0, 2, 3, 4], [False, False, True]


def _segments(device, dtype):
    generator = torch.Generator().manual_seed(5)
    points = torch.rand(4, 4, 2, generator=generator) * 40
    points[1, 0] = points[0, 3]
    points[3, 3] = points[3, 0]
    return points.to(device, dtype)


def _flatten_call(segments, backend):
    contours = _numbers(_CONTOURS, segments.device)
    return flatten(segments, contours, backend=backend)[0]


def _flatten_raw(device):
    segments = _segments(device, torch.float32)
    inputs = (segments, _numbers(_CONTOURS, device), segments.new_full((3,), 0.1))
    vertices, *others = torch.ops.curvox.flatten(*inputs)
    return [
        (torch.ops.curvox.flatten, inputs),
        (torch.ops.curvox.flatten_backward, (vertices, *inputs, *others)),
    ]


def _stroke_inputs(device, dtype):
    widths = torch.tensor([3.0, 9.0, 0.7]).to(device, dtype)
    return [_segments(device, dtype), widths]


def _stroke_style(segments):
    device = segments.device
    closed = torch.tensor(_CLOSED, device=device)
    return closed, _codes([0, 1, 2], device), _codes([0, 1, 2], device), segments.new_full((3,), 4)


def _stroke_call(segments, widths, backend):
    closed, *style = _stroke_style(segments.detach())
    contours = _numbers(_CONTOURS, segments.device)
    return stroke(segments, contours, closed, widths, *style, tolerance=1.0, backend=backend)[0]


def _stroke_raw(device):
    segments, widths = _stroke_inputs(device, torch.float32)
    closed, *style = _stroke_style(segments)
    contours = _numbers(_CONTOURS, device)
    inputs = (segments, contours, closed, widths, *style, segments.new_full((3,), 0.1))
    vertices, *others = torch.ops.curvox.stroke(*inputs)
    return [
        (torch.ops.curvox.stroke, inputs),
        (torch.ops.curvox.stroke_backward, (vertices, *inputs, *others)),
    ]


# Two layers below, a group of two clipped by a fifth. The second and third have gradients.
_LOOPS = [[0, 5], [5, 10], [10, 16], [16, 20], [20, 24], [24, 30]]
_LAYER_LOOPS = [0, 1, 2, 4, 5, 6]
_STEPS = [[0, 0, -1], [0, 1, -1], [1, 0, -1], [0, 2, -1], [0, 3, -1], [2, 0, 4]]


def _paint_inputs(device, dtype):
    generator = torch.Generator().manual_seed(4)
    vertices = torch.rand(30, 2, generator=generator) * torch.tensor([18.0, 15.0]) - 3
    colours, opacities, stops = (torch.rand(n, generator=generator) for n in (15, 5, 20))
    linear = [0.0913, 0.0317, -0.13, 0, 0, 0, 0, 0, 0]
    radial = [0.131, 0.013, -0.57, -0.021, 0.143, -0.71, 0.3, -0.2, 0.1]
    geometry = torch.tensor([linear, radial])
    positions = torch.tensor([0.1, 0.6, 0.0, 0.4, 0.9])
    group, background = torch.tensor([0.7]), torch.tensor([0.3, 0.6, 0.9])
    tensors = (vertices, colours.view(5, 3), opacities, geometry, positions, stops.view(5, 4))
    return [tensor.to(device, dtype) for tensor in (*tensors, group, background)]


def _order(device):
    """Rules, gradients and order of the layers, as the registered op takes them."""
    loops, layer_loops = _numbers(_LOOPS, device), _numbers(_LAYER_LOOPS, device)
    gradient_ids = _numbers([-1, 0, 1, -1, -1], device, torch.int32)
    steps = _numbers(_STEPS, device, torch.int32)
    gradients = _codes([0, 1], device), _codes([2, 1], device), _numbers([0, 2, 5], device)
    rules = _codes([0, 1, 1, 0, 0], device)
    scenes = _numbers([0, len(_STEPS)], device)
    return loops, layer_loops, rules, gradient_ids, steps, scenes, *gradients


def _paint_call(vertices, colours, opacities, geometry, positions, stops, group, ground, backend):
    loops, layer_loops, rules, ids, steps, _, radial, spreads, ends = _order(vertices.device)
    return paint_layers(
        vertices,
        loops,
        layer_loops,
        rules,
        colours,
        opacities,
        10,
        12,
        gradient_ids=ids,
        gradients=GradientTable(radial, geometry, spreads, ends, positions, stops),
        steps=steps,
        group_opacities=group,
        background=ground,
        backend=backend,
    )


def _paint_raw(device):
    *floats, ground = _paint_inputs(device, torch.float32)
    inputs = (*floats, torch.cat([ground, ground.new_ones(1)]), *_order(device))
    image, kept = torch.ops.curvox.paint_layers(10, 12, 3, *inputs)
    return [
        (torch.ops.curvox.paint_layers, (10, 12, 3, *inputs)),
        (torch.ops.curvox.paint_layers_backward, (image, *inputs, kept, True, True, True)),
    ]


VECTOR_OPS = [
    Op("flatten", lambda *to: [_segments(*to)], _flatten_call, _flatten_raw, 1e-5, 1e-5),
    Op("stroke", _stroke_inputs, _stroke_call, _stroke_raw, 2e-5, 1e-5),
    Op("paint_layers", _paint_inputs, _paint_call, _paint_raw, 1e-5, 2e-4),
]
