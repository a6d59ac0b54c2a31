"""The occupancy mask: the nearest grid point, and no index out of range whatever is asked."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curvox.ops.occupancy import occupied

BOX = torch.tensor([[0.0, 0.0, 0.0], [2.0, 3.0, 4.0]])

coordinates = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, 3e38, -3e38, 2.0**31, -(2.0**63), 0.0, -0.0]),
    st.floats(-1, 5, width=32),
)


@given(st.lists(st.tuples(*[coordinates] * 3), max_size=20), st.integers(0, 2**31))
@settings(max_examples=200, deadline=None)
def test_kernel_against_reference(points, seed):
    """Bit for bit, but where rounding of the coordinate decides between two grid points."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(3, 4, 6, generator=generator) < 0.5
    points = torch.tensor(points).reshape(-1, 3)
    last = torch.tensor(mask.shape) - 1
    halves = points / (BOX[1] - BOX[0]) * last + 0.5
    clear = ~((halves - halves.round()).abs() < 1e-5).any(1)
    ours, theirs = (occupied(points, mask, BOX, backend=b) for b in (None, "torch"))
    assert torch.equal(ours[clear], theirs[clear])


@pytest.mark.parametrize("backend", [None, "torch"])
def test_nearest_grid_point(backend):
    """Half a cell around each grid point, also outside the box; further out there is nothing."""
    mask = torch.ones(3, 4, 5, dtype=torch.bool)  # cells of 1
    mask[1, 2, 3] = False
    within = [[1.0, 2, 3], [1.49, 2.49, 3.49], [0.51, 1.51, 2.51]]
    beside = [[1.51, 2, 3], [0, 0, 0], [-0.49, -0.49, -0.49], [2.49, 3.49, 4.49]]
    outside = [[-0.51, 0, 0], [0, 3.51, 0], [0, 0, 4.5]]
    nowhere = [[math.nan, 0, 0], [0, math.inf, 0], [0, 0, -math.inf]]
    points = torch.tensor([*within, *beside, *outside, *nowhere])
    expected = 3 * [False] + 4 * [True] + 6 * [False]
    assert occupied(points, mask, BOX, backend=backend).tolist() == expected


@pytest.mark.parametrize("backend", [None, "torch"])
def test_no_points(backend):
    """An empty list has an empty answer."""
    result = occupied(torch.zeros(0, 3), torch.ones(2, 2, 2) > 0, BOX, backend=backend)
    assert result.shape == (0,)
    assert result.dtype == torch.bool


def test_same_bits_for_any_number_of_threads(threads):
    """More points than one thread would do alone."""
    points = torch.rand(40001, 3) * 5
    mask = torch.rand(9, 10, 11) < 0.5
    results = []
    for count in (1, 2):
        threads(count)
        results.append(occupied(points, mask, BOX))
    assert torch.equal(*results)


@pytest.mark.parametrize(
    ("points", "mask", "error", "said"),
    [
        (torch.zeros(3), torch.ones(2, 2, 2) > 0, ValueError, "points must be"),
        (torch.zeros(1, 3), torch.ones(2, 2) > 0, ValueError, "mask must be"),
        (torch.zeros(1, 3), torch.ones(2, 1, 2) > 0, ValueError, "mask must be"),
        (torch.zeros(1, 3), torch.ones(2, 2, 2), TypeError, "mask must be bool"),
        (torch.zeros(1, 3).half(), torch.ones(2, 2, 2) > 0, TypeError, "float32 or float64"),
    ],
)
def test_bad_arguments(points, mask, error, said):
    """Each names the argument at fault."""
    with pytest.raises(error, match=said):
        occupied(points, mask, BOX)
