"""Radiance fields: cameras, scenes of posed photographs, and where they come from."""

from curvox.fields.cameras import Intrinsics
from curvox.fields.datasets import load_scene
from curvox.fields.scene import Scene

__all__ = ["Intrinsics", "Scene", "load_scene"]
