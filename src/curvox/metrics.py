"""How alike two images are: PSNR and SSIM."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["psnr", "ssim"]


def psnr(image: Tensor, reference: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels, for images in 0..1: -10 log10 of the mean square.

    Args:
        image, reference: one shape, any number of dimensions.

    Returns:
        Infinity for equal images.

    Raises:
        ValueError: shapes that differ.
    """
    _check(image, reference)
    error = (image.detach().double() - reference.detach().double()).square().mean().item()
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(image: Tensor, reference: Tensor) -> float:
    """Structural similarity (Wang et al. 2004), 1 for equal images.

    Computed by scikit-image with the settings of the paper: Gaussian window of standard deviation
    1.5 (11 × 11 pixels), K1 = 0.01, K2 = 0.03, population covariance, values in 0..1.

    Args:
        image, reference: [H, W], or [H, W, C] (mean over the channels), at least 11 pixels a side.

    Raises:
        ValueError: shapes that differ, or a side shorter than the window.
    """
    from skimage.metrics import structural_similarity  # slow to import, seldom needed

    _check(image, reference)
    if min(image.shape[:2]) < 11:
        raise ValueError(f"SSIM needs at least 11 pixels a side, got {list(image.shape)}")
    return float(
        structural_similarity(
            image.detach().cpu().double().numpy(),
            reference.detach().cpu().double().numpy(),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
            channel_axis=2 if image.ndim == 3 else None,
        )
    )


def _check(image: Tensor, reference: Tensor) -> None:
    if image.shape != reference.shape:
        raise ValueError(
            f"images must have one shape, got {list(image.shape)} and {list(reference.shape)}"
        )
