"""Scenes: outlines of shapes, copies, what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curvox.curves.cubics import bounding_box, cubics, oriented
from curvox.curves.paint import SolidPaint
from curvox.curves.scene import Group, Scene, map_tensors, tensors
from curvox.curves.shapes import (
    Circle,
    Contour,
    Ellipse,
    Line,
    Path,
    Polygon,
    Polyline,
    Rectangle,
    unit_arc,
)

RED = SolidPaint(torch.tensor([1.0, 0, 0], dtype=torch.float64))


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def sampled(contours, steps=100):
    """Points along all segments, [S, steps, 2]."""
    a, b, c, d = cubics(contours).segments[:, :, None].unbind(1)
    t = torch.linspace(0, 1, steps, dtype=a.dtype)[:, None]
    return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d


def area(contours):
    """Inside closed contours, by Green's theorem; positive where x turns towards y."""
    points = sampled(contours, 2001).flatten(0, 1)
    x, y = points.unbind(1)
    return float((x * y.roll(-1) - y * x.roll(-1)).sum() / 2)


def test_a_circle_is_round():
    points = sampled(Circle(vector(3, 4), 10.0).contours()) - vector(3, 4)
    assert (points.norm(dim=2) - 10).abs().max() < 10 * 5e-6


@given(st.floats(-7, 7), st.floats(0.01, 6.28))
def test_an_arc_leaves_its_circle_by_five_millionths(start, length):
    points = torch.tensor(unit_arc(start, start + length), dtype=torch.float64)
    contour = Contour(points, (3,) * (len(points) // 3))
    assert (sampled((contour,)).norm(dim=2) - 1).abs().max() < 5e-6
    assert points[-1].tolist() == pytest.approx(
        [math.cos(start + length), math.sin(start + length)]
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Circle(vector(1, 2), vector(3).squeeze()), 9 * math.pi),
        (Ellipse(vector(1, 2), vector(3, 5)), 15 * math.pi),
        (Rectangle(vector(1, 2), vector(3, 5)), 15),
        (Rectangle(vector(1, 2), vector(10, 6), vector(2, 1)), 60 - 2 * (4 - math.pi)),
        (Rectangle(vector(1, 2), vector(10, 6), vector(50, 50)), 15 * math.pi),
        (Polygon(vector(0, 0, 4, 0, 4, 3).view(3, 2)), 6),
    ],
)
def test_areas(shape, expected):
    assert area(shape.contours()) == pytest.approx(expected, rel=1e-5)


def test_open_shapes_stay_open():
    (line,) = Line(vector(0, 0), vector(1, 1)).contours()
    (polyline,) = Polyline(vector(0, 0, 4, 0, 4, 3).view(3, 2)).contours()
    assert (line.closed, line.degrees) == (False, (1,))
    assert (polyline.closed, polyline.degrees) == (False, (1, 1))
    assert Polyline(vector(1, 2).view(1, 2)).contours() == ()


def test_lines_and_quadratics_keep_their_shape_as_cubics():
    points = vector(0, 0, 4, 8, 8, 0, 8, 8).view(4, 2)
    line = sampled((Contour(points[:2], (1,)),))[0]
    torch.testing.assert_close(line[:, 1], 2 * line[:, 0])
    quadratic, last = sampled((Contour(points, (2, 1)),))
    torch.testing.assert_close(
        quadratic[50:51, 1] + 0, quadratic[50:51, 0] * 0 + 4, atol=0.01, rtol=0
    )
    torch.testing.assert_close(last[:, 0], torch.full_like(last[:, 0], 8))


@given(st.lists(st.floats(-100, 100), min_size=8, max_size=8))
def test_a_box_holds_its_curve_and_touches_it(values):
    segments = torch.tensor(values, dtype=torch.float64).view(1, 4, 2)
    low, high = bounding_box(segments)
    points = sampled((Contour(segments[0], (3,)),), 4001)[0]
    assert (points >= low - 1e-9).all()
    assert (points <= high + 1e-9).all()
    torch.testing.assert_close(points.amin(0), low, atol=1e-4, rtol=0)
    torch.testing.assert_close(points.amax(0), high, atol=1e-4, rtol=0)


def test_a_box_is_differentiable():
    segments = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(bounding_box, segments)


def test_shapes_are_turned_to_one_direction():
    outline = cubics(Polygon(vector(0, 0, 4, 0, 4, 3).view(3, 2)).contours())
    turned = cubics(Polygon(vector(4, 3, 4, 0, 0, 0).view(3, 2)).contours())
    assert oriented(outline) is outline
    torch.testing.assert_close(oriented(turned).segments[0, 0], turned.segments[-1, 3])


def test_a_copy_shares_what_the_scene_shares():
    paint = SolidPaint(torch.rand(3))
    shapes = tuple(Circle(torch.rand(2), torch.rand(()), fill=paint) for _ in range(3))
    scene = Scene((Group(shapes, torch.eye(2, 3)),), 10.0, 10.0)
    copy = map_tensors(lambda tensor: tensor.double().requires_grad_(), scene)
    fills = {id(shape.fill) for shape in copy.children[0].children}
    assert len(fills) == 1
    assert len(tensors(scene)) == len(tensors(copy)) == 2 * 3 + 1 + 1
    assert all(tensor.dtype == torch.float64 for tensor in tensors(copy))
    assert copy.width == 10


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Circle(vector(1, 2, 3), 1.0), r"centre must have the shape \[2\], not \[3\]"),
        (Circle(vector(1, 2), -3.0), "radius must not be negative, not -3"),
        (Ellipse(vector(1, 2), vector(1, -2)), "radii must not be negative"),
        (Rectangle(vector(1, 2), vector(-1, 2)), "size must not be negative"),
        (Polygon(vector(1, 2)), r"points must have the shape \[N, 2\]"),
        (Path((Contour(vector(1, 2, 3, 4).view(2, 2), (2,)),)), r"points must have .* \[3, 2\]"),
        (Path((Contour(vector(*range(10)).view(5, 2), (4,)),)), "degrees 1, 2 or 3"),
    ],
)
def test_wrong_shapes_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        shape.contours()
