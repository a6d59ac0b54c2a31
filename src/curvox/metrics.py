"""How alike two images are: PSNR, SSIM and LPIPS."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["Lpips", "MetricUnavailable", "psnr", "ssim", "ssim_or_none"]

_SSIM_PIXELS = 11  # the side of its window


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
    if min(image.shape[:2]) < _SSIM_PIXELS:
        raise ValueError(
            f"SSIM needs at least {_SSIM_PIXELS} pixels a side, got {list(image.shape)}"
        )
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


def ssim_or_none(image: Tensor, reference: Tensor) -> float | None:
    """:func:`ssim`, or None for images with a side shorter than its window."""
    return ssim(image, reference) if min(image.shape[:2]) >= _SSIM_PIXELS else None


class MetricUnavailable(RuntimeError):
    """A measure cannot be computed here; the message says why."""


class Lpips:
    """Learned perceptual similarity (Zhang et al. 2018) with VGG-16, 0 for equal images.

    Needs the extra ``curvox[lpips]``. The network's weights are fetched on first use and kept.

    Raises:
        MetricUnavailable: the extra is not installed or does not fit the torch that is, or the
            weights cannot be fetched.
    """

    def __init__(self) -> None:
        try:
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            self._network = LearnedPerceptualImagePatchSimilarity("vgg", normalize=True).eval()
        except ImportError as error:
            raise MetricUnavailable("LPIPS needs pip install 'curvox[lpips]'") from error
        except (OSError, RuntimeError) as error:  # no network, a damaged file, a misfit
            raise MetricUnavailable(f"LPIPS cannot be computed: {error}") from error

    @torch.no_grad()
    def __call__(self, image: Tensor, reference: Tensor) -> float:
        """The distance of two images, [H, W, 3]; values are cut to 0..1.

        Raises:
            ValueError: shapes that differ.
        """
        _check(image, reference)
        planes = [
            picture.detach().cpu().float().clamp(0, 1).permute(2, 0, 1)[None]
            for picture in (image, reference)
        ]
        self._network.reset()  # it would go on with the mean of all images so far
        return float(self._network(*planes))


def _check(image: Tensor, reference: Tensor) -> None:
    if image.shape != reference.shape:
        raise ValueError(
            f"images must have one shape, got {list(image.shape)} and {list(reference.shape)}"
        )
