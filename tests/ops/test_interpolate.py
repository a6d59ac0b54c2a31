"""Interpolation of voxel grids against its reference, on ordinary and on hostile positions."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.interpolate import interpolate

SHAPES = [(2, 2, 2), (2, 40, 3), (9, 2, 5), (7, 8, 9)]


def _grid(shape, channels, seed, device="cpu"):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(shape[0] * shape[1] * shape[2], channels, generator=generator)
    low = torch.randn(3, generator=generator)
    size = torch.rand(3, generator=generator) * 2 + 0.1
    return values.to(device), torch.stack([low, low + size]).to(device)


def _points(box, shape, count, seed):
    """Anywhere around the box; the first ones on its corners, faces and grid points, and at
    positions that are no numbers or very large.
    """
    generator = torch.Generator().manual_seed(seed)
    size = (box[1] - box[0]).cpu()
    points = torch.rand(count, 3, generator=generator) * 1.4 - 0.2
    cells = torch.tensor(shape) - 1
    points[1::5] = (points[1::5] * cells).round() / cells
    points = box[0].cpu() + points * size
    hostile = [float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e-40]
    for index, value in enumerate(hostile[: count // 10]):
        points[10 * index, index % 3] = value
    return points.to(box)


@given(
    shape=st.sampled_from(SHAPES),
    channels=st.sampled_from([1, 2, 3, 12, 17]),
    count=st.integers(0, 200),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_against_the_reference(shape, channels, count, seed):
    """Values and both kinds of gradients; the reference runs in float32, since which cell a grid
    point belongs to is a matter of rounding (the value there is not). Worst seen: 3e-5.
    """
    values, box = _grid(shape, channels, seed)
    points = _points(box, shape, count, seed)
    fast, sparse, exact = (values.clone().requires_grad_() for _ in range(3))
    result = interpolate(fast, shape, box, points)
    expected = interpolate(exact, shape, box, points, backend="torch")
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-4)
    cotangent = torch.randn_like(result)
    result.backward(cotangent)
    expected.backward(cotangent)
    torch.testing.assert_close(fast.grad, exact.grad, rtol=1e-4, atol=1e-3)
    interpolate(sparse, shape, box, points, sparse=True).backward(cotangent)
    assert sparse.grad.is_sparse
    assert torch.equal(sparse.grad.to_dense(), fast.grad)
    rows = sparse.grad._indices()[0]
    assert (rows[1:] > rows[:-1]).all()
    assert set(fast.grad.abs().sum(1).nonzero()[:, 0].tolist()) <= set(rows.tolist())


def test_grid_points_and_faces(device):
    """On a grid point its value; beyond a face, the value on the face."""
    shape = (3, 4, 5)
    values, box = _grid(shape, 2, 0, device)
    axes = [torch.linspace(0, 1, size) for size in shape]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).to(device)
    points = box[0] + grid * (box[1] - box[0])
    torch.testing.assert_close(interpolate(values, shape, box, points), values, rtol=0, atol=1e-5)
    far = torch.where(grid == 1, 1e9, torch.where(grid == 0, -1e9, points))
    torch.testing.assert_close(interpolate(values, shape, box, far), values, rtol=0, atol=1e-5)


def test_sparse_in_double():
    """The reference makes sparse gradients, too."""
    values, box = _grid((3, 4, 5), 2, 0)
    points = _points(box, (3, 4, 5), 20, 0).double()
    dense, sparse = (values.double().requires_grad_() for _ in range(2))
    interpolate(dense, (3, 4, 5), box.double(), points).sum().backward()
    interpolate(sparse, (3, 4, 5), box.double(), points, sparse=True).sum().backward()
    torch.testing.assert_close(sparse.grad.to_dense(), dense.grad)


@pytest.mark.parametrize("sparse", [False, True])
def test_bits_do_not_depend_on_threads(sparse, threads):
    shape = (20, 30, 10)
    values, box = _grid(shape, 12, 0)
    points = _points(box, shape, 20_000, 0)
    cotangent = torch.randn(20_000, 12)
    results = []
    for count in (1, 2, 5):
        threads(count)
        leaf = values.clone().requires_grad_()
        result = interpolate(leaf, shape, box, points, sparse=sparse)
        result.backward(cotangent)
        results.append((result.detach(), leaf.grad.to_dense()))
    for result in results[1:]:
        assert all(torch.equal(*pair) for pair in zip(results[0], result, strict=True))


BAD = [
    ({"shape": (1, 8, 1)}, ValueError, "shape must be three sizes"),
    ({"shape": (2, 2, 3)}, ValueError, r"values must be \[12, C\]"),
    ({"box": torch.zeros(3, 2)}, ValueError, r"box must be \[2, 3\]"),
    ({"box": torch.zeros(2, 3)}, ValueError, "box must be finite"),
    ({"box": torch.tensor([[0.0] * 3, [float("nan")] * 3])}, ValueError, "box must be finite"),
    ({"box": torch.zeros(2, 3).double()}, TypeError, "box is torch.float64"),
    ({"points": torch.zeros(4, 2)}, ValueError, r"points must be \[M, 3\]"),
    ({"points": torch.zeros(4, 3).int()}, TypeError, "points is torch.int32"),
    ({"values": torch.zeros(8, 1).half()}, TypeError, "values must be float32"),
    ({"backend": "fast"}, ValueError, "backend"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_bad_arguments(change, error, message):
    box = torch.tensor([[0.0] * 3, [1.0] * 3])
    arguments = {"values": torch.zeros(8, 1), "shape": (2, 2, 2), "box": box}
    with pytest.raises(error, match=message):
        interpolate(**{**arguments, "points": torch.zeros(4, 3), **change})
