"""Degree elevation keeps the curve; mixed degrees share a batch."""

from __future__ import annotations

import pytest
import torch

from curvox.curves.bezier import concatenate, elevate
from curvox.ops.splat import sample_bezier


@pytest.mark.parametrize(("points", "degree"), [(2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (4, 3)])
def test_elevated_curves_are_the_same_at_every_parameter(points, degree):
    generator = torch.Generator().manual_seed(points)
    curves = torch.randn(5, points, 2, generator=generator, dtype=torch.float64)
    raised = elevate(curves, degree)
    assert raised.shape == (5, degree + 1, 2)
    torch.testing.assert_close(
        sample_bezier(raised, 33), sample_bezier(curves, 33), rtol=0, atol=1e-14
    )
    assert torch.equal(raised[:, 0], curves[:, 0])
    assert torch.equal(raised[:, -1], curves[:, -1])


def test_gradients_pass():
    curves = torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda points: elevate(points, 3), (curves,))


def test_mixed_degrees_keep_their_order():
    line = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    quadratics = torch.rand(2, 3, 2)
    batch = concatenate([line, quadratics])
    assert batch.shape == (3, 3, 2)
    assert torch.equal(batch[0], torch.tensor([[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]))
    assert torch.equal(batch[1:], quadratics)


def test_what_cannot_be_raised_is_refused():
    with pytest.raises(ValueError, match="lowered"):
        elevate(torch.zeros(1, 4, 2), 2)
    with pytest.raises(ValueError, match="at least one"):
        concatenate([])
    with pytest.raises(ValueError, match="a curve must be"):
        concatenate([torch.zeros(1, 5, 3)])
    with pytest.raises(TypeError, match="float64"):
        concatenate([torch.zeros(1, 3, 2), torch.zeros(1, 3, 2, dtype=torch.float64)])
