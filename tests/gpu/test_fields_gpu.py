"""Training of radiance fields on a GPU: graphs that are replayed, against passes that are not."""

import math

import pytest
import torch

from curvox.fields.field import Field
from curvox.fields.losses import Losses
from curvox.fields.replay import Pass, Replay
from curvox.fields.rungs import find_rung
from curvox.fields.rungs.fused import render_fused
from curvox.fields.stage import Stage
from curvox.fields.train_config import TrainConfig
from random_fields import make_field, make_rays, make_scene

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")


def _field(features):
    return Field.from_state(make_field(features).state(), torch.device("cuda"))


@pytest.mark.parametrize("features", [None, 5])
def test_room_to_spare_changes_nothing(features):
    """Lists longer than needed: the same colours, and gradients of a loss with all terms."""
    field = _field(features)
    origins, directions, jitter = (tensor.cuda() for tensor in make_rays(400))
    targets = torch.rand(400, 3, generator=torch.Generator().manual_seed(5)).cuda()
    losses = Losses(sample_colour=0.1, entropy=0.01, distortion=0.01)

    def passed(**room):
        rendered = render_fused(field, origins, directions, jitter, **room)
        colours = rendered.colour + rendered.last_transmittance[:, None]
        loss, _ = losses.total(field, rendered, colours, targets)
        return rendered, torch.autograd.grad(loss, list(field.parameters()))

    exact, expected = passed()
    sizes = len(exact.weights), len(exact.coloured)
    spacious, gradients = passed(capacity=(sizes[0] + 5000, sizes[1] + 3000))
    assert len(spacious.weights) == sizes[0] + 5000
    assert torch.equal(spacious.offsets, exact.offsets)
    assert torch.equal(spacious.colour, exact.colour)
    assert torch.equal(spacious.weights[: sizes[0]], exact.weights)
    assert not spacious.weights[sizes[0] :].any()
    for ours, theirs in zip(gradients, expected, strict=True):
        assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


def test_too_little_room_is_seen():
    """Nothing is written behind the end of a list, and its offsets tell."""
    field = _field(5)
    rays = [tensor.cuda() for tensor in make_rays(400)]
    rendered = render_fused(field, *rays, capacity=(100, 50))
    assert len(rendered.weights) == rendered.offsets[-1] == 100


@pytest.mark.parametrize("features", [None, 5])
def test_replayed_training_is_the_same(features):
    """Twenty steps beside those of the plain rung on the CPU."""

    def train(device, rung):
        generator = torch.Generator().manual_seed(1)
        rates = torch.rand(17 * 21 * 13, 1, generator=torch.Generator().manual_seed(2)).to(device)
        field = Field.from_state(make_field(features).state(), torch.device(device))
        config, losses = TrainConfig(rays=256, rung=rung), Losses(sample_colour=0.1, entropy=0.01)
        stage = Stage(
            make_scene().to(device), field, config, losses, generator, density_rates=rates
        )
        for step in range(20):
            stage.step(step / 20)
        return stage

    assert find_rung("fused").bounded
    expected, stage = train("cpu", "native"), train("cuda", "fused")
    assert stage.error == pytest.approx(expected.error, rel=1e-4)
    begun = dict(make_field(features).named_parameters())
    for (name, ours), theirs in zip(
        stage.field.named_parameters(), expected.field.parameters(), strict=True
    ):
        moved = (theirs - begun[name]).norm()
        assert (ours.cpu() - theirs).norm() <= 0.02 * moved, name


def test_a_batch_without_room_is_computed_anew():
    """The graph gives way to a larger one, and to a smaller one when it is mostly empty."""
    capacities = []

    def compute(pixels, jitter, capacity):
        capacities.append(capacity)
        sizes = torch.stack([pixels.sum(), pixels.sum() // 2])
        return Pass([2 * jitter], jitter.sum(), sizes)

    replay = Replay(compute, torch.device("cuda"))
    for scale in (1, 2, 100, 100, 3, 3, 1):
        pixels, jitter = torch.full((100,), 100 * scale), torch.rand(100)
        (gradient,), error = replay(pixels, jitter)
        torch.testing.assert_close(gradient.cpu(), 2 * jitter)
        assert math.isclose(error, jitter.sum(), rel_tol=1e-5)
    recorded = [capacity[0] for capacity in capacities if capacity is not None]
    alone = sum(capacity is None for capacity in capacities)
    assert alone == len(recorded) == 4
    assert recorded[0] < recorded[1] < recorded[2] > recorded[3]
