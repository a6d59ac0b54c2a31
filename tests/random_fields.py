"""A field, rays and photographs at random, for tests that need some."""

import dataclasses

import torch

from curvox.fields.cameras import Intrinsics
from curvox.fields.field import Field, FieldSettings
from curvox.fields.occupancy import Occupancy
from curvox.fields.paths import orbit
from curvox.fields.scene import Scene


def make_field(features, seed=0, **changes):
    """A blob of fog with random colours; an occupancy mask that leaves out some of it."""
    generator = torch.Generator().manual_seed(seed)
    settings = FieldSettings(
        base_voxels=4000,
        features=features,
        alpha_init=1e-2,
        near=0.5,
        far=6.0,
        alpha_threshold=1e-3,
        weight_threshold=1e-3,
        width=16,
    )
    box = torch.tensor([[-1.0, -1.2, -0.8], [1.0, 1.1, 0.9]])
    field = Field(box, (17, 21, 13), dataclasses.replace(settings, **changes))
    with torch.no_grad():
        field.density.values.normal_(2, 5, generator=generator)
        field.colour.values.normal_(0, 1, generator=generator)
        if field.network is not None:
            field.network.initialize(generator)
    mask = torch.rand(9, 8, 7, generator=generator) < 0.7
    field.occupancy = Occupancy(mask, box * 0.9)
    return field


def make_rays(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    origins = torch.randn(count, 3, generator=generator)
    origins = 3 * torch.nn.functional.normalize(origins, dim=1)
    towards = 0.8 * torch.randn(count, 3, generator=generator) - origins
    jitter = torch.rand(count, generator=generator)
    return origins, torch.nn.functional.normalize(towards, dim=1), jitter


def make_scene():
    """Random photographs from around the field."""
    intrinsics = Intrinsics.from_angle(0.9, 12, 10)
    generator = torch.Generator().manual_seed(3)
    poses = orbit((0, 0, 0), 3.0, elevation=25, frames=6)
    values = torch.randint(0, 256, (6 * 120, 3), generator=generator, dtype=torch.uint8)
    return Scene("train", ("",) * 6, values, poses, (intrinsics,) * 6, 0.5, 6.0)
