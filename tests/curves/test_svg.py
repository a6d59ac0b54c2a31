"""SVG files as scenes and back: what is understood, kept, reported, refused."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from pathlib import Path as FilePath

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.curves import svg
from curvox.curves.layers import Cap, Join, Rule, Spread
from curvox.curves.lowering import scene_to_layers
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
from curvox.curves.svg.path_data import contours_of
from curvox.errors import InputError

PICTURES = sorted((FilePath(__file__).parent / "pictures").glob("*.svg"))


def document(body, attributes='width="40" height="30"'):
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{body}</svg>'


def load(body, attributes='width="40" height="30"'):
    """The scene of a document that is understood as a whole."""
    scene, report = svg.from_svg(document(body, attributes))
    assert report.unsupported == []
    return scene


def only(body):
    """The one node of a document."""
    (node,) = load(body).children
    return node


def same(one, other):
    """Whether two values are equal to the last bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if is_dataclass(one):
        names = [field.name for field in fields(one)]
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in names
        )
    return one == other


def again(scene):
    """A scene that was saved and loaded."""
    loaded, report = svg.from_svg(svg.to_svg(scene))
    assert report.unsupported == []
    return loaded


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


# Saving.


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


# What is not understood is reported.


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('<text id="t">a</text>', '<text> is not drawn: <text id="t">'),
        ("<text>a</text><text>b</text>", "<text> is not drawn: 2 × <text>"),
        ('<image href="data:image/png;base64,AA"/>', "<image> is not drawn: <image>"),
        ("<g><foreignObject/></g>", "<foreignObject> is not drawn"),
        ('<rect width="1" height="1" filter="url(#f)"/>', "filter is left aside: <rect>"),
        ('<g mask="url(#f)"><circle r="1"/></g>', "mask is left aside: <g>"),
        ('<circle r="1" style="mix-blend-mode:screen"/>', "mix-blend-mode is left aside"),
        (
            '<circle r="1" transform="scale(2)" transform-origin="1 1"/>',
            "transform-origin is left aside: <circle>",
        ),
        (
            '<path d="M0 0H9" pathLength="3" stroke-dasharray="1" stroke="red"/>',
            "pathLength is left aside: <path>",
        ),
        ('<g marker-end="url(#m)"><path d="M0 0H1"/></g>', "marker-end is left aside: <path>"),
        ('<circle r="1" fill="url(#nothing)"/>', "the paint '#nothing' is no gradient"),
        ('<pattern id="p"/><circle r="1" fill="url(#p)"/>', "the paint '#p' is no gradient"),
        ('<circle r="1" fill="oklch(50% .1 30)"/>', "fill of 'oklch(50% .1 30)' is not understood"),
        ('<circle r="1" transform="spin(3)"/>', "spin(3) is not a transform"),
        ('<circle r="1" stroke="red" stroke-width="-1"/>', "stroke-width of '-1'"),
        ('<circle r="1" clip-path="circle()"/>', "clip-path of 'circle()' is left aside"),
        ('<use href="#missing"/>', "what '#missing' names is missing"),
        ("<animate/>", "<animate> is not drawn"),
        ("<style>@media print{}</style>", "a rule of a style sheet is not understood"),
        ('<circle r="1" width="4px"/><rect width="calc(1px)" height="1"/>', "width of 'calc(1px)'"),
    ],
)
def test_what_is_not_drawn_is_reported(body, sentence):
    _, report = svg.from_svg(document(body))
    assert any(sentence in found for found in report.unsupported), report.unsupported


def test_notes_of_drawing_programs_are_no_defect():
    load(
        '<metadata><a/></metadata><title>t</title><desc/><x:view xmlns:x="urn:x"><x:g/></x:view>'
        '<a href="https://example.org"><circle r="1"/></a><!-- comment -->'
    )


# What cannot be used is refused in one sentence.


def uses(levels):
    steps = (
        f'<g id="g{level + 1}">' + f'<use href="#g{level}"/>' * 10 + "</g>"
        for level in range(levels)
    )
    return f'<defs><g id="g0"/>{"".join(steps)}</defs><use href="#g{levels}"/>'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not well-formed"),
        ("<svg", "not well-formed"),
        ("\x00", "not well-formed"),
        (b"\x1f\x8b\x08", "not well-formed"),
        ("<html/>", "outermost element is <html>"),
        (document("&x;"), "not well-formed"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]>' + document("&a;"), "entities"),
        ('<!DOCTYPE svg [<!ENTITY a SYSTEM "/etc/hostname">]>' + document("&a;"), "entities"),
        (document('<use href="other.svg#a"/>'), "another file, 'other.svg#a'"),
        (document('<image href="/etc/hostname"/>'), "another file"),
        (document('<circle r="1" fill="url(a.svg#b)"/>'), "another file, 'a.svg#b'"),
        (document("<style>@import 'a.css';</style>"), "style sheet"),
        (document("<style>a{fill:url('http://a/b')}</style>"), "another file"),
        (document('<g id="a"><use href="#a"/></g>'), "a <use> of itself"),
        (document('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'), "of itself"),
        (document("<g>" * 300 + "</g>" * 300), "inside one another"),
        (document("", 'width="0" height="3"'), "size that cannot be drawn"),
        (document("", 'width="1e9" height="3"'), "size that cannot be drawn"),
    ],
)
def test_what_cannot_be_used_is_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        svg.from_svg(text)


def test_uses_of_uses_are_counted(monkeypatch):
    monkeypatch.setattr("curvox.curves.svg.read._MOST_ELEMENTS", 10_000)
    with pytest.raises(InputError, match="every <use> put in place"):
        svg.from_svg(document(uses(12)))


def test_deep_documents_are_drawn_and_saved():
    groups = '<g transform="scale(1.01)" opacity=".9">' * 95
    symbols = "".join(
        f'<symbol id="s{level}" viewBox="0 0 9 {level + 5}"><use href="#s{level - 1}"/></symbol>'
        for level in range(1, 30)
    )
    square = '<rect width="9" height="9"/>'
    for body in (
        f"{groups}{square}{'</g>' * 95}",
        f'<symbol id="s0">{square}</symbol>{symbols}<use href="#s29"/>',
    ):
        scene = load(body)
        assert len(scene_to_layers(scene).rules) >= 1
        assert same(again(scene), scene)


def test_a_doctype_alone_is_no_harm():
    public = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'
    assert svg.from_svg(public + document(""))[1].unsupported == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*missing\.svg"):
        svg.load(tmp_path / "missing.svg")


@pytest.mark.parametrize(
    "body",
    [
        '<path d="M' + "1" * 100_000 + '"/>',
        '<rect width="1" height="1" transform="' + "a(" * 50_000 + '"/>',
        '<rect width="1" height="1" fill="url(' + " " * 100_000 + '"/>',
        '<polygon points="' + "1 " * 100_001 + '"/>',
        '<path d="M0 0' + "h1v1" * 50_000 + '"/>',
        "<style>" + "a b>c~d{fill:red}" * 1000 + "</style>" + '<circle r="1"/>' * 200,
        '<linearGradient id="a" href="#b"/><linearGradient id="b" href="#a"/>'
        '<circle r="1" fill="url(#a)"/>',
        '<clipPath id="a" clip-path="url(#a)"/><circle r="1" clip-path="url(#a)"/>',
    ],
)
def test_absurd_documents_end(body):
    svg.from_svg(document(body))


@given(st.text(alphabet="MmLlCcSsQqTtAaHhVvZz0123456789.,-+eE \nx", max_size=60))
def test_any_path_data_ends_in_contours(text):
    contours, _ = contours_of(text)
    for contour in contours:
        assert len(contour.points) == sum(contour.degrees) + (not contour.closed)
        assert contour.points.isfinite().all()
