"""Scenes saved as SVG: read back they are the same."""

from __future__ import annotations

import math
from pathlib import Path as FilePath

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from svg_texts import again, same

from curvox.curves import svg
from curvox.curves.layers import Cap, Join, Rule, Spread
from curvox.curves.paint import LinearGradient, RadialGradient, SolidPaint, Stops, Stroke, Units
from curvox.curves.scene import Group, Scene
from curvox.curves.shapes import (
    Circle,
    Contour,
    Ellipse,
    Line,
    Path,
    Polygon,
    Polyline,
    Rectangle,
)

PICTURES = sorted((FilePath(__file__).parent / "pictures").glob("*.svg"))


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_what_was_loaded_is_saved_whole(path):
    scene, _ = svg.load(path)
    assert same(again(scene), scene)
    assert svg.to_svg(again(scene)) == svg.to_svg(scene)


FLOATS = st.floats(-1e6, 1e6, width=32)
SHARES = st.floats(0, 0.9921875, width=32)
LENGTHS = st.floats(2**-10, 1e6, width=32)


def tensors_of(values, *shape):
    count = math.prod(shape)
    lists = st.lists(values, min_size=count, max_size=count)
    return lists.map(lambda numbers: torch.tensor(numbers).view(shape))


stops = st.integers(1, 4).flatmap(
    lambda count: st.builds(
        Stops,
        tensors_of(SHARES, count).map(lambda offsets: offsets.sort().values),
        tensors_of(SHARES, count, 3),
        tensors_of(SHARES, count),
    )
)
matrices = st.none() | tensors_of(FLOATS, 2, 3)
gradient = {
    "units": st.sampled_from(Units),
    "transform": matrices,
    "spread": st.sampled_from(Spread),
}
paints = (
    st.builds(SolidPaint, tensors_of(SHARES, 3))
    | st.builds(LinearGradient, tensors_of(FLOATS, 2), tensors_of(FLOATS, 2), stops, **gradient)
    | st.builds(RadialGradient, tensors_of(FLOATS, 2), tensors_of(LENGTHS), stops, **gradient)
)
opacities = tensors_of(SHARES) | st.just(1.0)
strokes = st.builds(
    Stroke,
    paints,
    tensors_of(LENGTHS),
    st.sampled_from(Cap),
    st.sampled_from(Join),
    st.floats(1, 100),
    st.none() | tensors_of(LENGTHS, 3),
    opacity=opacities,
)


def looks(draw_fill=True):
    """Keywords of a shape; the rule and opacity of no fill are nothing to save."""
    filled = st.fixed_dictionaries(
        {"fill": paints, "fill_rule": st.sampled_from(Rule), "fill_opacity": opacities}
    )
    base = st.fixed_dictionaries({"stroke": strokes, "opacity": opacities, "transform": matrices})
    return st.builds(lambda one, two: one | two, filled if draw_fill else st.just({}), base)


@st.composite
def contours(draw):
    degrees = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=5)))
    closed = draw(st.booleans())
    count = sum(degrees) + (not closed)
    points = torch.randperm(997, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))))
    return Contour((points[: 2 * count] / 7).view(count, 2), degrees, closed)


@st.composite
def shapes(draw):
    pair, length = tensors_of(FLOATS, 2), tensors_of(LENGTHS)
    kinds = [
        lambda look: Circle(draw(pair), draw(length), **look),
        lambda look: Ellipse(draw(pair), draw(tensors_of(LENGTHS, 2)), **look),
        lambda look: Rectangle(
            draw(pair),
            draw(tensors_of(LENGTHS, 2)),
            draw(st.none() | tensors_of(LENGTHS, 2)),
            **look,
        ),
        lambda look: Polygon(draw(tensors_of(FLOATS, 3, 2)), **look),
        lambda look: Polyline(draw(tensors_of(FLOATS, 3, 2)), **look),
        lambda look: Path(tuple(draw(st.lists(contours(), min_size=1, max_size=3))), **look),
    ]
    if draw(st.integers(0, 6)) == 0:
        return Line(draw(pair), draw(pair), **draw(looks(draw_fill=False)))
    return draw(st.sampled_from(kinds))(draw(looks()))


@settings(max_examples=40)
@given(st.lists(shapes(), min_size=1, max_size=3), st.floats(1, 1e5), opacities, matrices)
def test_a_scene_that_is_saved_is_loaded_whole(children, size, opacity, matrix):
    clip = (Circle(torch.zeros(2), torch.tensor(4.0), transform=matrix),)
    group = Group(tuple(children), matrix, opacity, clip)
    scene = Scene((group, *children), size, 17.25)
    loaded = again(scene)
    assert same(loaded, scene)
    assert svg.to_svg(loaded) == svg.to_svg(scene)


def test_rounded_decimals_make_a_smaller_file():
    scene = Scene((Path((Contour(torch.rand(40, 2) * 100, (3,) * 13),)),), 100.0, 100.0)
    exact, rounded = svg.to_svg(scene), svg.to_svg(scene, 2)
    assert len(rounded) < 0.8 * len(exact)
    points = svg.from_svg(rounded.replace('fill="none"', ""))[0].children[0].pieces[0].points
    torch.testing.assert_close(points, scene.children[0].pieces[0].points, atol=0.0051, rtol=0)


def test_saved_text_is_plain():
    fill = SolidPaint(torch.tensor([1.0, 0, 0]))
    path = Path(
        (Contour(torch.tensor([[0.5, 0], [10, 0], [10, -0.25]]), (1,) * 3, True),), fill=fill
    )
    assert svg.to_svg(Scene((path,), 40.0, 30.0)) == (
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30" viewBox="0 0 40 30">\n'
        '<path d="M.5 0H10V-.25Z" fill="#f00"/>\n'
        "</svg>\n"
    )
