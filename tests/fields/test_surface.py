"""Surfaces of a hand-made ball, and the files that they are written to."""

import math

import numpy as np
import pytest
import torch
from plyfile import PlyData

from curvox.errors import InputError
from curvox.fields.export import save_grids, save_mesh, save_points
from curvox.fields.field import Field, FieldSettings
from curvox.fields.paths import orbit
from curvox.fields.surface import surface_mesh, surface_points

CENTRE, RADIUS = (0.1, -0.2, 0.0), 0.6


@pytest.fixture
def ball():
    """A ball with a cavity; its colours are its positions."""
    box = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.5]])
    settings = FieldSettings(
        base_voxels=32**3,
        features=None,
        alpha_init=1e-2,
        near=1.0,
        far=6.0,
        alpha_threshold=1e-4,
        weight_threshold=1e-4,
    )
    field = Field(box, (40, 40, 50), settings)
    points = torch.cartesian_prod(*field.density.axes())
    distances = (points - torch.tensor(CENTRE)).norm(dim=1)
    inside = (distances < RADIUS) & (distances > 0.3)
    depth = torch.minimum(RADIUS - distances, distances - 0.3)
    with torch.no_grad():
        # Alpha is a half where the raw density is this: there the surface shall be.
        half = math.log(math.expm1(math.log(2) / field.march.interval)) - field.march.shift
        field.density.values[:, 0] = half + 40 * depth
        field.colour.values[:] = torch.logit(((points + 1) / 2.5).clamp(0.01, 0.99))
    assert inside.any()
    return field


@pytest.fixture
def poses():
    return orbit(CENTRE, 4.0, frames=8)


def test_a_mesh_lies_on_the_surface_and_looks_outward(ball, poses):
    mesh = surface_mesh(ball, poses, alpha=0.5)
    from_centre = mesh.positions - torch.tensor(CENTRE)
    # Voxels are 0.05 wide; the distance is linear in raw density, so vertices are far closer.
    torch.testing.assert_close(
        from_centre.norm(dim=1), torch.full((len(from_centre),), RADIUS), atol=2e-3, rtol=0
    )
    corners = mesh.positions[mesh.faces]  # [F, 3, 3]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = corners.mean(1) - torch.tensor(CENTRE)
    assert ((normals * outward).sum(1) >= 0).all()
    # Closed: each edge belongs to two triangles. The cavity has no surface of its own.
    edges = torch.cat([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    _, counts = edges.sort(1).values.unique(dim=0, return_counts=True)
    assert (counts == 2).all()
    torch.testing.assert_close(mesh.colours, (mesh.positions + 1) / 2.5, atol=0.02, rtol=0)


def test_points_are_the_outermost_layer(ball, poses):
    points = surface_points(ball, poses, alpha=0.5)
    distances = (points.positions - torch.tensor(CENTRE)).norm(dim=1)
    assert distances.max() <= RADIUS
    assert distances.min() > RADIUS - 0.09  # a diagonal of a voxel
    assert len(points.positions) > 500
    torch.testing.assert_close(points.colours, (points.positions + 1) / 2.5, atol=1e-3, rtol=0)


def test_an_independent_reader_reads_the_files(ball, poses, tmp_path):
    mesh, points = surface_mesh(ball, poses, alpha=0.5), surface_points(ball, poses, alpha=0.5)
    save_mesh(tmp_path / "mesh.ply", mesh)
    save_points(tmp_path / "points.ply", points)
    for name, surface in (("mesh.ply", mesh), ("points.ply", points)):
        vertex = PlyData.read(tmp_path / name)["vertex"]
        positions = np.stack([vertex["x"], vertex["y"], vertex["z"]], 1)
        np.testing.assert_allclose(positions, surface.positions.numpy(), atol=1e-6)
        colours = np.stack([vertex["red"], vertex["green"], vertex["blue"]], 1)
        np.testing.assert_array_equal(colours, (surface.colours * 255).round().byte().numpy())
    faces = np.stack(PlyData.read(tmp_path / "mesh.ply")["face"]["vertex_indices"])
    np.testing.assert_array_equal(faces, mesh.faces.numpy())


def test_nothing_solid_is_an_error(ball, poses):
    with torch.no_grad():
        ball.density.values.fill_(-50)
    for surface in (surface_mesh, surface_points):
        with pytest.raises(InputError, match=r"alpha over 0\.5"):
            surface(ball, poses, alpha=0.5)
        with pytest.raises(ValueError, match="between 0 and 1"):
            surface(ball, poses, alpha=1.0)


@pytest.mark.parametrize("positions", [False, True])
def test_grids_hold_what_it_takes_to_compute_a_colour(tmp_path, positions):
    settings = FieldSettings(
        base_voxels=1000,
        features=5,
        alpha_init=1e-2,
        near=1.0,
        far=6.0,
        alpha_threshold=1e-4,
        weight_threshold=1e-4,
        width=16,
        positions=positions,
    )
    box = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.5]])
    field = Field(box, (4, 5, 6), settings)
    with torch.no_grad():
        field.density.values.normal_()
        field.colour.values.normal_()
    save_grids(tmp_path / "grids.npz", field, (1.0, 1.0, 1.0))
    grids = np.load(tmp_path / "grids.npz")
    assert grids["density"].shape == (4, 5, 6)
    x, y, z = (int(n) for n in (2, 3, 1))
    alpha = -np.expm1(-np.logaddexp(0, grids["density"] + grids["shift"]) * grids["interval"])
    np.testing.assert_allclose(alpha, field.alpha().numpy(), atol=1e-6)

    def encode(values, octaves):
        angles = (values[:, None] * 2.0 ** np.arange(octaves)).ravel()
        return np.concatenate([values, np.sin(angles), np.cos(angles)])

    direction = np.array([0.6, 0.0, 0.8])
    place = np.array([2 / 3, 3 / 4, 1 / 5])
    inputs = grids["colour"][x, y, z]
    if grids["positions"]:
        inputs = np.concatenate([inputs, encode(place, 5)])
    network = {name[8:]: grids[name] for name in grids.files if name.startswith("network.")}
    hidden = network["of_sample.weight"] @ inputs
    hidden += network["of_ray.weight"] @ encode(direction, 4) + network["of_ray.bias"]
    hidden = network["second.weight"] @ np.maximum(hidden, 0) + network["second.bias"]
    raw = network["last.weight"] @ np.maximum(hidden, 0) + network["last.bias"]
    point = grids["box"][0] + place * (grids["box"][1] - grids["box"][0])
    expected = field.colours(
        field.colour.volume()[x, y, z][None],
        torch.tensor(direction)[None].float(),
        torch.zeros(1, dtype=torch.int32),
        torch.tensor(point)[None].float(),
    )
    np.testing.assert_allclose(1 / (1 + np.exp(-raw)), expected[0].detach(), atol=1e-5)
