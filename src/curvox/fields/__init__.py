"""Radiance fields: cameras, scenes of posed photographs, training, and pictures from anywhere."""

from curvox.fields.cameras import Intrinsics
from curvox.fields.datasets import load_scene
from curvox.fields.field import Field
from curvox.fields.scene import Scene
from curvox.fields.train import Training
from curvox.fields.train_config import TrainConfig
from curvox.fields.view import View, render_view

__all__ = [
    "Field",
    "Intrinsics",
    "Scene",
    "TrainConfig",
    "Training",
    "View",
    "load_scene",
    "render_view",
]
