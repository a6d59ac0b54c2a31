"""Penalties on control points: what they punish, their gradients, and points that coincide."""

import math

import pytest
import torch

from curvox.curves.regularizers import crossing_penalty, length_penalty, smoothness_penalty

PENALTIES = [crossing_penalty, smoothness_penalty, length_penalty]
ARCH = [[0.0, 0.0], [0.0, 20.0], [30.0, 20.0], [30.0, 0.0]]
LOOP = [[0.0, 0.0], [40.0, 20.0], [-10.0, 20.0], [30.0, 0.0]]
SNAKE = [[0.0, 0.0], [10.0, 20.0], [20.0, -20.0], [22.0, 0.0]]


def _circle(radius, segments=4):
    """A closed path [1, 3 S, 2]."""
    angles = torch.arange(segments, dtype=torch.float64) * (2 * math.pi / segments)
    reach = 4 / 3 * math.tan(math.pi / (2 * segments))
    ends = torch.stack([angles.cos(), angles.sin()], 1)
    tangents = reach * torch.stack([-angles.sin(), angles.cos()], 1)
    inner = [ends + tangents, (ends - tangents).roll(-1, 0)]
    return radius * torch.stack([ends, *inner], 1).view(1, -1, 2) + 50


def _random(count, points, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 60 * torch.rand(count, points, 2, generator=generator, dtype=torch.float64)


def test_crossing_tells_loops_from_arches():
    arch, loop, snake = crossing_penalty(torch.tensor([ARCH, LOOP, SNAKE]))
    assert arch == 0
    assert loop > 0.3
    assert snake > 0
    assert crossing_penalty(_circle(20.0)).item() == 0


def test_crossing_is_the_published_formula():
    paths = _random(40, 12)
    following = torch.cat([paths, paths[:, :1]], 1)
    total = torch.zeros(40, dtype=torch.float64)
    for start in range(0, 12, 3):
        a, b, c, d = following[:, start : start + 4].unbind(1)

        def sine(u, v):
            return (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / (u.norm(dim=1) * v.norm(dim=1))

        direct = (sine(b - a, c - b) > 0).double()
        opposite = sine(b - a, d - c)
        total += direct * (-opposite).relu() + (1 - direct) * opposite.relu()
    torch.testing.assert_close(crossing_penalty(paths), total / 4, rtol=0, atol=1e-3)


def test_crossing_opens_a_loop():
    points = torch.tensor([LOOP], requires_grad=True)
    optimizer = torch.optim.Adam([points], lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        crossing_penalty(points).sum().backward()
        optimizer.step()
    assert crossing_penalty(points).item() < 1e-3


def test_smoothness_counts_corners():
    assert smoothness_penalty(_circle(20.0)).item() == pytest.approx(0, abs=1e-4)
    corner = torch.tensor([[[0.0, 0], [10, 0], [20, 0], [30, 0], [30, 10], [30, 20], [30, 30]]])
    assert smoothness_penalty(corner).item() == pytest.approx(1, abs=1e-4)
    back = torch.tensor([[[0.0, 0], [10, 0], [20, 0], [30, 0], [20, 0], [10, 0], [0, 0]]])
    assert smoothness_penalty(back).item() == pytest.approx(2, abs=1e-3)
    assert smoothness_penalty(torch.tensor([ARCH])).item() == 0  # there is no joint


def test_length_of_lines_and_circles():
    line = torch.tensor([[[0.0, 0], [1, 1], [2, 2], [30, 40]]])
    assert length_penalty(torch.tensor([[[0.0, 0], [1, 0], [5, 0], [9, 0]]])).item() == (
        pytest.approx(9, rel=1e-6)
    )
    assert length_penalty(line).item() > 50
    assert length_penalty(_circle(20.0)).item() == pytest.approx(40 * math.pi, rel=3e-4)
    # Against ten thousand chords.
    points = torch.tensor([ARCH], dtype=torch.float64)
    t = torch.linspace(0, 1, 10_001, dtype=torch.float64)[:, None]
    basis = torch.cat([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3], 1)
    chords = (basis @ points[0]).diff(dim=0).norm(dim=1).sum()
    assert length_penalty(points).item() == pytest.approx(chords.item(), rel=1e-6)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("points", [12, 10])
def test_gradients_are_those_of_finite_differences(penalty, points):
    assert torch.autograd.gradcheck(penalty, _random(3, points, seed=1).requires_grad_())


@pytest.mark.parametrize("penalty", PENALTIES)
def test_points_that_coincide_give_finite_gradients(penalty):
    dot, line = torch.zeros(12, 2), torch.tensor([[3.0, 5.0]]).expand(12, 2).clone()
    line[6:, 0] += 10
    tiny = 1e-25 * torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
    far = 1e7 * torch.randn(12, 2, generator=torch.Generator().manual_seed(1))
    paths = torch.stack([dot, line, tiny, far]).requires_grad_()
    values = penalty(paths)
    values.sum().backward()
    assert values.isfinite().all()
    assert paths.grad.isfinite().all()
    assert paths.grad.abs().max() < 100


@pytest.mark.parametrize("penalty", PENALTIES)
def test_any_number_of_pictures_and_paths(penalty):
    paths = _random(6, 12).view(2, 3, 12, 2)
    torch.testing.assert_close(penalty(paths)[1], penalty(paths[1]))
    assert penalty(paths[0, :0]).shape == (0,)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_bad_input_is_named(penalty):
    with pytest.raises(ValueError, match=r"3 S points if closed and 3 S \+ 1 if open, got 11"):
        penalty(torch.zeros(1, 11, 2))
    with pytest.raises(ValueError, match=r"control_points must be \[..., P, 2\], got \[12\]"):
        penalty(torch.zeros(12))
    with pytest.raises(TypeError, match="control_points must be float32 or float64"):
        penalty(torch.zeros(1, 12, 2, dtype=torch.int64))
