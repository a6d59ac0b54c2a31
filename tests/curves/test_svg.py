"""SVG files as scenes: what is understood."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from svg_texts import document, load, only

from curvox.curves import svg
from curvox.curves.layers import Cap, Spread
from curvox.curves.lowering import scene_to_layers
from curvox.curves.paint import RadialGradient, Units
from curvox.curves.shapes import (
    Circle,
    Ellipse,
    Line,
    Path,
    Polygon,
    Polyline,
    Rectangle,
)
from curvox.curves.svg.path_data import contours_of

# What another differentiable renderer loses when it loads a file.


def test_a_rectangle_keeps_its_place():
    rectangle = only('<rect x="3" y="4" width="5" height="6"/>')
    assert isinstance(rectangle, Rectangle)
    assert (rectangle.corner.tolist(), rectangle.size.tolist()) == ([3, 4], [5, 6])


def test_all_kinds_of_shapes_are_read():
    scene = load(
        '<ellipse cx="1" cy="2" rx="3" ry="4"/><circle r="2"/><polyline points="1,2 3,4 5 6"/>'
        '<polygon points="1-2 3 4"/><line x1="1" y2="4" stroke="red"/><path d="M0 0H5V5"/>'
    )
    kinds = [Ellipse, Circle, Polyline, Polygon, Line, Path]
    assert [type(shape) for shape in scene.children] == kinds
    assert scene.children[3].points.tolist() == [[1, -2], [3, 4]]


def test_what_is_used_is_drawn_where_it_is_used():
    scene = load(
        '<defs><circle id="c" r="2" transform="scale(2)"/></defs>'
        '<use href="#c" x="5" y="6" fill="red"/>'
    )
    (group,) = scene.children
    assert group.transform.tolist() == [[1, 0, 5], [0, 1, 6]]
    (circle,) = group.children
    assert circle.fill.colour.tolist() == [1, 0, 0]
    assert circle.transform.tolist() == [[2, 0, 0], [0, 2, 0]]


def test_strokes_are_inherited():
    shape = only('<g stroke="red" stroke-width="3" stroke-linecap="round"><path d="M0 0H9"/></g>')
    assert float(shape.stroke.width) == 3
    assert shape.stroke.cap is Cap.ROUND
    assert shape.stroke.paint.colour.tolist() == [1, 0, 0]


def test_the_view_box_moves_the_origin():
    scene = load('<rect x="5" y="7" width="2" height="2"/>', 'viewBox="5 7 20 10" width="40"')
    assert (scene.width, scene.height) == (40, 20)
    segments = scene_to_layers(scene).segments
    assert segments.amin((0, 1)).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert segments.amax((0, 1)).tolist() == pytest.approx([4, 4])


def test_strokes_scale_with_their_transform():
    scene = load('<g transform="scale(2 3)"><path d="M0 0H9" stroke="red"/></g>')
    layers = scene_to_layers(scene)
    torch.testing.assert_close(layers.transforms[-1], torch.tensor([[2.0, 0, 0], [0, 3, 0]]))


# Values.


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        ("1in", 96),
        ("2.54cm", 96),
        ("25.4mm", 96),
        ("72pt", 96),
        ("6pc", 96),
        ("7", 7),
        ("7px", 7),
        ("2em", 32),
        ("50%", 20),
        ("1e1", 10),
        (".5e1px", 5),
        ("+3.", 3),
    ],
)
def test_lengths(text, pixels):
    rectangle = only(f'<rect x="{text}" width="1" height="1"/>')
    assert float(rectangle.corner[0]) == pytest.approx(pixels)


@pytest.mark.parametrize(
    ("text", "matrix"),
    [
        ("translate(3)", [[1, 0, 3], [0, 1, 0]]),
        ("translate(3,4) scale(2)", [[2, 0, 3], [0, 2, 4]]),
        ("matrix(1 2 3 4 5 6)", [[1, 3, 5], [2, 4, 6]]),
        ("rotate(90)", [[0, -1, 0], [1, 0, 0]]),
        ("rotate(90 1 2)", [[0, -1, 3], [1, 0, 1]]),
        ("skewX(45)scale(1-1)", [[1, -1, 0], [0, -1, 0]]),
        ("skewY(45)", [[1, 0, 0], [1, 1, 0]]),
    ],
)
def test_transforms(text, matrix):
    found = only(f'<rect width="1" height="1" transform="{text}"/>').transform
    torch.testing.assert_close(found, torch.tensor(matrix).float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("text", "colour", "opacity"),
    [
        ("red", [1, 0, 0], 1.0),
        ("#0f0", [0, 1, 0], 1.0),
        ("#00f8", [0, 0, 1], 8 / 15),
        ("rgb(100%, 0%, 50%)", [1, 0, 0.5], 1.0),
        ("rgba(0,0,255,.25)", [0, 0, 1], 0.25),
        ("hsl(120 100% 50%)", [0, 1, 0], 1.0),
        ("currentColor", [0, 128 / 255, 0], 1.0),
        ("url(#missing) blue", [0, 0, 1], 1.0),
    ],
)
def test_colours(text, colour, opacity):
    shape = only(f'<g color="green"><rect width="1" height="1" fill="{text}"/></g>')
    torch.testing.assert_close(shape.fill.colour, torch.tensor(colour).float())
    assert float(shape.fill_opacity) == pytest.approx(opacity)


def test_the_cascade():
    scene = load(
        "<style>.a{fill:red} rect.a{fill:#00f} #b{fill:lime} path{fill:red!important}</style>"
        '<rect class="a" fill="black" width="1" height="1"/>'
        '<rect class="a" id="b" width="1" height="1"/>'
        '<rect class="a" id="c" style="fill:#fff" width="1" height="1"/>'
        '<path style="fill:blue" d="M0 0H1"/>'
    )
    colours = [shape.fill.colour.tolist() for shape in scene.children]
    assert colours == [[0, 0, 1], [0, 1, 0], [1, 1, 1], [1, 0, 0]]


def test_gradients_take_from_each_other_what_they_do_not_say():
    shape = only(
        '<linearGradient id="a" spreadMethod="reflect" x2="50%"><stop stop-color="red"/>'
        '<stop offset="50%" style="stop-color:#00f;stop-opacity:.5"/></linearGradient>'
        '<radialGradient id="b" href="#a" r="25%" gradientUnits="userSpaceOnUse"/>'
        '<rect width="1" height="1" fill="url(#b)"/>'
    )
    gradient = shape.fill
    assert isinstance(gradient, RadialGradient)
    assert (gradient.units, gradient.spread) == (Units.USER_SPACE, Spread.REFLECT)
    assert gradient.centre.tolist() == [20, 15]
    assert float(gradient.radius) == pytest.approx(math.hypot(40, 30) / math.sqrt(2) / 4)
    assert gradient.stops.offsets.tolist() == [0, 0.5]
    assert gradient.stops.opacities.tolist() == [1, 0.5]


def test_shapes_share_a_gradient():
    scene = load(
        '<linearGradient id="a"><stop/><stop offset="1"/></linearGradient>'
        '<g fill="url(#a)"><circle r="2"/><circle r="3"/></g>'
    )
    assert scene.children[0].fill is scene.children[1].fill
    assert svg.to_svg(scene).count("<linearGradient") == 1


# Path data.


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("M0 0L10 0L10 10Z", [(1, 1, 1)]),
        ("M0 0 10 0 10 10z m5 5 l1 1", [(1, 1, 1), (1,)]),
        ("M0 0q5 5 10 0t10 0s1 1 2 2", [(2, 2, 3)]),
        ("M0 0a5 5 0 0110 0", [(3,) * 4]),
        ("M0 0A5 5\n0\n0\n1\n10 0z", [(3, 3, 3, 3, 1)]),
        ("M01 02h3.5v.5.5", [(1, 1, 1)]),
        ("M0 0L1 1L0 0Z", [(1, 1)]),
        ("M5 5z", [(1,)]),
        ("M5 5", []),
        ("", []),
        (" M 1 , 2 L 3 , 4 Z L 5 5 ", [(1, 1), (1,)]),
    ],
)
def test_path_data(text, degrees):
    contours, problem = contours_of(text)
    assert problem is None
    assert [contour.degrees for contour in contours] == degrees
    for contour in contours:
        assert len(contour.points) == sum(contour.degrees) + (not contour.closed)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("M0 0L5 5L10", 1),
        ("M0 0L5 5 x", 1),
        ("L5 5", 0),
        ("M0 0C1 1 2 2", 0),
        ("M0 0L123", 0),
        ("M0 0H1A5 5 0 2 0 1 1", 1),
        ("M0 0H1e99", 0),
        ("M0 0H1B4", 1),
    ],
)
def test_a_path_is_drawn_up_to_an_error(text, segments):
    contours, problem = contours_of(text)
    assert sum(len(contour.degrees) for contour in contours) == segments
    assert problem is not None
    _, report = svg.from_svg(document(f'<path d="{text}"/>'))
    assert report.unsupported == ["the path is drawn up to an error in its data: <path>"]


@given(
    st.floats(1, 50), st.floats(1, 50), st.floats(0, 360), st.booleans(), st.booleans(),
    st.floats(-40, 40), st.floats(-40, 40),
)  # fmt: skip
def test_arcs_lie_on_their_ellipse(rx, ry, rotation, large, sweep, x, y):
    text = f"M0 0A{rx} {ry} {rotation} {large:d} {sweep:d} {x:.17f} {y:.17f}"
    contours, problem = contours_of(text)
    assert problem is None
    if not contours:
        assert abs(x) + abs(y) < 1e-12
        return
    points = contours[0].points.double()
    ends = points[::3]  # every segment's, which lie on the ellipse
    angle = math.radians(-rotation)
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    ).double()
    circle = ends @ turn.T / torch.tensor([rx, ry]).double()
    scale = max(float((circle[-1] - circle[0]).norm() / 2), 1.0)  # radii that were too small
    if len(ends) >= 3 and scale < 1e3:
        # The centre has one distance to all of them.
        system = torch.cat([2 * circle, torch.ones(len(circle), 1)], 1)
        solution = torch.linalg.lstsq(system, circle.square().sum(1)[:, None]).solution[:, 0]
        residual = system @ solution - circle.square().sum(1)
        assert residual.abs().max() < 1e-3 * scale**2
    torch.testing.assert_close(ends[-1], torch.tensor([x, y]).double(), atol=1e-4, rtol=1e-6)
