"""Scenes as pictures: what they show, and the gradients of their pixels."""

from __future__ import annotations

import math

import pytest
import torch

from curvox.curves.paint import RadialGradient, SolidPaint, Stops, Stroke
from curvox.curves.render import render
from curvox.curves.scene import Group, Scene, map_tensors, tensors
from curvox.curves.shapes import Circle, Contour, Ellipse, Line, Path, Polygon, Rectangle


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def scalar(value):
    return vector(value).squeeze()


RED = SolidPaint(vector(1, 0.2, 0.1))
BLUE = SolidPaint(vector(0.1, 0.2, 0.9))


def scaled_group():
    square = Polygon(vector(3.2, 4.1, 8.3, 4.6, 5.4, 9.7).view(3, 2), fill=RED)
    return Group((square,), vector(2, 0, 0.3, 0, 2, 0.2).view(2, 3))


def stretched_stroke():
    circle = Circle(vector(5.1, 9.3), scalar(3.1), stroke=Stroke(BLUE, scalar(1.3)))
    return Group((circle,), vector(3, 0.4, 0.3, 0.2, 1.2, 0.2).view(2, 3))


def stroked_circle():
    stroke = Stroke(BLUE, scalar(3.3), opacity=scalar(0.7))
    return Circle(vector(12.1, 13.2), scalar(8.3), fill=RED, stroke=stroke)


def radial():
    stops = Stops(vector(0.1, 0.5, 0.9), torch.rand(3, 3).double(), vector(0.9, 0.5, 0.8))
    paint = RadialGradient(vector(12.3, 11.2), scalar(9), stops, vector(10, 12), scalar(1))
    return Ellipse(vector(12.1, 12.2), vector(9.3, 7.2), fill=paint, stroke=Stroke(paint))


def faded_group():
    shapes = (Circle(vector(9, 9.2), scalar(6.1), fill=RED), stroked_circle())
    clip = (Circle(vector(11.2, 12.1), scalar(9.3)),)
    return Group(shapes, opacity=scalar(0.6), clip=clip)


def dashed():
    contour = Contour(vector(2.1, 3.2, 22, 3, 2, 20, 21.3, 19.2).view(4, 2), (3,))
    return Path((contour,), stroke=Stroke(RED, scalar(2.1), dashes=vector(4.1, 2.2)))


@pytest.mark.parametrize(
    "node", [scaled_group, stretched_stroke, stroked_circle, radial, faded_group, dashed]
)
def test_gradients_of_pixels_are_those_of_finite_differences(node):
    torch.manual_seed(0)
    drawing = Scene((node(),), 24.0, 24.0)
    weights = torch.rand(24, 24, 3, dtype=torch.float64)
    background = vector(0.3, 0.8, 0.6).requires_grad_()
    values = [tensor.clone().requires_grad_() for tensor in tensors(drawing)]

    def loss(background, *leaves, dtype=torch.float64):
        order = iter(leaves)
        scene = map_tensors(lambda _: next(order).to(dtype), drawing)
        image = render(scene, 24, 24, background=background.to(dtype), tolerance=1 / 256)
        return (image * weights.to(dtype)).sum()

    inputs = (background, *values)
    exact = torch.autograd.grad(loss(*inputs), inputs)
    single = torch.autograd.grad(loss(*inputs, dtype=torch.float32), inputs)
    for place, value in enumerate(inputs):
        for seed in range(2):
            generator = torch.Generator().manual_seed(seed)
            direction = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            step = 1e-5 * direction
            moved = [
                loss(*inputs[:place], (value + sign * step).detach(), *inputs[place + 1 :]).detach()
                for sign in (-1, 1)
            ]
            measured = float(moved[1] - moved[0]) / 2e-5
            found = float((exact[place] * direction).sum())
            assert found == pytest.approx(measured, rel=2e-3, abs=2e-3), (place, list(value.shape))
            kernel = float((single[place] * direction).sum())
            assert kernel == pytest.approx(found, rel=1e-2, abs=1e-2), (place, list(value.shape))


def test_the_background_is_worth_its_pixels():
    background = torch.rand(3, requires_grad=True)
    render(Scene((), 9.0, 7.0), 7, 9, background=background).sum().backward()
    assert background.grad.tolist() == [63] * 3


def test_a_straight_stroke_has_its_body():
    points = vector(3, 10, 8, 10, 13, 10, 18, 10).view(4, 2)
    path = Path((Contour(points, (3,)),), stroke=Stroke(RED, scalar(4)))
    assert float(render(Scene((path,), 24.0, 24.0), 24, 24)[:, :, 3].sum()) == pytest.approx(60)


def test_an_open_path_covers_its_inside_once():
    contour = Contour(vector(2, 2, 20, 2, 20, 20).view(3, 2), (1, 1))
    image = render(Scene((Path((contour,), fill=RED),), 24.0, 24.0), 24, 24)
    assert float(image[:, :, 3].sum()) == pytest.approx(162)


def test_hundreds_of_shapes_over_each_other():
    faint = Circle(vector(12, 12), scalar(9), fill=RED, fill_opacity=scalar(0.01))
    image = render(Scene((faint,) * 300, 24.0, 24.0), 24, 24)
    assert float(image[12, 12, 3]) == pytest.approx(1 - 0.99**300)


def test_a_picture_of_any_size_has_the_same_areas():
    circle = Circle(vector(12, 12), scalar(9), stroke=Stroke(RED, scalar(2)))
    for height, width in [(24, 24), (48, 24), (7, 50)]:
        image = render(Scene((circle,), 24.0, 24.0), height, width, tolerance=1 / 256)
        share = math.pi * (100 - 64) / 24**2
        assert float(image[:, :, 3].mean()) == pytest.approx(share, rel=1e-3)


def test_subpixel_shapes_keep_their_area():
    dot = Rectangle(vector(3.4, 5.6), vector(0.1, 0.2), fill=RED)
    hair = Line(vector(2, 12.3), vector(20, 13.1), stroke=Stroke(BLUE, scalar(0.01)))
    image = render(Scene((dot, hair), 24.0, 24.0), 24, 24)
    area = 0.02 + 0.01 * math.hypot(18, 0.8)
    assert float(image[:, :, 3].sum()) == pytest.approx(area, rel=1e-3)


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ({}, (21, 30)),
        ({"width": 60}, (41, 60)),
        ({"height": 41}, (41, 60)),
        ({"height": 5, "width": 7}, (5, 7)),
    ],
)
def test_a_drawing_keeps_its_shape(size, shape):
    square = Rectangle(vector(3, 3), vector(9, 9), fill=RED)
    image = render(Scene((square,), 30.0, 20.5), **size)[:, :, 3]
    assert image.shape == shape
    if len(size) < 2:
        assert float(image.sum(0).max()) == pytest.approx(float(image.sum(1).max()))
