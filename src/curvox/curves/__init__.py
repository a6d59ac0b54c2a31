"""Bézier curves: rasterize them differentiably, fit them to images, read them from fonts."""

from curvox.curves.rasterize import rasterize

__all__ = ["rasterize"]
