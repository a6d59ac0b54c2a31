"""Every rung renders what the first one does, has its gradients, and learns the same."""

import dataclasses

import pytest
import torch

from curvox.fields.cameras import Intrinsics
from curvox.fields.field import Field, FieldSettings
from curvox.fields.losses import Losses
from curvox.fields.occupancy import Occupancy
from curvox.fields.paths import orbit
from curvox.fields.rungs import RUNGS, find_rung
from curvox.fields.scene import Scene
from curvox.fields.stage import Stage
from curvox.fields.train_config import TrainConfig

FASTER = [name for name in RUNGS if name != "native"]


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


def shown(rendered):
    """What must agree: everything that does not depend on how samples are listed."""
    rays = len(rendered.colour)
    depth = torch.zeros(rays).index_add(
        0, rendered.ray_ids.long(), rendered.weights * rendered.distances
    )
    return rendered.colour, rendered.last_transmittance, depth


@pytest.mark.parametrize("name", FASTER)
@pytest.mark.parametrize("features", [None, 5])
@pytest.mark.parametrize("jittered", [True, False])
def test_same_image(name, features, jittered):
    field = make_field(features)
    origins, directions, jitter = make_rays(400)
    jitter = jitter if jittered else None
    expected = find_rung("native").render(field, origins, directions, jitter)
    rendered = find_rung(name).render(field, origins, directions, jitter)
    assert expected.last_transmittance.min() < 1e-3  # some rays stop early
    assert expected.last_transmittance.max() == 1  # some meet nothing
    for ours, theirs in zip(shown(rendered), shown(expected), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)  # worst seen: 3e-6
    assert rendered.offsets[-1] == len(rendered.weights)
    assert torch.equal(rendered.offsets.diff(), rendered.ray_ids.long().bincount(minlength=400))


@pytest.mark.parametrize("name", FASTER)
@pytest.mark.parametrize("features", [None, 5])
def test_same_gradients(name, features):
    field = make_field(features)
    origins, directions, jitter = make_rays(400)
    targets = torch.rand(400, 3, generator=torch.Generator().manual_seed(5))
    losses = Losses(sample_colour=0.1, entropy=0.01, distortion=0.01)

    def gradients(rung):
        rendered = find_rung(rung).render(field, origins, directions, jitter)
        colours = rendered.colour + rendered.last_transmittance[:, None]
        loss, _ = losses.total(field, rendered, colours, targets)
        parameters = dict(field.named_parameters())
        values = torch.autograd.grad(loss, parameters.values())
        dense = (value.to_dense() if value.is_sparse else value for value in values)
        return dict(zip(parameters, dense, strict=True))

    expected = gradients("native")
    for parameter, ours in gradients(name).items():
        theirs = expected[parameter]
        assert theirs.norm() > 0
        assert (ours - theirs).norm() <= 1e-4 * theirs.norm(), parameter  # worst seen: 1e-5


def make_scene():
    """Random photographs from around the field."""
    intrinsics = Intrinsics.from_angle(0.9, 12, 10)
    generator = torch.Generator().manual_seed(3)
    poses = orbit((0, 0, 0), 3.0, elevation=25, frames=6)
    values = torch.randint(0, 256, (6 * 120, 3), generator=generator, dtype=torch.uint8)
    return Scene("train", ("",) * 6, values, poses, (intrinsics,) * 6, 0.5, 6.0)


@pytest.mark.parametrize("name", FASTER)
@pytest.mark.parametrize("features", [None, 5])
def test_same_after_twenty_steps(name, features):
    scene = make_scene()

    def train(rung):
        config = TrainConfig(rays=256, rung=rung)
        losses = Losses(sample_colour=0.1, entropy=0.01)
        generator = torch.Generator().manual_seed(1)
        rates = torch.rand(17 * 21 * 13, 1, generator=torch.Generator().manual_seed(2))
        field = make_field(features)
        stage = Stage(scene, field, config, losses, generator, density_rates=rates)
        for step in range(20):
            stage.step(step / 20)
        return stage

    expected, stage = train("native"), train(name)
    assert stage.error == pytest.approx(expected.error, rel=1e-4)
    for (parameter, ours), theirs in zip(
        stage.field.named_parameters(), expected.field.parameters(), strict=True
    ):
        moved = (theirs - dict(make_field(features).named_parameters())[parameter]).norm()
        assert moved > 0
        assert (ours - theirs).norm() <= 0.02 * moved, parameter


def test_nothing_to_see():
    """An empty mask, and no rays at all: everything is background."""
    field = make_field(None)
    field.occupancy = Occupancy(torch.zeros(4, 4, 4, dtype=torch.bool), field.box)
    for rung in RUNGS.values():
        for count in (7, 0):
            origins, directions, jitter = make_rays(count)
            rendered = rung.render(field, origins, directions, jitter)
            assert (rendered.colour == 0).all()
            assert (rendered.last_transmittance == 1).all()
            assert len(rendered.weights) == 0


def test_rung_that_does_not_exist():
    with pytest.raises(ValueError, match="rung must be one of native, adam"):
        find_rung("base")
