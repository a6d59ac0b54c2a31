"""Every rung renders what the first one does, has its gradients, and learns the same."""

import pytest
import torch

from curvox.fields.losses import Losses
from curvox.fields.occupancy import Occupancy
from curvox.fields.rungs import RUNGS, find_rung
from curvox.fields.stage import Stage
from curvox.fields.train_config import TrainConfig
from random_fields import make_field, make_rays, make_scene

FASTER = [name for name in RUNGS if name != "native"]


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
