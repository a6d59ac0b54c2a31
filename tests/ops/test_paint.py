"""The painting of layers: exact areas, their gradients, groups, hostile input."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.paint import paint_layers


def _drawing(seed, layers, size, loops_each=2):
    """Random polygons of 3 to 7 corners, some beyond the canvas, some corners on whole pixels."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randint(3, 8, (layers * loops_each,), generator=generator)
    ends = corners.cumsum(0)
    vertices = torch.rand(int(ends[-1]), 2, generator=generator) * size * 1.6 - 0.3 * size
    whole = torch.rand(len(vertices), generator=generator) < 0.2
    vertices = torch.where(whole[:, None], vertices.round() + 0.25, vertices)
    loops = torch.stack([ends - corners, ends], 1)
    layer_loops = torch.arange(layers + 1) * loops_each
    rules = torch.randint(0, 2, (layers,), generator=generator).to(torch.uint8)
    colours = torch.rand(layers, 3, generator=generator)
    opacities = torch.rand(layers, generator=generator)
    opacities[::3] = 1  # opaque ones hide what lies under them
    return vertices, loops, layer_loops, rules, colours, opacities


def _gradients(drawing, height, width, *, double=False, backend=None, **others):
    """The image, and gradients of vertices, colours and opacities for a fixed cotangent."""
    vertices, loops, layer_loops, rules, colours, opacities = drawing
    floats = [t.double() if double else t for t in (vertices, colours, opacities)]
    floats = [t.clone().requires_grad_() for t in floats]
    image = paint_layers(
        floats[0], loops, layer_loops, rules, *floats[1:], height, width, backend=backend, **others
    )
    generator = torch.Generator().manual_seed(9)
    cotangent = torch.randn(image.shape, generator=generator).to(image)
    return image.detach(), *torch.autograd.grad(image, floats, cotangent)


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 40), st.integers(1, 90))
@settings(max_examples=60, deadline=None)
def test_kernel_against_reference(seed, layers, height, width):
    drawing = _drawing(seed, layers, max(height, width))
    ours = _gradients(drawing, height, width)
    exact = _gradients(drawing, height, width, double=True, backend="torch")
    assert (ours[0] - exact[0]).abs().max() < 2e-5
    for mine, theirs in zip(ours[1:], exact[1:], strict=True):
        assert (mine - theirs).norm() <= 5e-3 * theirs.norm() + 1e-3


@given(st.integers(0, 2**31), st.integers(3, 9))
@settings(max_examples=60, deadline=None)
def test_area_is_that_of_the_polygon(seed, corners):
    """A star-shaped polygon inside the canvas covers exactly its area, however small."""
    generator = torch.Generator().manual_seed(seed)
    angles = torch.rand(corners, generator=generator).sort().values * 2 * math.pi
    radius = 10 ** float(torch.rand((), generator=generator) * 3 - 2)  # 0.01 to 10 pixels
    points = 20 + radius * torch.stack([angles.cos(), angles.sin()], 1).double()
    x, y = points.T
    area = float((x * y.roll(-1) - x.roll(-1) * y).sum() / 2)
    image = _fill(points.float(), 40, 40)
    assert float(image[..., 3].double().sum()) == pytest.approx(abs(area), abs=2e-4)


def _fill(points, height, width, **others):
    loops = torch.tensor([[0, len(points)]])
    one = torch.ones(1)
    return paint_layers(
        points,
        loops,
        torch.tensor([0, 1]),
        torch.zeros(1, dtype=torch.uint8),
        torch.ones(1, 3),
        one,
        height,
        width,
        **others,
    )[0]


def test_gradient_against_finite_differences_of_exact_areas():
    """The kernel's gradient is that of the exact area: central differences of the reference in
    float64 agree to 2e-5 of the largest, for a concave polygon and any weights of pixels.
    """
    points = torch.tensor([[3.2, 2.1], [17.4, 5.3], [9.7, 8.2], [14.1, 18.6], [1.3, 13.9]])
    weights = torch.rand(20, 20, 4, generator=torch.Generator().manual_seed(0))
    moved = points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_fill(moved, 20, 20), moved, weights)
    step = 1e-6
    for corner in range(5):
        for axis in range(2):
            values = []
            for sign in (1, -1):
                other = points.double()
                other[corner, axis] += sign * step
                loops = torch.tensor([[0, 5]])
                ends, rule = torch.tensor([0, 1]), torch.zeros(1, dtype=torch.uint8)
                ink = torch.ones(1, 3).double(), torch.ones(1).double()
                image = paint_layers(other, loops, ends, rule, *ink, 20, 20)[0]
                values.append(float((image * weights).sum()))
            slope = (values[0] - values[1]) / (2 * step)
            assert float(gradient[corner, axis]) == pytest.approx(slope, abs=2e-4)


def test_any_number_of_threads_gives_the_same_bits(threads):
    drawing = _drawing(3, 300, 200, loops_each=1)
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(_gradients(drawing, 200, 200))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_scenes_of_a_batch_are_painted_apart():
    drawing = _drawing(4, 6, 30)
    together = _gradients(drawing, 30, 33, scene_steps=torch.tensor([0, 2, 2, 6]))
    steps = torch.stack([torch.zeros(6), torch.arange(6), -torch.ones(6)], 1).int()
    for scene, (begin, end) in enumerate([(0, 2), (2, 2), (2, 6)]):
        alone = paint_layers(*drawing, 30, 33, steps=steps[begin:end])
        assert torch.equal(together[0][scene], alone[0])
    assert together[0][1].abs().max() == 0


def test_an_opaque_layer_over_all_hides_what_is_below():
    """Its own opacity has a gradient nevertheless: that of what it hides."""
    low = torch.tensor([[2.0, 2], [60, 9], [30, 70]])
    high = torch.tensor([[-9.0, -9], [200, -9], [200, 200], [-9, 200]])
    drawing = (
        torch.cat([low, high]),
        torch.tensor([[0, 3], [3, 7]]),
        torch.tensor([0, 1, 2]),
        torch.zeros(2, dtype=torch.uint8),
        torch.tensor([[1.0, 0, 0], [0, 0, 1]]),
        torch.ones(2),
    )
    image, by_vertices, by_colours, by_opacities = _gradients(drawing, 80, 130)
    assert torch.equal(image[0, ..., :3], torch.tensor([0.0, 0, 1]).expand(80, 130, 3))
    assert by_vertices.abs().max() == 0
    assert by_colours[0].abs().max() == 0
    exact = _gradients(drawing, 80, 130, double=True, backend="torch")
    assert float(by_opacities[1]) == pytest.approx(float(exact[3][1]), abs=1e-3)


def test_the_peak_of_layers_does_not_abort():
    """A pixel under 1,000 translucent layers; DiffVG aborts at 257."""
    square = torch.tensor([[1.0, 1], [9, 1], [9, 9], [1, 9]]).repeat(1000, 1)
    starts = 4 * torch.arange(1000)
    image = paint_layers(
        square,
        torch.stack([starts, starts + 4], 1),
        torch.arange(1001),
        torch.zeros(1000, dtype=torch.uint8),
        torch.ones(1000, 3),
        torch.full((1000,), 0.001),
        10,
        10,
    )
    assert float(image[0, 5, 5, 3]) == pytest.approx(1 - 0.999**1000, rel=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_half_covered_pixels_have_one_alpha_convention(alpha):
    """Colour times alpha, for opaque and translucent layers, alone and in a group."""
    points = torch.tensor([[0.0, 0], [0.5, 0], [0.5, 1], [0, 1]])
    args = (points, torch.tensor([[0, 4]]), torch.tensor([0, 1]), torch.zeros(1, dtype=torch.uint8))
    ink = torch.tensor([[0.2, 0.4, 0.6]])
    plain = paint_layers(*args, ink, torch.tensor([alpha]), 1, 1)[0, 0, 0]
    expected = torch.tensor([0.2, 0.4, 0.6, 1]) * alpha / 2
    torch.testing.assert_close(plain, expected)
    steps = torch.tensor([[1, 0, -1], [0, 0, -1], [2, 0, -1]], dtype=torch.int32)
    group = {"steps": steps, "group_opacities": torch.tensor([alpha])}
    grouped = paint_layers(*args, ink, torch.ones(1), 1, 1, **group)[0, 0, 0]
    torch.testing.assert_close(grouped, expected)


def test_an_empty_scene_is_background():
    none = torch.zeros(0, 2)
    args = (none, torch.zeros(0, 2, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))
    rest = (torch.zeros(0, dtype=torch.uint8), torch.zeros(0, 3), torch.zeros(0))
    ground = torch.tensor([0.1, 0.2, 0.3], requires_grad=True)
    image = paint_layers(*args, *rest, 5, 70, background=ground)
    assert torch.equal(image.detach(), ground.detach().expand(1, 5, 70, 3))
    image.sum().backward()
    assert ground.grad.tolist() == [350, 350, 350]


BAD = {
    "finite": ("vertices", torch.tensor([[0.0, 0], [math.nan, 1], [1, 1]]), "vertex 1"),
    "far": ("vertices", torch.tensor([[0.0, 0], [1e9, 1], [1, 1]]), "vertex 1"),
    "loop": ("loops", torch.tensor([[0, 4]]), "loop 0"),
    "loop backwards": ("loops", torch.tensor([[2, 1]]), "loop 0"),
    "layer": ("layer_loops", torch.tensor([0, 2]), "layer_loops"),
    "rule": ("rules", torch.tensor([2], dtype=torch.uint8), "rule of layer 0"),
    "colour": ("colours", torch.tensor([[0.0, math.inf, 0]]), "colour of layer 0"),
    "opacity": ("opacities", torch.tensor([1.5]), "opacity of layer 0"),
    "steps": ("steps", torch.tensor([[0, 1, -1]], dtype=torch.int32), "step 0 draws a layer"),
    "pop": ("steps", torch.tensor([[2, 0, -1]], dtype=torch.int32), "step 0 ends a group"),
    "push": ("steps", torch.tensor([[1, 0, -1]], dtype=torch.int32), "within a group"),
    "shape": ("colours", torch.zeros(2, 3), r"colours must be \[1, 3\]"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_bad_input_is_named(case):
    name, value, message = case
    arguments = {
        "vertices": torch.tensor([[0.0, 0], [1, 0], [1, 1]]),
        "loops": torch.tensor([[0, 3]]),
        "layer_loops": torch.tensor([0, 1]),
        "rules": torch.zeros(1, dtype=torch.uint8),
        "colours": torch.zeros(1, 3),
        "opacities": torch.ones(1),
    }
    with pytest.raises(ValueError, match=message):
        paint_layers(**{**arguments, name: value}, height=2, width=2)
