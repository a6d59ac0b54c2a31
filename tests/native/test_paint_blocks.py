"""The CUDA kernels of the painting, and their launches, run on the host: held to the reference in
float64 and to the CPU kernel.
"""

import math

import hypothesis.strategies as st
import pytest
import torch
from host_launch import launch_on_host
from hypothesis import given, settings

from curvox._native import cuda
from curvox.ops import paint, paint_cuda
from curvox.ops.paint_reference import paint_reference
from random_drawings import random_drawing

DRAW, PUSH, POP = paint.DRAW, paint.PUSH, paint.POP
FLOATS = 8  # of the inputs, which come first
VERTICES, COLOURS, OPACITIES, GROUPS, BACKGROUND = 0, 1, 2, 6, 7  # places among the inputs
LOOPS, LAYER_LOOPS, RULES, STEPS, SCENES = 8, 9, 10, 12, 13


@pytest.fixture(autouse=True)
def _host(monkeypatch):
    monkeypatch.setattr(cuda, "launch", launch_on_host)


def _blocks(inputs, height, width, channels, needed=(True, True, True)):
    """The image, and gradients for a random cotangent, of the block programs."""
    image, kept = paint_cuda.paint_cuda(height, width, channels, *inputs)
    cotangent = torch.randn(image.shape, generator=torch.Generator().manual_seed(2))
    return image, *paint_cuda.paint_backward_cuda(cotangent, *inputs, kept, *needed)


def _reference(inputs, height, width, channels):
    floats = [tensor.double().requires_grad_() for tensor in inputs[:FLOATS]]
    image = paint_reference(height, width, channels, *floats, *inputs[FLOATS:])
    cotangent = torch.randn(image.shape, generator=torch.Generator().manual_seed(2)).double()
    gradients = torch.autograd.grad(image, floats, cotangent, materialize_grads=True)
    return image.detach(), *gradients


def _cpu(inputs, height, width, channels):
    image, kept = torch.ops.curvox.paint_layers(height, width, channels, *inputs)
    cotangent = torch.randn(image.shape, generator=torch.Generator().manual_seed(2))
    backward = torch.ops.curvox.paint_layers_backward
    return image, *backward(cotangent, *inputs, kept, True, True, True)


def _check(ours, theirs, value=1e-5, gradient=1e-4, least=1e-5, kinks=False):
    """Images, and gradients in relation to their norms, or to `least` where they are small; with
    `kinks` not those of vertices.
    """
    assert (ours[0] - theirs[0]).abs().max() <= value
    for which, (mine, true) in enumerate(zip(ours[1:], theirs[1:], strict=True)):
        assert mine.shape == true.shape
        if which > 0 or not kinks:
            assert (mine - true).norm() <= gradient * true.norm() + least


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    layers=st.integers(1, 8),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    scenes=st.integers(1, 3),
    channels=st.integers(3, 4),
)
def test_random_drawings(seed, layers, height, width, scenes, channels):
    """Groups, clips, colour gradients, both rules, batches of scenes. Vertices may differ more:
    where a rule folds within rounding of a pixel's number, the two may be on either side.
    """
    inputs = random_drawing(seed, layers, max(height, width), scenes=scenes)
    ours = _blocks(inputs, height, width, channels)
    theirs = _reference(inputs, height, width, channels)
    # Some corners lie up to 3,000 pixels away.
    _check(ours, theirs, value=2e-4, gradient=2e-3, least=1e-4, kinks=True)
    assert (ours[1] - theirs[1]).norm() <= 5e-3 * theirs[1].norm() + 1e-3


@pytest.mark.parametrize("grid", [1.0, 16.0])
@pytest.mark.parametrize("seed", range(6))
def test_edges_on_borders(grid, seed):
    """Corners and edges exactly between pixels and between tiles. The gradient of such an edge is
    that of either side; where the pixel there is full, rounding says which.
    """
    inputs = random_drawing(seed, 6, 60, grid=grid)
    ours = _blocks(inputs, 37, 53, 4)
    _check(ours, _reference(inputs, 37, 53, 4), kinks=True)
    assert ours[1].isfinite().all()


def test_more_than_a_block_chooses_at_once():
    """Hundreds of steps on a tile, of edges in a layer, of loops; three scenes."""
    inputs = random_drawing(1, 700, 70, scenes=3, groups=60)
    _check(_blocks(inputs, 50, 70, 4), _cpu(inputs, 50, 70, 4), gradient=1e-3)
    angles = torch.arange(900) * 0.7
    vertices = 20 + torch.stack([angles.cos(), angles.sin()], 1) * (angles[:, None] % 17)
    inputs = list(random_drawing(1, 1, 20, groups=0, shaded=False))
    inputs[VERTICES] = vertices
    loops = torch.stack([torch.arange(300) * 3, torch.arange(300) * 3 + 3], 1)
    for ends in (loops, torch.tensor([[0, 900]])):
        inputs[LOOPS], inputs[LAYER_LOOPS] = ends, torch.tensor([0, len(ends)])
        theirs = _reference(inputs, 40, 45, 4)
        _check(_blocks(inputs, 40, 45, 4), theirs, value=5e-5, kinks=True)


def test_groups_deep_in_each_other():
    """Three hundred levels, one layer in each: what is kept grows with them, nothing is cut off."""
    depth = 300
    inputs = list(random_drawing(3, depth, 20, groups=depth, shaded=False))
    steps = [step for layer in range(depth) for step in ((PUSH, 0, -1), (DRAW, layer, -1))]
    steps += [(POP, group, -1) for group in reversed(range(depth))]
    inputs[GROUPS] = 0.9 + 0.1 * inputs[GROUPS]
    inputs[STEPS] = torch.tensor(steps, dtype=torch.int32)
    inputs[SCENES] = torch.tensor([0, len(steps)])
    _check(_blocks(inputs, 17, 18, 4), _reference(inputs, 17, 18, 4), gradient=1e-3)


def test_groups_that_do_not_match():
    """CUDA looks at no values: what is not begun or not ended is left out, and nothing is read or
    written beyond.
    """
    inputs = list(random_drawing(5, 3, 20, shaded=False))
    plain = [(DRAW, layer, -1) for layer in range(3)]
    for broken in (
        [(POP, 0, -1), *plain, (PUSH, 0, -1)],
        [(PUSH, 0, -1), (PUSH, 0, -1), *plain, (POP, 0, -1)][1:-1],
        [plain[0], (PUSH, 0, -1), *plain[1:], (PUSH, 0, -1)],
    ):
        images = []
        for steps in (broken, plain):
            inputs[STEPS] = torch.tensor(steps, dtype=torch.int32)
            inputs[SCENES] = torch.tensor([0, len(steps)])
            images.append(_blocks(inputs, 18, 19, 4))
        for mine, other in zip(*images, strict=True):
            torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("blocks", [1, 3])
def test_any_number_of_blocks_gives_the_same_bits(blocks, monkeypatch):
    """What a block keeps it uses again for its next tile; a GPU may hold few of them at a time."""
    inputs = random_drawing(6, 30, 60, grid=1.0, scenes=2)
    expected = _blocks(inputs, 50, 60, 4)
    monkeypatch.setattr(paint_cuda, "_MOST_BLOCKS", blocks)
    assert all(map(torch.equal, expected, _blocks(inputs, 50, 60, 4)))
    monkeypatch.setattr(paint_cuda, "_SCRATCH_BYTES", 1)
    assert all(map(torch.equal, expected, _blocks(inputs, 50, 60, 4)))


@pytest.mark.parametrize("most", [100, 1])
def test_cells_of_any_size_give_the_same_bits(most, monkeypatch):
    """Where bits for single tiles would take too much memory, several tiles share them."""
    inputs = random_drawing(6, 90, 160, grid=1.0, scenes=2)
    expected = _blocks(inputs, 150, 160, 4)
    monkeypatch.setattr(paint_cuda, "_MASK_BYTES", most)
    assert all(map(torch.equal, expected, _blocks(inputs, 150, 160, 4)))


def test_gradients_left_out():
    """Without those of vertices and the background the others keep their bits."""
    inputs = random_drawing(7, 9, 30)
    full = _blocks(inputs, 30, 33, 3)
    part = _blocks(inputs, 30, 33, 3, needed=(False, True, False))
    for left_out in (1 + VERTICES, 1 + BACKGROUND):
        assert torch.equal(part[left_out], torch.zeros_like(part[left_out]))
    assert all(map(torch.equal, full[2:-1], part[2:-1]))


def test_opaque_layers_hide_what_is_below(monkeypatch):
    """A tile that is full needs nothing from below: not even what is not a number."""
    inputs = list(random_drawing(8, 5, 40, groups=0, shaded=False))
    corners = torch.tensor([[-9.0, -9], [90, -9], [90, 90], [-9, 90]])
    inputs[VERTICES] = torch.cat([inputs[VERTICES], corners])
    inputs[LOOPS] = torch.cat(
        [inputs[LOOPS], torch.tensor([[len(inputs[VERTICES]) - 4, len(inputs[VERTICES])]])]
    )
    inputs[LAYER_LOOPS][-1] = len(inputs[LOOPS])
    inputs[LAYER_LOOPS][-2] = len(inputs[LOOPS]) - 1  # the last layer is this square alone
    inputs[OPACITIES][-1], inputs[RULES][-1] = 1, 0
    expected = inputs[COLOURS][-1].expand(1, 40, 45, 3)
    image, _ = paint_cuda.paint_cuda(40, 45, 3, *inputs)
    assert torch.equal(image, expected)
    ours, theirs = _blocks(inputs, 40, 45, 3), _reference(inputs, 40, 45, 3)
    _check(ours, theirs)
    part = _blocks(inputs, 40, 45, 3, needed=(True, False, True))
    for which in (VERTICES, COLOURS, BACKGROUND):
        torch.testing.assert_close(part[1 + which], ours[1 + which])
    inputs[COLOURS][0] = math.nan
    assert torch.equal(paint_cuda.paint_cuda(40, 45, 3, *inputs)[0], expected)
    hidden = _blocks(inputs, 40, 45, 3, needed=(True, False, True))
    assert all(map(torch.equal, part[1:3], hidden[1:3]))


def test_nothing_to_paint():
    """No layers, no steps, no gradients: background, and its gradient."""
    inputs = random_drawing(9, 0, 20, groups=0)
    image, *gradients = _blocks(inputs, 20, 30, 4)
    assert torch.equal(image, inputs[BACKGROUND].expand(1, 20, 30, 4))
    cotangent = torch.randn(image.shape, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(gradients[7], cotangent.sum((0, 1, 2)))
    assert [list(gradient.shape) for gradient in gradients] == [
        list(tensor.shape) for tensor in inputs[:FLOATS]
    ]


def test_shapes_without_area():
    """Points, lines there and back, layers of empty loops: nothing shows, all is finite."""
    inputs = list(random_drawing(10, 3, 20, groups=0, shaded=False))
    inputs[VERTICES] = torch.tensor([[3.0, 3], [3, 3], [2, 5], [17, 9.5], [2, 5], [16, 16]])
    inputs[LOOPS] = torch.tensor([[0, 2], [2, 5], [5, 6], [6, 6]])
    inputs[LAYER_LOOPS] = torch.tensor([0, 2, 3, 4])
    ours = _blocks(inputs, 20, 20, 4)
    _check(ours, _reference(inputs, 20, 20, 4), kinks=True)
    assert (ours[0] - inputs[BACKGROUND]).abs().max() <= 1e-6
    assert ours[1].isfinite().all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_surface(value):
    """CUDA reads nothing back to look: such a corner turns its scene and its gradient into NaN."""
    vertices = torch.tensor([[2.0, 2], [30, 4], [9, 33], [5, 5], [8, 5], [8, 9]])
    inputs = list(random_drawing(11, 2, 20, groups=0, shaded=False))
    inputs[VERTICES], inputs[LOOPS] = vertices, torch.tensor([[0, 3], [3, 6]])
    inputs[LAYER_LOOPS] = torch.tensor([0, 1, 2])
    steps = torch.tensor([[DRAW, 0, -1], [DRAW, 1, -1]], dtype=torch.int32)
    inputs[STEPS], inputs[SCENES] = steps, torch.tensor([0, 1, 2])
    vertices[1, 0] = value
    image, by_vertices, *_ = _blocks(inputs, 40, 50, 4)
    assert image[0].isnan().all()
    assert image[1].isfinite().all()
    assert by_vertices[:3].isnan().all()
    assert by_vertices[3:].isfinite().all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e38])
@pytest.mark.parametrize("which", range(FLOATS))
def test_hostile_numbers(which, value):
    """In colours, stops, geometry, opacities: no crash, and no loop without end."""
    inputs = random_drawing(15, 12, 30)
    inputs[which].view(-1)[::2] = value
    _blocks(inputs, 35, 30, 4)


@pytest.mark.parametrize("scale", [1e5, 1e20, 3e38])
def test_far_corners(scale):
    """However far: no crash, and no loop without end."""
    inputs = list(random_drawing(12, 6, 30, groups=2))
    inputs[VERTICES] = (inputs[VERTICES] * scale / 30).clamp(-3.4e38, 3.4e38)
    image, *gradients = _blocks(inputs, 40, 50, 4)
    if scale == 1e5:
        _check((image, *gradients), _cpu(inputs, 40, 50, 4), kinks=True)


def test_lists_grow_with_the_length_of_edges():
    """A diagonal reaches the tiles along it, not those of its box; so does a thin stroke."""
    inputs = list(random_drawing(13, 1, 20, groups=0, shaded=False))
    inputs[VERTICES] = torch.tensor([[0.0, 0], [640, 640], [0, 640]])
    inputs[LOOPS], inputs[LAYER_LOOPS] = torch.tensor([[0, 3]]), torch.tensor([0, 1])
    edges, steps = _counted(inputs)
    assert 3 * 40 <= edges <= 6 * 40
    assert 40 * 41 / 2 <= steps <= 42 * 42 / 2
    inputs[VERTICES] = torch.tensor([[0.0, 0], [640, 640], [640, 641]])
    _, steps = _counted(inputs)
    assert 40 <= steps <= 3 * 40


def _counted(inputs):
    """How many edges and steps the tiles of a canvas of 640 x 640 have together."""
    painting = paint_cuda._Painting(640, 640, 4, *inputs)
    pairs = torch.zeros(painting.tiles, dtype=torch.int64)
    steps = torch.zeros(painting.tiles, dtype=torch.int32)
    painting.paint("curvox_paint_counts", painting.tiles, True, False, pairs, steps)
    layer_pairs = 2 * int(steps.sum())
    return (int(pairs.sum()) - layer_pairs) / 2, int(steps.sum())
