"""Small SVG documents for tests."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import torch

from curvox.curves import svg


def document(body, attributes='width="40" height="30"'):
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{body}</svg>'


def load(body, attributes='width="40" height="30"'):
    """The scene of a document that is understood as a whole."""
    scene, report = svg.from_svg(document(body, attributes))
    assert report.unsupported == []
    return scene


def only(body):
    """The one node of a document."""
    (node,) = load(body).children
    return node


def same(one, other):
    """Whether two values are equal to the last bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if is_dataclass(one):
        names = [field.name for field in fields(one)]
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in names
        )
    return one == other


def again(scene):
    """A scene that was saved and loaded."""
    loaded, report = svg.from_svg(svg.to_svg(scene))
    assert report.unsupported == []
    return loaded
