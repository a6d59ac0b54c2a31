"""Paths painted by one call of a kernel: the same bits as op by op, whatever is asked of it."""

import pytest
import torch

from curvox.curves import paths as paths_module
from curvox.curves.layers import Cap, Join, Rule
from curvox.curves.paths import render_paths

STYLES = {
    "fill": {"closed": True},
    "even-odd": {"closed": True, "rule": Rule.EVEN_ODD},
    "open fill": {"closed": False},
    "quadratics": {"closed": True, "degree": 2},
    "lines": {"closed": False, "degree": 1, "stroked": True},
    "round": {"closed": False, "stroked": True},
    "square bevel": {"closed": False, "stroked": True, "cap": Cap.SQUARE, "join": Join.BEVEL},
    "miter": {"closed": True, "stroked": True, "join": Join.MITER, "miter_limit": 9.0},
    "butt": {"closed": False, "stroked": True, "cap": Cap.BUTT, "tolerance": 0.3},
}


def _drawing(style, batch=(), count=5, paper=True, dtype=torch.float32):
    """Points, colours, opacities, widths or None, background or None; and all other arguments."""
    style = dict(style)
    generator = torch.Generator().manual_seed(3)

    def leaf(*shape, scale=1.0):
        values = scale * torch.rand(*batch, count, *shape, generator=generator)
        return values.to(dtype).requires_grad_()

    degree, closed = style.get("degree", 3), style["closed"]
    points = leaf(4 * degree + (not closed), 2, scale=50.0)
    widths = leaf(scale=4.0) if style.pop("stroked", False) else None
    background = torch.rand(3, generator=generator).to(dtype).requires_grad_() if paper else None
    return [points, leaf(3), leaf(), widths, background], style


def _image(tensors, style, **others):
    points, colours, opacities, widths, background = tensors
    return render_paths(
        points,
        37,
        70,
        colours=colours,
        opacities=opacities,
        stroke_widths=widths,
        background=background,
        **style,
        **others,
    )


def _results(tensors, style):
    """The image, and the gradients of all tensors that there are."""
    image = _image(tensors, style)
    cotangent = torch.linspace(-1, 1, image.numel()).view(image.shape)
    return image, *torch.autograd.grad(image, [t for t in tensors if t is not None], cotangent)


@pytest.fixture
def apart(monkeypatch):
    """A function: from now on pictures are made op by op."""

    def turn():
        def op_by_op(*drawing):
            return paths_module._paint_apart(*drawing, None)

        monkeypatch.setattr(paths_module, "paint_paths", op_by_op)

    return turn


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("paper", [False, True])
@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
def test_bits_are_those_of_the_ops(style, paper, batch, apart):
    tensors, style = _drawing(style, batch, paper=paper)
    together = _results(tensors, style)
    apart()
    for ours, op_by_op in zip(together, _results(tensors, style), strict=True):
        assert torch.equal(ours, op_by_op)


def test_nothing_is_painted_without_paths(apart):
    tensors, style = _drawing({"closed": True}, count=0)
    image, *gradients = _results(tensors, style)
    assert torch.equal(image, tensors[-1].expand(37, 70, 3))
    apart()
    assert torch.equal(gradients[-1], _results(tensors, style)[-1])


@pytest.mark.parametrize("kind", ["fill", "round"])
def test_same_bits_for_any_number_of_threads(kind, threads):
    tensors, style = _drawing(STYLES[kind], (2,), count=150)
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(_results(tensors, style))
    for others in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], others, strict=True))


@pytest.mark.parametrize("wanted", range(5))
def test_one_gradient_alone_has_the_same_bits(wanted):
    tensors, style = _drawing(STYLES["round"])
    whole = _results(tensors, style)[1 + wanted]
    alone = [t.detach() for t in tensors]
    alone[wanted].requires_grad_()
    image = _image(alone, style)
    cotangent = torch.linspace(-1, 1, image.numel()).view(image.shape)
    image.backward(cotangent)
    assert torch.equal(alone[wanted].grad, whole)
    assert all(t.grad is None for k, t in enumerate(alone) if k != wanted)


def test_strides_do_not_matter():
    tensors, style = _drawing(STYLES["fill"])
    points, colours = (t.detach().mT.contiguous().mT.requires_grad_() for t in tensors[:2])
    assert not points.is_contiguous()
    image = _image([points, colours, tensors[2], None, None], style)
    expected = _image([*tensors[:3], None, None], style)
    assert torch.equal(image, expected)
    cotangent = torch.rand(4, 37, 70).permute(1, 2, 0)
    (ours,) = torch.autograd.grad(image, points, cotangent)
    (wanted,) = torch.autograd.grad(expected, tensors[0], cotangent.contiguous())
    assert torch.equal(ours, wanted)


def test_the_way_back_can_be_gone_twice_but_not_from_what_was_changed():
    tensors, style = _drawing(STYLES["round"])
    image = _image(tensors, style)
    first = torch.autograd.grad(image.sum(), tensors, retain_graph=True)
    again = torch.autograd.grad(image.sum(), tensors, retain_graph=True)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    with torch.no_grad():
        tensors[1].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(image.sum(), tensors)


def test_second_derivatives_are_refused():
    tensors, style = _drawing(STYLES["fill"], paper=False)
    image = _image(tensors, style)
    (gradient,) = torch.autograd.grad(image.square().sum(), tensors[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


BAD = {
    "colours": (1, torch.zeros(4, 3), ValueError, r"colours must be \[5, 3\]"),
    "opacities": (2, torch.full((5,), 1.5), ValueError, "opacity of path 0 must lie in 0 to 1"),
    "widths": (3, torch.zeros(5, dtype=torch.float64), TypeError, "stroke_widths is torch.float64"),
    "endless": (3, torch.full((5,), torch.inf), ValueError, "width of path 0"),
    "background": (4, torch.full((3,), torch.nan), ValueError, "colour of background 0"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_bad_tensors_are_named(case):
    number, tensor, error, message = case
    tensors, style = _drawing(STYLES["round"])
    tensors[number] = tensor
    with pytest.raises(error, match=message):
        _image(tensors, style)


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ({"tolerance": 0.0}, "tolerance must lie in"),
        ({"miter_limit": 0.5}, "miter limit of path 0"),
        ({"cap": 3}, "cap of path 0 must be 0 to 2, got 3"),
        ({"rule": 2}, "rule of path 0 must be 0 to 1, got 2"),
    ],
)
def test_bad_settings_are_named(style, message):
    tensors, own = _drawing(STYLES["round"])
    with pytest.raises(ValueError, match=message):
        _image(tensors, own | style)


def test_miters_beyond_the_canvas_of_floats_are_refused():
    needle = torch.tensor([[[0.0, 0], [1000, 0], [0, 17]]])
    style = {"closed": False, "degree": 1, "join": Join.MITER, "miter_limit": 1e9}
    tensors = [needle, torch.ones(1, 3), torch.ones(1), torch.full((1,), 1e6), None]
    with pytest.raises(ValueError, match="coordinate of vertex"):
        _image(tensors, style)
