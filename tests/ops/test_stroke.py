"""Flattened curves and outlines of strokes: against references, known areas, hostile curves."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.flatten import flatten
from curvox.ops.paint import paint_layers
from curvox.ops.stroke import stroke

BUTT, ROUND, SQUARE = range(3)
MITER, ROUND_JOIN, BEVEL = range(3)


def _code(value):
    return torch.tensor([value], dtype=torch.uint8)


def _outline(segments, width, cap=BUTT, join=MITER, closed=False, limit=4.0, **others):
    width = width if isinstance(width, torch.Tensor) else segments.new_tensor([width])
    contours, style = torch.tensor([0, len(segments)]), (_code(cap), _code(join))
    limits = segments.new_tensor([limit])
    closed = torch.tensor([closed])
    return stroke(segments, contours, closed, width, *style, limits, **others)


def _picture(segments, width, size=40, **style):
    """Coverage of a stroke, [size, size]."""
    vertices, offsets = _outline(segments, width, **style)
    loops = torch.stack([offsets[:-1], offsets[1:]], 1)
    inks = vertices.new_ones(1, 3), vertices.new_ones(1)
    ends = torch.tensor([0, len(loops)])
    return paint_layers(vertices, loops, ends, _code(0), *inks, size, size)[0, ..., 3]


def _line(*points):
    corners = torch.tensor(points, dtype=torch.float32)
    starts, ends = corners[:-1], corners[1:]
    return torch.stack([starts, starts + (ends - starts) / 3, ends + (starts - ends) / 3, ends], 1)


AREAS = {
    "butt": (_line((10, 20), (30, 20)), {"cap": BUTT}, 80),
    "square": (_line((10, 20), (30, 20)), {"cap": SQUARE}, 96),
    "round": (_line((10, 20), (30, 20)), {"cap": ROUND}, 80 + 4 * math.pi),
    "slanted": (_line((10, 12), (30, 27)), {"cap": BUTT}, 100),
    "bevel": (_line((10, 10), (30, 10), (30, 30)), {"join": BEVEL}, 160 - 4 + 2),
    "miter": (_line((10, 10), (30, 10), (30, 30)), {"join": MITER}, 160),
    "round join": (_line((10, 10), (30, 10), (30, 30)), {"join": ROUND_JOIN}, 156 + math.pi),
    "limited miter": (_line((10, 10), (30, 10), (30, 30)), {"limit": 1.2}, 158),
    "turned round": (_line((10, 20), (30, 20), (10, 20)), {"join": BEVEL}, 80),
    "closed": (_line((10, 10), (30, 10), (30, 30), (10, 30), (10, 10)), {"closed": True}, 320),
    "dot": (_line((20, 20), (20, 20)), {"cap": ROUND}, 4 * math.pi),
    "square dot": (_line((20, 20), (20, 20)), {"cap": SQUARE}, 16),
    "no dot": (_line((20, 20), (20, 20)), {"cap": BUTT}, 0),
}


@pytest.mark.parametrize("case", AREAS.values(), ids=AREAS.keys())
def test_areas_of_strokes_four_wide(case):
    segments, style, area = case
    assert float(_picture(segments, 4.0, **style).sum()) == pytest.approx(area, rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("width", [0.01, 0.1, 0.5, 1.0, 3.0])
def test_thin_strokes_keep_their_area(width):
    """A slanted hair of any width covers width times length."""
    covered = float(_picture(_line((4, 6), (33, 29)), width).sum())
    assert covered == pytest.approx(width * math.hypot(29, 23), rel=2e-3)


def test_an_evenly_spaced_cubic_line_keeps_its_body():
    """DiffVG draws such a stroke with area 25 instead of 232."""
    assert float(_picture(_line((5, 20), (34, 20)), 8.0).sum()) == pytest.approx(232, rel=1e-4)


def _circle(centre, radius):
    """Eight cubics, off a circle by 4e-6 of its radius."""
    angles = torch.arange(9) * math.pi / 4
    points = torch.stack([angles.cos(), angles.sin()], 1)
    tangents = torch.stack([-angles.sin(), angles.cos()], 1) * (4 / 3 * math.tan(math.pi / 16))
    cubics = [points[:-1], (points + tangents)[:-1], (points - tangents)[1:], points[1:]]
    return centre + radius * torch.stack(cubics, 1)


def test_a_circle_wider_than_its_radius_is_filled():
    """The inner side of the stroke turns inside out, and must not cut a hole."""
    covered = _picture(_circle(20, 3.0), 10.0, closed=True)
    assert float(covered.sum()) == pytest.approx(math.pi * 64, rel=1.2e-2)
    assert float(covered[15:25, 15:25].min()) > 0.999


def test_the_radius_of_a_stroked_circle_has_a_gradient():
    """The covered area 2 pi r w grows by 2 pi w; DiffVG says 252 instead of 37.7.
    (Sides of the polygon lie where the circle's do on average, but are as far apart as its corners:
    3e-3 too near.)
    """
    radius = torch.tensor(10.0, requires_grad=True)
    width = torch.tensor([6.0], requires_grad=True)
    _picture(_circle(20, radius), width, closed=True).sum().backward()
    assert float(radius.grad) == pytest.approx(2 * math.pi * 6, rel=4e-3)
    assert float(width.grad) == pytest.approx(2 * math.pi * 10, rel=4e-3)


@pytest.mark.parametrize("radius", [1.0, 3.0, 9.0, 18.0])
def test_polygons_keep_the_area_of_their_curves(radius):
    """Inscribed ones would lack 3 to 6 thousandths."""
    vertices, _ = flatten(_circle(20, radius), torch.tensor([0, 8]))
    x, y = (vertices - 20).double().unbind(1)
    area = float((x * y.roll(-1) - x.roll(-1) * y).sum()) / 2
    assert area == pytest.approx(math.pi * radius**2, rel=1e-3)
    assert len(vertices) <= 41


@given(st.integers(0, 2**31), st.sampled_from([0.3, 2.0, 15.0]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_kernels_against_references(seed, width, closed):
    """Vertices and gradients of random chains, some with control points that coincide."""
    generator = torch.Generator().manual_seed(seed)
    segments = torch.rand(3, 4, 2, generator=generator) * 40
    if seed % 3 == 0:
        segments[1, 1] = segments[1, 0]
    if seed % 5 == 0:
        segments[2] = segments[2, 0]
    segments[1:, 0] = segments[:-1, 3]
    segments[-1, 3] = segments[0, 0] if closed else segments[-1, 3]
    style = {"cap": seed % 3, "join": seed // 3 % 3, "closed": closed}

    def results(double, backend):
        to = torch.float64 if double else torch.float32
        points = segments.to(to).requires_grad_()
        pen = torch.tensor([width], dtype=to, requires_grad=True)
        polygon = flatten(points, torch.tensor([0, 3]), backend=backend)
        outline = _outline(points, pen, backend=backend, **style)
        vertices = torch.cat([polygon[0], outline[0]])
        noise = torch.Generator().manual_seed(1)
        cotangent = torch.randn(vertices.shape, generator=noise).to(to)
        gradients = torch.autograd.grad(vertices, [points, pen], cotangent)
        return torch.cat([polygon[1], outline[1]]), vertices.detach(), *gradients

    ours, exact = results(False, None), results(True, "torch")
    if not torch.equal(ours[0], exact[0]):  # rounding decided how many pieces, or whether to cut
        return
    apart = (ours[1] - exact[1]).abs()
    assert apart.max() < 0.05  # close to cusps directions are ill-conditioned
    assert apart.mean() < 1e-4
    for mine, theirs in zip(ours[2:], exact[2:], strict=True):
        assert (mine - theirs).norm() <= 1e-2 * theirs.norm() + 1e-3


@given(st.integers(0, 2**31), st.sampled_from([1e-3, 1.0, 60.0]))
@settings(max_examples=60, deadline=None)
def test_what_is_stroked_covers_the_curve(seed, width):
    """Every point of a wild curve, cusps and loops included, lies in its stroke, which stays within
    the box of the curve grown by half the width (round joins): corners of curves and of arcs stand
    outside by a sixteenth each at most.
    """
    generator = torch.Generator().manual_seed(seed)
    segments = torch.randint(0, 5, (2, 4, 2), generator=generator).float() * 9
    segments[1, 0] = segments[0, 3]
    vertices, _ = _outline(segments, width, ROUND, ROUND_JOIN)
    points, _ = flatten(segments, torch.tensor([0, 2]), tolerance=0.01)
    reach = width / 2 + 2 / 16 + 0.02
    assert (vertices.amin(0) >= points.amin(0) - reach).all()
    assert (vertices.amax(0) <= points.amax(0) + reach).all()
    if width >= 1.0:
        inside = points[(points > 1).all(1) & (points < 39).all(1)].long()
        covered = _picture(segments, max(width, 4.0), cap=ROUND, join=ROUND_JOIN)
        assert (covered[inside[:, 1], inside[:, 0]] > 0.9).all()


def test_a_curve_that_turns_straight_back_has_its_join():
    """Rounding made both sides the inner one once."""
    first = torch.tensor([[18.0, 0], [18, 27], [9, 0], [36, 36]])
    second = torch.tensor([[36.0, 36], [9, 0], [18, 18], [36, 18]])
    segments = torch.stack([first, second])
    for width in (1.0, 4.0, 9.0):
        covered = _picture(segments, width, cap=ROUND, join=ROUND_JOIN)
        assert float(covered[36:, 36:].sum()) > 0.3 * min(width, 4) ** 2 / 4


def test_any_number_of_threads_gives_the_same_bits(threads):
    points = torch.rand(3000, 4, 2, generator=torch.Generator().manual_seed(0)) * 90
    contours = torch.arange(0, 3001, 3)
    count = len(contours) - 1
    codes = torch.ones(count, dtype=torch.uint8)
    results = []
    for number in (1, 3):
        threads(number)
        leaf, widths = points.clone().requires_grad_(), torch.full((count,), 3.0).requires_grad_()
        opened = torch.zeros(count, dtype=torch.bool)
        outline, _ = stroke(leaf, contours, opened, widths, codes, codes, torch.ones(count))
        polygon, _ = flatten(leaf, contours)
        total = torch.cat([outline, polygon])
        results.append([total, *torch.autograd.grad(total.square().sum(), [leaf, widths])])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("points", [torch.full((1, 4, 2), math.nan), torch.full((1, 4, 2), 2e6)])
def test_points_out_of_range_are_named(points):
    with pytest.raises(ValueError, match="control points of segment 0 must lie in"):
        flatten(points, torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="control points of segment 0 must lie in"):
        _outline(points, 1.0)


def test_negative_widths_are_named():
    with pytest.raises(ValueError, match="width of contour 0 must lie in 0 to"):
        _outline(_line((0, 0), (1, 1)), -1.0)


def test_a_million_points_take_bounded_time():
    """A path of a million points is flattened, stroked and painted in seconds."""
    angles = torch.linspace(0, 600 * math.pi, 1_000_001)
    spiral = 20 + angles[:, None] / 200 * torch.stack([angles.cos(), angles.sin()], 1)
    segments = torch.stack([spiral[:-1], spiral[:-1], spiral[1:], spiral[1:]], 1)
    covered = _picture(segments, 0.02)
    assert covered.isfinite().all()
    assert float(covered.max()) <= 1
