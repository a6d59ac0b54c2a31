"""Many paths at once: what render_paths draws, and that learning through it works."""

import pytest
import torch

from curvox.curves.layers import Layers, Rule
from curvox.curves.paths import render_paths
from curvox.curves.render_layers import render_layers


def _paths(count, points, size=48.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, points, 2, generator=generator) * size).requires_grad_()


@pytest.mark.parametrize(("degree", "points"), [(1, 5), (2, 8), (3, 9)])
@pytest.mark.parametrize("stroked", [False, True])
def test_degrees_agree_with_the_reference(degree, points, stroked):
    paths = _paths(4, points)
    colours = torch.rand(4, 3, requires_grad=True)
    widths = torch.full((4,), 3.0) if stroked else None
    results = []
    for double in (False, True):
        cast = [t.double() if double and t is not None else t for t in (paths, colours, widths)]
        image = render_paths(
            cast[0],
            40,
            50,
            colours=cast[1],
            stroke_widths=cast[2],
            closed=True,
            degree=degree,
            rule=Rule.EVEN_ODD,
            backend="torch" if double else None,
        )
        weights = torch.linspace(0, 1, image.numel()).view(image.shape).to(image)
        results.append([image, *torch.autograd.grad((image * weights).sum(), [paths, colours])])
    assert (results[0][0] - results[1][0]).abs().max() < 1e-4
    for ours, exact in zip(results[0][1:], results[1][1:], strict=True):
        assert (ours - exact).norm() < 2e-2 * exact.norm()


def test_a_batch_is_many_pictures():
    paths = _paths(6, 12).detach().view(3, 2, 12, 2)
    colours, opacities = torch.rand(3, 2, 3), torch.rand(3, 2)
    together = render_paths(paths, 32, 40, colours=colours, opacities=opacities)
    for i in range(3):
        alone = render_paths(paths[i], 32, 40, colours=colours[i], opacities=opacities[i])
        assert torch.equal(together[i], alone)


def test_open_paths_are_filled_once():
    """An open filled path covers what the closed one does; in DiffVG it covers it twice."""
    corners = torch.tensor([[[5.0, 5], [25, 5], [25, 25], [5, 25]]])
    opened = render_paths(corners, 30, 30, colours=torch.ones(1, 3), closed=False, degree=1)
    assert float(opened[..., 3].sum()) == pytest.approx(400)


def test_a_square_finds_its_place():
    """Gradient descent through the renderer moves, scales and colours a square onto another."""
    target = torch.tensor([[[12.0, 9], [33, 9], [33, 30], [12, 30]]])
    red = torch.tensor([[1.0, 0.2, 0.1]])
    ground = torch.ones(3)
    wanted = render_paths(target, 40, 40, colours=red, degree=1, background=ground)
    points = torch.tensor([[[4.0, 14], [20, 14], [20, 34], [4, 34]]], requires_grad=True)
    colour = torch.full((1, 3), 0.5, requires_grad=True)
    optimizer = torch.optim.Adam([{"params": points, "lr": 0.5}, {"params": colour, "lr": 0.02}])
    for _ in range(200):
        optimizer.zero_grad()
        image = render_paths(points, 40, 40, colours=colour, degree=1, background=ground)
        (image - wanted).square().mean().backward()
        optimizer.step()
    assert (points - target).abs().max() < 0.1
    assert (colour - red).abs().max() < 0.01


def test_layers_mix_fills_strokes_and_transforms():
    """A stroke scaled by (3, 1) is wider across than along; its coverage is exact."""
    line = torch.tensor([[5.0, 5], [5, 10], [5, 15], [5, 20]])
    square = torch.tensor(
        [[[40.0, 5], [40, 5], [50, 5], [50, 5]], [[50.0, 5]] * 2 + [[50, 25]] * 2]
    )
    codes = torch.zeros(2, dtype=torch.uint8)
    layers = Layers(
        segments=torch.cat([line[None], square]),
        contours=torch.tensor([0, 1, 3]),
        closed=torch.tensor([False, True]),
        paths=torch.tensor([0, 1, 2]),
        transforms=torch.tensor([[[3.0, 0, 1], [0, 1, 2]], [[1, 0, 0], [0, 1, 0]]]),
        rules=codes,
        stroked=torch.tensor([True, False]),
        widths=torch.tensor([2.0, 0.0]),
        caps=codes,
        joins=codes,
        miter_limits=torch.full((2,), 4.0),
        colours=torch.ones(2, 3),
        opacities=torch.ones(2),
        gradient_ids=torch.full((2,), -1, dtype=torch.int32),
        gradients=None,
        steps=torch.tensor([[0, 0, -1], [0, 1, -1]], dtype=torch.int32),
        group_opacities=torch.zeros(0),
    )
    alpha = render_layers(layers, 40, 60)[..., 3]
    assert float(alpha[:, :35].sum()) == pytest.approx(6 * 15, rel=1e-4)
    assert float(alpha[7:22, 13:19].min()) > 1 - 1e-6
    assert float(alpha[:, 35:].sum()) == pytest.approx(100, rel=1e-4)


def test_compiled_functions_keep_their_gradients():
    """torch.compile goes around the renderer, and gives the same bits."""
    points, colours = _paths(3, 9), torch.rand(3, 3, requires_grad=True)

    def loss(points, colours):
        image = render_paths(2 * points, 40, 40, colours=colours.sigmoid())
        return (image - 0.3).square().mean()

    plain = torch.autograd.grad(loss(points, colours), [points, colours])
    compiled = torch.compile(loss, backend="aot_eager")
    traced = torch.autograd.grad(compiled(points, colours), [points, colours])
    assert all(torch.equal(a, b) for a, b in zip(plain, traced, strict=True))


def test_pictures_in_inference_mode_leave_learning_alone():
    """What is kept from call to call was once made there, and autograd could not save it."""
    points, colours = 20 * torch.rand(2, 9, 2), torch.ones(2, 3)
    with torch.inference_mode():
        render_paths(points, 23, 20, colours=colours)
    points.requires_grad_()
    render_paths(points, 23, 20, colours=colours).sum().backward()
    assert points.grad.abs().sum() > 0


BAD = {
    "open": (torch.zeros(1, 9, 2), {"closed": False}, r"open paths need D S \+ 1 points"),
    "closed": (torch.zeros(1, 10, 2), {}, "closed paths need D S points"),
    "degree": (torch.zeros(1, 9, 2), {"degree": 4}, "degree must be 1, 2 or 3, got 4"),
    "shape": (torch.zeros(9, 2), {}, "control_points must be"),
    "no picture": (torch.zeros(0, 1, 9, 2), {}, "batch must hold at least one picture"),
    "nan": (torch.full((1, 9, 2), torch.nan), {}, "control points of path 0"),
    "width": (
        torch.zeros(1, 9, 2),
        {"stroke_widths": torch.tensor([-1.0]), "closed": True},
        "width of path 0",
    ),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_bad_input_is_named(case):
    points, others, message = case
    with pytest.raises(ValueError, match=message):
        render_paths(points, 8, 8, colours=torch.zeros(1, 3), **others)
