"""Scenes as layers: what becomes of shapes, groups, paints and dashes, and their gradients."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from curvox.curves.affine import apply, compose, invert
from curvox.curves.cubics import cubics
from curvox.curves.dashes import arc_lengths, dashed
from curvox.curves.layers import Rule, Spread, Step
from curvox.curves.lowering import scene_to_layers
from curvox.curves.paint import (
    LinearGradient,
    RadialGradient,
    SolidPaint,
    Stops,
    Stroke,
    Units,
)
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
)


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def colour(*values):
    return SolidPaint(vector(*(values or (0.2, 0.4, 0.6))))


def stops(count=3):
    steps = torch.linspace(0.1, 0.9, count, dtype=torch.float64)
    return Stops(steps, torch.stack([steps, 1 - steps, steps**2], 1), 1 - steps / 2)


def scene(*children):
    return Scene(children, 40.0, 30.0)


SQUARE = Rectangle(vector(2, 3), vector(10, 8), fill=colour())
MATRIX = vector(2, 0.5, -0.3, 1.5, 3, 4).view(3, 2).mT.contiguous()


def rich_scene():
    """One of everything that has numbers."""
    linear = LinearGradient(
        vector(0.1, 0.2), vector(0.9, 0.7), stops(), Units.BOUNDING_BOX, MATRIX / 4, Spread.REPEAT
    )
    radial = RadialGradient(
        vector(8, 9), vector(6).squeeze(), stops(2), vector(9, 10), vector(1).squeeze()
    )
    dashed_stroke = Stroke(
        colour(), vector(1.5).squeeze(), dashes=vector(2, 1, 3), dash_offset=vector(0.7).squeeze()
    )
    path = Path(
        (
            Contour(vector(1, 1, 5, 2, 7, 9, 3, 8, 2, 6, 4, 4).view(6, 2), (1, 2, 2)),
            Contour(vector(11, 1.5, 15, 2, 17, 9.5, 13, 8).view(4, 2), (3, 1), True),
        ),
        fill=linear,
        stroke=dashed_stroke,
        opacity=vector(0.9).squeeze(),
        transform=MATRIX,
    )
    round_corners = Rectangle(vector(2, 3), vector(10, 8), vector(2, 1.5), fill=radial)
    star = Polygon(vector(1, 2, 9, 4, 5, 9).view(3, 2), fill=colour(), fill_rule=Rule.EVEN_ODD)
    group = Group(
        (
            Ellipse(vector(8, 9), vector(5, 3), fill=colour(), stroke=Stroke(radial)),
            Polyline(vector(1, 2, 9, 4, 5, 9).view(3, 2), stroke=Stroke(linear)),
        ),
        MATRIX,
        vector(0.8).squeeze(),
        (Circle(vector(9, 9), vector(8).squeeze(), transform=MATRIX),),
    )
    line = Line(vector(1, 2), vector(20, 9), stroke=Stroke(colour(), opacity=vector(0.3).squeeze()))
    faint = Circle(
        vector(5, 5), vector(4).squeeze(), fill=colour(), fill_opacity=vector(0.6).squeeze()
    )
    return scene(path, group, round_corners, star, line, faint)


def functional(layers):
    """A smooth number that depends on every entry of every floating-point tensor."""
    gradients = layers.gradients
    parts = [
        layers.segments,
        layers.widths,
        layers.colours,
        layers.opacities,
        layers.group_opacities,
        gradients.to_unit,
        gradients.focus,
        gradients.focal_radius,
        gradients.positions,
        gradients.colours,
    ]
    parts += [] if layers.transforms is None else [layers.transforms]
    total = torch.zeros((), dtype=torch.float64)
    for part in parts:
        phase = torch.arange(part.numel(), dtype=part.dtype).view(part.shape)
        total = total + (torch.sin(part * 0.3 + phase) * torch.cos(phase)).sum()
    return total


def test_gradients_reach_every_tensor_of_a_scene():
    drawing = rich_scene()
    values = [tensor.clone().requires_grad_() for tensor in tensors(drawing)]

    def evaluate(*leaves):
        order = iter(leaves)
        return functional(scene_to_layers(map_tensors(lambda _: next(order), drawing), 60, 90))

    assert torch.autograd.gradcheck(evaluate, values, eps=1e-6, atol=1e-5, rtol=1e-4)
    for place, grad in enumerate(torch.autograd.grad(evaluate(*values), values)):
        assert grad.abs().max() > 0, f"tensor {place} of shape {list(values[place].shape)}"


def test_a_fill_is_mapped_and_a_stroke_comes_with_its_matrix():
    circle = Circle(vector(4, 5), 2.0, fill=colour(), stroke=Stroke(colour(), 3.0))
    layers = scene_to_layers(scene(replace(circle, transform=MATRIX)), 60, 40)
    local = cubics(circle.contours()).segments
    matrix = compose(vector(1, 0, 0, 0, 2, 0).view(2, 3), MATRIX)
    torch.testing.assert_close(layers.segments[:8], apply(matrix, local))
    torch.testing.assert_close(layers.segments[8:], local)
    torch.testing.assert_close(layers.transforms[0], torch.eye(2, 3).double())
    torch.testing.assert_close(layers.transforms[1], matrix)
    assert layers.stroked.tolist() == [False, True]
    assert layers.widths.tolist() == [0, 3]
    assert layers.steps.tolist() == [[Step.DRAW, 0, -1], [Step.DRAW, 1, -1]]


def test_without_transforms_strokes_need_no_matrix():
    layers = scene_to_layers(scene(Line(vector(1, 2), vector(3, 4), stroke=Stroke(colour()))))
    assert layers.transforms is None


def test_nested_transforms_multiply():
    inner = Group((SQUARE,), MATRIX)
    layers = scene_to_layers(scene(Group((inner,), invert(MATRIX))))
    plain = scene_to_layers(scene(SQUARE))
    torch.testing.assert_close(layers.segments, plain.segments)


def test_the_canvas_scales_the_drawing():
    plain = scene_to_layers(scene(SQUARE)).segments
    torch.testing.assert_close(scene_to_layers(scene(SQUARE), width=80).segments, 2 * plain)
    torch.testing.assert_close(scene_to_layers(scene(SQUARE), height=60).segments, 2 * plain)
    both = scene_to_layers(scene(SQUARE), 30, 80).segments
    torch.testing.assert_close(both, plain * vector(2, 1))


def test_one_layer_takes_the_opacity_of_its_group():
    layers = scene_to_layers(scene(Group((replace(SQUARE, opacity=0.5),), opacity=0.5)))
    assert layers.opacities.tolist() == [0.25]
    assert layers.steps.tolist() == [[Step.DRAW, 0, -1]]


def test_several_layers_fade_together():
    shape = replace(SQUARE, stroke=Stroke(colour()), opacity=0.5)
    steps = [[Step.PUSH, 0, -1], [Step.DRAW, 0, -1], [Step.DRAW, 1, -1], [Step.POP, 0, -1]]
    layers = scene_to_layers(scene(shape))
    assert layers.steps.tolist() == steps
    assert layers.group_opacities.tolist() == [0.5]
    plain = Group((SQUARE, SQUARE), opacity=1.0)
    assert len(scene_to_layers(scene(plain)).steps) == 2
    # One that is 1 now but may be optimized needs its group.
    learned = Group((SQUARE, SQUARE), opacity=torch.ones((), dtype=torch.float64).requires_grad_())
    assert len(scene_to_layers(scene(learned)).steps) == 4


def test_a_clip_is_a_layer_that_is_not_drawn():
    clip = (Circle(vector(5, 5), 3.0, fill_rule=Rule.EVEN_ODD),)
    layers = scene_to_layers(scene(Group((SQUARE,), MATRIX, 0.5, clip)))
    assert layers.steps.tolist() == [[Step.PUSH, 0, -1], [Step.DRAW, 0, -1], [Step.POP, 0, 1]]
    assert layers.group_opacities.tolist() == [0.5]
    expected = apply(MATRIX, cubics(clip[0].contours()).segments)
    torch.testing.assert_close(layers.segments[4:], expected)
    assert layers.rules.tolist() == [Rule.NONZERO, Rule.EVEN_ODD]


def test_what_nobody_sees_is_left_out():
    nothing = [
        Group((SQUARE,), opacity=0.0),
        Group((SQUARE,), clip=()),
        Group((), clip=(SQUARE,)),
        Group(()),
        replace(SQUARE, fill=None),
        replace(SQUARE, fill_opacity=0.0),
        Line(vector(0, 0), vector(1, 1), fill=colour()),
        Line(vector(0, 0), vector(1, 1), stroke=Stroke(colour(), 0.0)),
        replace(SQUARE, fill=LinearGradient(vector(0, 0), vector(1, 0), stops(0))),
        Polygon(torch.zeros(0, 2).double(), fill=colour()),
    ]
    for node in nothing:
        layers = scene_to_layers(scene(node))
        assert (len(layers.steps), len(layers.rules)) == (0, 0), node
    assert scene_to_layers(Scene((), 5.0, 5.0)).segments.shape == (0, 4, 2)
    # What may be optimized stays.
    zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert len(scene_to_layers(scene(replace(SQUARE, fill_opacity=zero))).steps) == 1
    thin = Line(vector(0, 0), vector(1, 1), stroke=Stroke(colour(), zero))
    assert len(scene_to_layers(scene(thin)).steps) == 1


def test_a_linear_gradient_runs_from_its_start_to_its_end():
    gradient = LinearGradient(vector(3, 4), vector(9, 7), stops())
    layers = scene_to_layers(scene(replace(SQUARE, fill=gradient, transform=MATRIX)))
    to_unit = layers.gradients.to_unit[0]
    ends = apply(MATRIX, torch.stack([gradient.start, gradient.end]))
    torch.testing.assert_close(apply(to_unit, ends), vector(0, 0, 1, 0).view(2, 2))
    # Across it, in its own coordinates, nothing changes.
    across = apply(MATRIX, (gradient.start + vector(-3, 6))[None])
    assert float(apply(to_unit, across)[0, 0]) == pytest.approx(0)
    assert layers.gradient_ids.tolist() == [0]


def test_a_box_gradient_follows_the_shape():
    gradient = LinearGradient(vector(0, 0), vector(1, 1), stops(), Units.BOUNDING_BOX)
    layers = scene_to_layers(scene(replace(SQUARE, fill=gradient)))
    corners = vector(2, 3, 12, 11).view(2, 2)
    moved = apply(layers.gradients.to_unit[0], corners)
    torch.testing.assert_close(moved[:, 0], vector(0, 1))
    flat = Line(vector(2, 3), vector(9, 3), stroke=Stroke(gradient))
    assert len(scene_to_layers(scene(flat)).rules) == 0  # as SVG has it


def test_a_radial_gradient_in_its_unit_space():
    gradient = RadialGradient(vector(5, 6), 4.0, stops(), vector(6, 6), 1.0)
    found = scene_to_layers(scene(replace(SQUARE, fill=gradient))).gradients
    torch.testing.assert_close(apply(found.to_unit[0], vector(9, 6)[None]), vector(1, 0)[None])
    torch.testing.assert_close(found.focus[0], vector(0.25, 0))
    assert found.focal_radius.tolist() == [0.25]
    assert found.radial.tolist() == [True]


@pytest.mark.parametrize("focal_radius", [0.0, 1.0])
def test_a_focus_outside_is_moved_inside(focal_radius):
    gradient = RadialGradient(vector(5, 6), 4.0, stops(), vector(25, 6), focal_radius)
    found = scene_to_layers(scene(replace(SQUARE, fill=gradient))).gradients
    distance = float(found.focus[0].norm() + found.focal_radius[0])
    assert 0.99 < distance < 1
    assert found.focus[0, 1] == 0


@pytest.mark.parametrize(
    "paint",
    [
        LinearGradient(vector(1, 2), vector(3, 4), stops(1)),
        LinearGradient(vector(1, 2), vector(1, 2), stops(3)),
        RadialGradient(vector(1, 2), 0.0, stops(3)),
    ],
)
def test_gradients_without_an_extent_are_their_last_colour(paint):
    layers = scene_to_layers(scene(replace(SQUARE, fill=paint, fill_opacity=0.5)))
    torch.testing.assert_close(layers.colours[0], paint.stops.colours[-1])
    torch.testing.assert_close(layers.opacities[0], paint.stops.opacities[-1] / 2)
    assert layers.gradients is None
    assert layers.gradient_ids.tolist() == [-1]


def test_offsets_never_fall():
    given = Stops(vector(0.5, 0.2, 1.5), torch.rand(3, 3).double(), torch.ones(3).double())
    gradient = LinearGradient(vector(1, 2), vector(3, 4), given)
    found = scene_to_layers(scene(replace(SQUARE, fill=gradient))).gradients
    assert found.positions.tolist() == [0.5, 0.5, 1.0]


def lengths_of(line):
    lengths, _ = arc_lengths(line.segments, 1e-4)
    return [float(part.sum()) for part in lengths.split(line.counts.tolist())]


def test_dashes_have_their_lengths():
    circle = cubics(Circle(vector(0, 0), 10.0).contours())
    pieces = dashed(circle, vector(5, 2), 0.0, 1e-3)
    # 62.83 around: the ninth dash ends at 61. Its curves are longer than the chords are by 4e-5.
    assert lengths_of(pieces) == pytest.approx([5.0] * 9, abs=1e-3)
    assert not pieces.closed.any()


def test_dashes_on_a_line():
    line = cubics((Contour(vector(0, 0, 3, 0, 10, 0).view(3, 2), (1, 1)),))
    pieces = dashed(line, vector(4, 1), 2.0, 1e-3)
    ends = [
        (float(part[0, 0, 0]), float(part[-1, 3, 0]))
        for part in pieces.segments.split(pieces.counts.tolist())
    ]
    assert ends == [pytest.approx(pair) for pair in [(0, 2), (3, 7), (8, 10)]]
    assert (pieces.segments[:, :, 1] == 0).all()
    # An odd pattern is used twice over.
    odd = dashed(line, vector(1), 0.0, 1e-3)
    even = dashed(line, vector(1, 1), 0.0, 1e-3)
    torch.testing.assert_close(odd.segments, even.segments)


def test_a_dash_runs_on_through_the_start_of_a_closed_line():
    square = cubics(Rectangle(vector(0, 0), vector(10, 10)).contours())
    pieces = dashed(square, vector(8, 4), 4.0, 1e-3)
    assert lengths_of(pieces) == pytest.approx([8, 8, 12], abs=1e-3)
    # The last one begins 8 before the corner and goes 4 beyond it.
    last = pieces.segments[-int(pieces.counts[-1]) :]
    torch.testing.assert_close(last[0, 0], vector(0, 8))
    torch.testing.assert_close(last[-1, 3], vector(4, 0))
    whole = dashed(square, vector(100, 1), 0.0, 1e-3)
    assert whole.closed.all()


def test_patterns_without_gaps_or_dashes():
    line = cubics((Contour(vector(0, 0, 10, 0).view(2, 2), (1,)),))
    assert dashed(line, vector(0, 0), 0.0, 1e-3) is line
    assert dashed(line, vector(5, 100), 20.0, 1e-3) is None
    dots = dashed(line, vector(0, 4), 0.0, 1e-3)
    assert dots.segments[:, 0, 0].tolist() == pytest.approx([0, 4, 8], abs=1e-3)
    with pytest.raises(ValueError, match="1,000,000"):
        dashed(line, vector(1e-9, 1e-9), 0.0, 1e-3)


def test_dashes_are_differentiable():
    points = vector(0, 0, 4, 9, 9, -3, 12, 5).view(4, 2).requires_grad_()
    pattern, offset = vector(2, 1, 1.5).requires_grad_(), vector(0.3).squeeze().requires_grad_()

    def segments(points, pattern, offset):
        return dashed(cubics((Contour(points, (3,)),)), pattern, offset, 1e-3).segments

    assert torch.autograd.gradcheck(segments, (points, pattern, offset), atol=1e-4)


NAN = float("nan")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            Circle(vector(1, NAN), 2.0, fill=colour()),
            r"shape 1\.0 \(Circle\): points must be finite",
        ),
        (Circle(vector(1, 1), -2.0, fill=colour()), r"shape 1\.0 \(Circle\): radius must not be"),
        (
            replace(SQUARE, stroke=Stroke(colour(), -1.0)),
            r"\(Rectangle\): width must be at least 0",
        ),
        (replace(SQUARE, stroke=Stroke(colour(), NAN)), "width must be finite"),
        (
            replace(SQUARE, stroke=Stroke(colour(), miter_limit=0.5)),
            "miter limit must be at least 1",
        ),
        (replace(SQUARE, stroke=Stroke(colour(), dashes=vector(1, -1))), "dashes must be"),
        (replace(SQUARE, fill=colour(0.1, NAN, 0.3)), "colour must be finite"),
        (replace(SQUARE, fill=SolidPaint(vector(1, 2))), r"colour must have the shape \[3\]"),
        (replace(SQUARE, opacity=math.inf), "opacity must be finite"),
        (replace(SQUARE, transform=MATRIX * NAN), "transform must be finite"),
        (
            replace(SQUARE, transform=torch.eye(3).double()),
            r"transform must have the shape \[2, 3\]",
        ),
        (
            replace(SQUARE, fill=LinearGradient(vector(1, NAN), vector(1, 2), stops())),
            "gradient must be finite",
        ),
        (Group((SQUARE,), opacity=NAN), r"group 1\.0: opacity"),
        (Group((SQUARE,), clip=(Circle(vector(1, 1), -1.0),)), r"clip of group 1\.0: radius"),
    ],
)
def test_what_cannot_be_drawn_is_named(node, message):
    with pytest.raises(ValueError, match=message):
        scene_to_layers(scene(SQUARE, Group((node,))))


def test_mixed_dtypes_are_refused():
    single = map_tensors(lambda tensor: tensor.float(), SQUARE)
    with pytest.raises(ValueError, match="one dtype"):
        scene_to_layers(scene(SQUARE, single))
    assert scene_to_layers(Scene((single,), 5, 5)).segments.dtype == torch.float32
