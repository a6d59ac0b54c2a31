"""``curvox export``: a trained field in files that other programs read."""

from __future__ import annotations

from pathlib import Path

import tyro
from rich.console import Console

from curvox.errors import InputError


def export(
    run: tyro.conf.Positional[Path],
    npz: bool = False,
    points: bool = False,
    mesh: bool = False,
    alpha: float = 0.1,
    out: Path | None = None,
) -> None:
    """Write the grids of a training (grids.npz), its surface as coloured points (points.ply) and
    as a mesh (mesh.ply). Those that are asked for, or all three.

    Args:
        run: folder that curvox train left.
        npz: write the grids and the network, enough to render them elsewhere.
        points: write the points of the grid that form the surface.
        mesh: write the surface as triangles.
        alpha: what share of the light a step of half a voxel must take to be inside, in 0..1.
        out: folder of the files, that of the run unless told.
    """
    from curvox.fields.export import save_grids, save_mesh, save_points
    from curvox.fields.surface import surface_mesh, surface_points
    from curvox.fields.train_folder import load_run
    from curvox.files import make_folder

    if not 0 < alpha < 1:
        raise InputError(f"--alpha must be between 0 and 1, got {alpha:g}")
    console = Console()
    loaded = load_run(run)
    folder = run if out is None else make_folder(out)
    everything = not (npz or points or mesh)
    if npz or everything:
        with console.status("writing grids"):
            save_grids(folder / "grids.npz", loaded.field, loaded.background)
        shape = " × ".join(map(str, loaded.field.shape))
        console.print(f"{shape} voxels: {folder / 'grids.npz'}", highlight=False, soft_wrap=True)
    if points or everything:
        with console.status("finding the surface"):
            cloud = surface_points(loaded.field, loaded.poses, alpha=alpha)
            save_points(folder / "points.ply", cloud)
        said = f"{len(cloud.positions):,} points: {folder / 'points.ply'}"
        console.print(said, highlight=False, soft_wrap=True)
    if mesh or everything:
        with console.status("cutting the surface"):
            surface = surface_mesh(loaded.field, loaded.poses, alpha=alpha)
            save_mesh(folder / "mesh.ply", surface)
        said = f"{len(surface.faces):,} triangles: {folder / 'mesh.ply'}"
        console.print(said, highlight=False, soft_wrap=True)
