"""Fast differentiable rendering for PyTorch: Bézier curves (2-D) and voxel radiance fields (3-D).

>>> from curvox.curves import rasterize
>>> image = rasterize(control_points)  # [N, 3, 2] or [N, 4, 2] -> [512, 512], differentiable
"""

__version__ = "0.1.0"
