"""Voxel grids: shapes, resampling, and the field's density on them."""

import math

import pytest
import torch

from curvox.fields.field import Field, FieldSettings
from curvox.fields.grid import VoxelGrid, grid_shape, voxel_size
from curvox.fields.occupancy import Occupancy

BOX = torch.tensor([[-1.0, 0.0, 2.0], [1.0, 4.0, 3.0]])  # volume 8


def test_voxels_are_cubes():
    assert voxel_size(BOX, 8000) == pytest.approx(0.1)
    shape = grid_shape(BOX, 8000 - 1)  # a little larger than 0.1
    assert shape == (19, 39, 9)
    assert grid_shape(BOX, 1) == (2, 2, 2)


def test_points_stand_on_the_faces():
    grid = VoxelGrid(BOX, (3, 5, 2), 1)
    x, y, z = grid.axes()
    assert x.tolist() == [-1, 0, 1]
    assert y.tolist() == [0, 1, 2, 3, 4]
    assert z.tolist() == [2, 3]


def test_rows_are_points_in_order():
    grid = VoxelGrid(BOX, (3, 5, 2), 4)
    with torch.no_grad():
        grid.values[(2 * 5 + 3) * 2 + 1] = 7
    assert (grid.volume()[2, 3, 1] == 7).all()
    assert grid.volume().sum() == 28


def test_resampling_keeps_what_is_linear():
    """A linear function of position is reproduced at any resolution."""
    grid = VoxelGrid(BOX, (4, 3, 5), 2)
    normal = torch.tensor([0.3, -1.0, 2.0])

    def linear(other):
        points = torch.cartesian_prod(*other.axes())
        return torch.stack([points @ normal, points.sum(1)], 1)

    with torch.no_grad():
        grid.values.copy_(linear(grid))
    finer = grid.resized((7, 2, 9))
    torch.testing.assert_close(finer.values.detach(), linear(finer), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("box", "shape", "message"),
    [
        (BOX.flip(0), (2, 2, 2), "lowest corner first"),
        (BOX * torch.nan, (2, 2, 2), "lowest corner first"),
        (BOX, (2, 1, 2), "at least 2 points"),
    ],
)
def test_grids_that_cannot_be(box, shape, message):
    with pytest.raises(ValueError, match=message):
        VoxelGrid(box, shape, 1)


def make_field(**changes):
    settings = {
        "base_voxels": 8000,
        "features": None,
        "alpha_init": 0.01,
        "near": 1.0,
        "far": 5.0,
        "alpha_threshold": 1e-4,
        "weight_threshold": 1e-4,
    }
    return Field(BOX, (20, 40, 10), FieldSettings(**settings | changes))


def test_empty_grid_has_the_initial_alpha():
    """A path as long as a full-size voxel takes alpha_init of the light, at any size."""
    field = make_field()
    for voxels in (8000, 1000):
        field.resize(voxels)
        alpha = field.alpha()
        x, y, z = field.shape
        assert voxel_size(BOX, x * y * z) * 0.5 == pytest.approx(field.march.step)
        length = field.march.step / voxel_size(BOX, 8000)
        torch.testing.assert_close(alpha, torch.full_like(alpha, 1 - 0.99**length))


def test_state_makes_the_same_field():
    field = make_field(features=5, width=8)
    with torch.no_grad():
        field.density.values.normal_()
    field.occupancy = Occupancy(torch.rand(3, 4, 5) < 0.5, BOX * 0.5)
    copy = Field.from_state(field.state())
    assert copy.settings == field.settings
    assert copy.shape == field.shape
    assert torch.equal(copy.occupancy.mask, field.occupancy.mask)
    assert torch.equal(copy.occupancy.box, field.occupancy.box)
    for (name, ours), theirs in zip(copy.named_parameters(), field.parameters(), strict=True):
        assert ours.requires_grad, name
        assert torch.equal(ours, theirs), name


def test_occupancy_spreads_by_a_voxel():
    alpha = torch.zeros(6, 6, 6)
    alpha[2, 3, 5] = 0.5
    mask = Occupancy.of_alpha(alpha, BOX, 0.4).mask
    expected = torch.zeros(6, 6, 6, dtype=torch.bool)
    expected[1:4, 2:5, 4:6] = True
    assert torch.equal(mask, expected)
    assert not Occupancy.of_alpha(alpha, BOX, 0.5).mask.any()


def test_refreshed_occupancy_only_shrinks():
    field = make_field()
    with torch.no_grad():
        field.density.volume()[..., 0] = -20  # empty
        field.density.volume()[:10] = 5
    old = torch.zeros(4, 4, 4, dtype=torch.bool)
    old[:, :2] = True
    field.occupancy = Occupancy(old, BOX)
    field.refresh_occupancy()
    assert field.occupancy.mask.shape == field.shape
    x = torch.arange(20)[:, None, None]
    y = torch.arange(40)[None, :, None]
    expected = (x < 11) & (y / 39 * 3 + 0.5 < 2)  # one voxel wider; nearest old point
    assert torch.equal(field.occupancy.mask, expected.expand(20, 40, 10))


def test_shift_is_that_of_the_method():
    assert make_field().march.shift == pytest.approx(math.log(1 / 0.99 - 1))
