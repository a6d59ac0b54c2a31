"""Bézier curves: rasterize them differentiably, fit them to images, read them from fonts."""
