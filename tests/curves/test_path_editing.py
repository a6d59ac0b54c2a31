"""Splitting leaves the picture as it is; pruning drops what cannot be seen."""

import math

import pytest
import torch

from curvox.curves.path_editing import prune_paths, split_paths, visible_areas
from curvox.curves.paths import render_paths
from curvox.curves.regularizers import length_penalty


def _paths(count, points, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 48 * torch.rand(count, points, 2, generator=generator)


@pytest.mark.parametrize(("points", "halved", "error"), [(12, 24, 2e-3), (10, 19, 3e-2)])
def test_splitting_leaves_the_picture(points, halved, error):
    """But for how polygons stand for curves, and for pixels where a stroke crosses itself."""
    paths, colours = _paths(5, points), torch.rand(5, 3)
    widths = torch.full((5,), 2.0) if points == 10 else None
    split = split_paths(paths)
    assert split.shape == (5, halved, 2)
    images = [
        render_paths(each, 48, 48, colours=colours, stroke_widths=widths, tolerance=1e-3)
        for each in (paths, split)
    ]
    assert (images[0] - images[1]).abs().max() < error
    assert (images[0] - images[1]).abs().mean() < error / 20
    assert torch.equal(split[:, ::6], paths[:, ::3])
    torch.testing.assert_close(length_penalty(split), length_penalty(paths), rtol=2e-2, atol=0)


def test_only_the_chosen_are_split():
    paths = _paths(4, 12)
    by_number = split_paths(paths, torch.tensor([3, 1]))
    assert torch.equal(by_number, split_paths(paths)[[3, 1]])
    by_flag = split_paths(paths, torch.tensor([False, True, False, True]))
    assert torch.equal(by_flag, by_number.flip(0))
    assert split_paths(paths, torch.zeros(4, dtype=torch.bool)).shape == (0, 24, 2)


def test_splitting_is_differentiable():
    assert torch.autograd.gradcheck(split_paths, _paths(2, 7).double().requires_grad_())


def _square(side):
    """A closed path of four straight cubics, [12, 2]."""
    corners = side * torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    steps = torch.arange(3)[:, None] / 3
    sides = [a + steps * (b - a) for a, b in zip(corners, corners.roll(-1, 0), strict=True)]
    return torch.cat(sides)


def test_areas_of_fills():
    eight = _square(10.0)
    eight[[6, 9]] = eight[[9, 6]]  # its halves wind against each other
    areas = visible_areas(torch.stack([_square(10.0), eight, torch.zeros(12, 2)]))
    assert areas[0].item() == pytest.approx(100, rel=1e-5)
    assert areas[1] >= 50
    assert areas[2] == 0


def test_areas_of_strokes_and_opacities():
    line = torch.tensor([[[0.0, 0], [10, 0], [20, 0], [30, 0]]]).repeat(2, 1, 1)
    areas = visible_areas(
        line, opacities=torch.tensor([1.0, 0.5]), stroke_widths=torch.tensor([2.0, 4.0])
    )
    torch.testing.assert_close(areas, torch.tensor([64.0, 68.0]))


def test_areas_are_never_less_than_what_is_painted():
    paths = _paths(20, 12)
    areas = visible_areas(paths)
    for path, area in zip(paths, areas.tolist(), strict=True):
        alpha = render_paths(path[None] + 48, 144, 144, colours=torch.ones(1, 3))[..., 3]
        assert area >= 0.98 * alpha.sum().item() - 1


def test_pruning_keeps_what_can_be_seen():
    paths = torch.stack([_square(10.0), _square(0.1), _square(10.0), _square(3.0)])
    opacities = torch.tensor([1.0, 1.0, 1e-3, 0.5])
    assert prune_paths(paths, 1.0, opacities=opacities).tolist() == [0, 3]
    assert prune_paths(paths, 1.0).tolist() == [0, 2, 3]
    assert prune_paths(paths, 1e9).tolist() == []


def test_pruning_by_other_scores():
    paths = _paths(4, 12)
    scores = torch.tensor([0.5, math.nan, 3.0, 0.49])
    kept = prune_paths(paths, 0.5, scores=scores)
    assert kept.tolist() == [0, 2]
    assert kept.dtype == torch.int64


BAD = {
    "batch": (lambda: split_paths(torch.zeros(1, 2, 12, 2)), ValueError, r"must be \[N, P, 2\]"),
    "points": (lambda: split_paths(torch.zeros(1, 8, 2)), ValueError, "got 8"),
    "scores": (
        lambda: prune_paths(torch.zeros(2, 12, 2), 1.0, scores=torch.zeros(3)),
        ValueError,
        r"scores must be \[2\], got \[3\]",
    ),
    "widths": (
        lambda: visible_areas(torch.zeros(2, 12, 2), stroke_widths=torch.zeros(2).double()),
        TypeError,
        "stroke_widths is torch.float64",
    ),
    "opacities": (
        lambda: visible_areas(torch.zeros(2, 12, 2), opacities=torch.zeros(2, 1)),
        ValueError,
        "opacities must be",
    ),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_bad_input_is_named(case):
    call, error, message = case
    with pytest.raises(error, match=message):
        call()
