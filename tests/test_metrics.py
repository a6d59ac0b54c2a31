"""PSNR and SSIM against their definitions."""

from __future__ import annotations

import math

import pytest
import torch

from curvox.metrics import psnr, ssim


def test_psnr_of_a_known_difference():
    image = torch.zeros(4, 5)
    assert psnr(image + 0.1, image) == pytest.approx(20, abs=1e-4)
    assert psnr(image, image) == math.inf


def test_ssim_is_that_of_the_paper():
    generator = torch.Generator().manual_seed(0)
    image, other = (torch.rand(32, 24, generator=generator, dtype=torch.float64) for _ in "ab")
    x = torch.arange(11) - 5.0
    window = torch.exp(-(x**2) / (2 * 1.5**2)).double()
    window = (window / window.sum()).outer(window / window.sum())[None, None]

    def mean(values):
        return torch.nn.functional.conv2d(values[None, None], window)[0, 0]

    a, b = mean(image), mean(other)
    variances = mean(image**2) - a**2, mean(other**2) - b**2
    covariance = mean(image * other) - a * b
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * a * b + c1) * (2 * covariance + c2)
    expected = expected / ((a**2 + b**2 + c1) * (variances[0] + variances[1] + c2))
    assert ssim(image, other) == pytest.approx(expected.mean().item(), abs=1e-9)
    assert ssim(image, image) == pytest.approx(1)
    assert ssim(image[..., None].expand(-1, -1, 3), other[..., None].expand(-1, -1, 3)) == (
        pytest.approx(ssim(image, other))
    )


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="one shape"):
        psnr(torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(torch.zeros(10, 20), torch.zeros(10, 20))
