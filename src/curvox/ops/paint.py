"""Polygons painted over each other: filled with exact coverage, colours, gradients, in groups."""

from __future__ import annotations

import torch
from torch import Tensor

from curvox import _native
from curvox.ops.checks import check_codes, check_float, check_like, runs_kernel
from curvox.ops.gradient_paint import GradientTable, check_gradients, no_gradients
from curvox.ops.paint_cuda import paint_backward_cuda, paint_cuda
from curvox.ops.paint_reference import paint_reference

__all__ = ["DRAW", "POP", "PUSH", "paint_layers"]

DRAW, PUSH, POP = 0, 1, 2


@torch.compiler.disable  # its sizes follow from values: compiled graphs go on behind it
def paint_layers(
    vertices: Tensor,
    loops: Tensor,
    layer_loops: Tensor,
    rules: Tensor,
    colours: Tensor,
    opacities: Tensor,
    height: int,
    width: int,
    *,
    gradient_ids: Tensor | None = None,
    gradients: GradientTable | None = None,
    steps: Tensor | None = None,
    scene_steps: Tensor | None = None,
    group_opacities: Tensor | None = None,
    background: Tensor | None = None,
    backend: str | None = None,
) -> Tensor:
    """Paint N layers, each the inside of some polygons in one colour or gradient.

    Coverage is exact: the share of a pixel's area that lies inside. Where parts of one layer
    overlap within a pixel they count one after the other until it is full (nonzero) or folds back
    (even-odd).

    Args:
        vertices: [V, 2] in pixels, x right and y down; pixel (i, j) is the square from (j, i) to
            (j + 1, i + 1). float32 or float64, within ±2^24. Differentiable, and so are all other
            floating-point tensors.
        loops: [L, 2] int64: polygon l has vertices loops[l, 0] to loops[l, 1] - 1, and is closed.
        layer_loops: [N + 1] int64: layer n has polygons layer_loops[n] to layer_loops[n + 1] - 1.
        rules: [N] uint8, what lies inside: 0 nonzero, 1 even-odd.
        colours: [N, 3] RGB, sRGB values, usually in 0..1.
        opacities: [N] in [0, 1].
        height, width: of the image in pixels.
        gradient_ids: [N] int32, the gradient that stands for a layer's colour, or -1.
        gradients: the table of gradients.
        steps: [P, 3] int32, what is painted in what order: (0, n, -1) draws layer n, (1, 0, -1)
            begins a group on an empty canvas, (2, q, n) ends it and lays it over what was there
            with opacity q, through the coverage of layer n, or all of it for n = -1. None: all
            layers, the first at the bottom.
        scene_steps: [B + 1] int64: scene b has steps scene_steps[b] to scene_steps[b + 1] - 1.
            None: one scene.
        group_opacities: [Q] in [0, 1].
        background: [3] RGB, under all scenes. None: nothing.
        backend: ``"torch"`` runs the reference, which takes memory for edges times pixels. None
            takes the kernels for float32 on CPU and CUDA and the reference for everything else.

    Returns:
        [B, height, width, 4] RGBA, colour multiplied by alpha; over a background [B, height, width,
        3].

    Raises:
        ValueError: a shape or a number out of range, on the CPU values that are not finite and
            numbers of things that are not there.
        TypeError: another dtype or device.

    Image and gradients have the same bits for any number of threads, and every time on CUDA. There
    a vertex that is not finite turns its scene and its own gradient into NaN, and is waited for how
    deep groups lie in each other, backwards for the sizes of lists.

    The gradient by vertices is that of the exact area: a moving edge sweeps it at a known rate. An
    edge exactly between two pixels has the gradient of moving it right or down.
    """
    inputs = _complete(
        vertices,
        colours,
        opacities,
        loops,
        layer_loops,
        rules,
        gradient_ids,
        gradients,
        steps,
        scene_steps,
        group_opacities,
        background,
    )
    if height < 1 or width < 1:
        raise ValueError(f"the image must be at least 1 x 1, got {height} x {width}")
    channels = 4 if background is None else 3
    if runs_kernel(vertices, backend):
        image: Tensor = _Paint.apply(height, width, channels, *inputs)
        return image
    return paint_reference(height, width, channels, *inputs)


def _complete(
    vertices: Tensor,
    colours: Tensor,
    opacities: Tensor,
    loops: Tensor,
    layer_loops: Tensor,
    rules: Tensor,
    gradient_ids: Tensor | None,
    gradients: GradientTable | None,
    steps: Tensor | None,
    scene_steps: Tensor | None,
    group_opacities: Tensor | None,
    background: Tensor | None,
) -> tuple[Tensor, ...]:
    """All inputs, checked, in the order of the registered op."""
    if vertices.ndim != 2 or vertices.shape[1] != 2:
        raise ValueError(f"vertices must be [V, 2], got {list(vertices.shape)}")
    check_float("vertices", vertices)
    count = len(layer_loops) - 1
    like = vertices.detach()

    def integers(*values: int, dtype: torch.dtype) -> Tensor:
        return torch.tensor(values, dtype=dtype, device=vertices.device)

    if gradient_ids is None:
        gradient_ids = like.new_full((count,), -1, dtype=torch.int32)
    if gradients is None:
        gradients = no_gradients(vertices.dtype, vertices.device)
    else:
        check_gradients(gradients, "vertices", vertices)
    if steps is None:
        steps = like.new_zeros(count, 3, dtype=torch.int32)
        torch.arange(count, out=steps[:, 1])
        steps[:, 2] = -1
    if scene_steps is None:
        scene_steps = integers(0, len(steps), dtype=torch.int64)
    if group_opacities is None:
        group_opacities = like.new_empty(0)
    if background is None:
        background = like.new_zeros(4)
    else:
        check_like("background", background, (3,), "vertices", vertices)
        background = torch.cat([background, background.new_ones(1)])
    check_like("colours", colours, (count, 3), "vertices", vertices)
    check_like("opacities", opacities, (count,), "vertices", vertices)
    check_like("group_opacities", group_opacities, group_opacities.shape[:1], "vertices", vertices)
    for name, tensor, shape, dtype in (
        ("loops", loops, (len(loops), 2), torch.int64),
        ("layer_loops", layer_loops, (count + 1,), torch.int64),
        ("rules", rules, (count,), torch.uint8),
        ("gradient_ids", gradient_ids, (count,), torch.int32),
        ("steps", steps, (len(steps), 3), torch.int32),
        ("scene_steps", scene_steps, (len(scene_steps),), torch.int64),
    ):
        check_codes(name, tensor, shape, dtype, "vertices", vertices)
    if count < 0 or len(scene_steps) < 2:
        raise ValueError("layer_loops and scene_steps need an end: one entry more than there are")
    integer = (loops, layer_loops, rules, gradient_ids, steps, scene_steps)
    radial, geometry, spreads, stops, positions, stop_colours = gradients
    floats = (vertices, colours, opacities, geometry, positions, stop_colours)
    return *floats, group_opacities, background, *integer, radial, spreads, stops


_TENSORS = 17  # of the inputs
_FLOATS = 8  # of those, all differentiable


class _Paint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, height, width, channels, *inputs):  # type: ignore[no-untyped-def]
        inputs = [tensor.contiguous() for tensor in inputs]
        image, kept = torch.ops.curvox.paint_layers(height, width, channels, *inputs)
        ctx.save_for_backward(*inputs, *kept)
        return image

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        needed = ctx.needs_input_grad[3:]
        saved = ctx.saved_tensors
        given, kept = saved[:_TENSORS], saved[_TENSORS:]
        by_floats = torch.ops.curvox.paint_layers_backward(
            gradient.contiguous(), *given, kept, needed[0], needed[2], needed[7]
        )
        return None, None, None, *by_floats, *[None] * (len(needed) - _FLOATS)


_INPUTS = (
    "Tensor vertices, Tensor colours, Tensor opacities, Tensor geometry, Tensor positions, "
    "Tensor stop_colours, Tensor group_opacities, Tensor background, Tensor loops, "
    "Tensor layer_loops, Tensor rules, Tensor gradient_ids, Tensor steps, Tensor scene_steps, "
    "Tensor radial, Tensor spreads, Tensor stops"
)
_library = torch.library.Library("curvox", "FRAGMENT")
# The last result is what the way back would find out again: on CUDA which steps reach which tiles,
# on the CPU nothing.
_library.define(
    f"paint_layers(int height, int width, int channels, {_INPUTS}) -> (Tensor, Tensor[])"
)
_library.define(
    f"paint_layers_backward(Tensor gradient, {_INPUTS}, Tensor[] kept, bool to_vertices, "
    "bool to_opacities, bool to_background) -> "
    "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
)


def _painting(height, width, channels, *inputs):  # type: ignore[no-untyped-def]
    vertices, colours, opacities, geometry, positions, stop_colours, *rest = inputs
    group_opacities, background, loops, layer_loops, rules, gradient_ids, *rest = rest
    steps, scene_steps, radial, spreads, stops = rest
    layers = (vertices, loops, layer_loops, rules, colours, opacities, gradient_ids)
    gradients = (radial, geometry, spreads, stops, positions, stop_colours)
    order = (steps, scene_steps, group_opacities, background)
    addresses = (tensor.data_ptr() for tensor in (*layers, *gradients, *order))
    lists = (vertices, loops, rules, radial, positions, steps, scene_steps, group_opacities)
    counts = [tensor.shape[0] for tensor in lists]
    return _native.cpu.Painting(*addresses, counts, height, width, channels)


def _paint_cpu(height, width, channels, *inputs):  # type: ignore[no-untyped-def]
    vertices, scene_steps = inputs[0], inputs[13]
    painting = _painting(height, width, channels, *inputs)
    image = vertices.new_empty(len(scene_steps) - 1, height, width, channels)
    painting.paint(len(vertices), image.data_ptr(), _native.threads())
    return image, []


def _paint_backward_cpu(gradient, *arguments):  # type: ignore[no-untyped-def]
    *inputs, _, to_vertices, to_opacities, to_background = arguments
    painting = _painting(*gradient.shape[1:], *inputs)
    by_floats = [torch.zeros_like(tensor) for tensor in inputs[:_FLOATS]]
    vertices, colours, opacities, *others = (tensor.data_ptr() for tensor in by_floats)
    by = (vertices, colours, opacities, *others)
    needed = (to_vertices, to_opacities, to_background)
    count, threads = len(inputs[0]), _native.threads()
    painting.paint_backward(count, gradient.data_ptr(), *by, *needed, threads)
    return tuple(by_floats)


_library.impl("paint_layers", _paint_cpu, "CPU")
_library.impl("paint_layers_backward", _paint_backward_cpu, "CPU")
_library.impl("paint_layers", paint_cuda, "CUDA")
_library.impl("paint_layers_backward", paint_backward_cuda, "CUDA")


@torch.library.register_fake("curvox::paint_layers")
def _(height, width, channels, *inputs):  # type: ignore[no-untyped-def]
    image = inputs[0].new_empty(inputs[13].shape[0] - 1, height, width, channels)
    size = torch.library.get_ctx().new_dynamic_size
    return image, [image.new_empty(size(), dtype=torch.uint8)] if image.is_cuda else []


@torch.library.register_fake("curvox::paint_layers_backward")
def _(gradient, *arguments):  # type: ignore[no-untyped-def]
    return tuple(torch.empty_like(tensor) for tensor in arguments[:_FLOATS])
