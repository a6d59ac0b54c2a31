"""Curves and vector graphics: rendered differentiably, fitted to pictures, read and saved."""

from curvox.curves.paths import render_paths
from curvox.curves.rasterize import rasterize
from curvox.curves.render import render
from curvox.curves.scene import Group, Scene

__all__ = ["Group", "Scene", "rasterize", "render", "render_paths"]
