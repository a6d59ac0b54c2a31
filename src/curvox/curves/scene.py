"""A drawing as a value: shapes and groups, with a tensor for everything that can be optimized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias, TypeVar, cast

from torch import Tensor

from curvox.curves.paint import Scalar
from curvox.curves.shapes import Shape

__all__ = ["Group", "Node", "Scene", "map_tensors", "tensors"]

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Group:
    """Shapes and groups that are transformed, faded and clipped as one."""

    children: tuple[Node, ...]
    """From the lowest to the topmost."""
    transform: Tensor | None = None
    """[2, 3], from the group's own coordinates to the enclosing one's. None: they are."""
    opacity: Scalar = 1.0
    """In 0..1, of the group as one picture."""
    clip: tuple[Shape, ...] | None = None
    """What is seen of the group, in its own coordinates: what lies in any of these shapes, by their
    fill rules, which must be nonzero where there are several. () hides it all, None clips nothing.
    How they are painted does not matter."""


Node: TypeAlias = Shape | Group


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawing. What sticks out of its canvas is cut off when it is rendered.

    All tensors are floating-point ones of one dtype on one device; all of them are differentiable
    when the scene is rendered.
    """

    children: tuple[Node, ...]
    """From the lowest to the topmost."""
    width: float
    """Of the canvas, positive: the coordinates of the children go from 0 to this, x right."""
    height: float
    """The same for y, down."""


def map_tensors(function: Callable[[Tensor], Tensor], value: Value) -> Value:
    """A copy of a scene, or of a part of one, with `function` applied to each of its tensors.

    ``map_tensors(lambda t: t.cuda(), scene)`` moves it; ``map_tensors(lambda t:
    t.detach().requires_grad_(), scene)`` makes leaves to optimize. What stands in several places,
    like a gradient of several shapes, is mapped once and shared again.
    """
    done: dict[int, Any] = {}

    def mapped(part: Any) -> Any:
        if id(part) not in done:
            copy = part
            if isinstance(part, Tensor):
                copy = function(part)
            elif isinstance(part, tuple):
                copy = tuple(map(mapped, part))
            elif is_dataclass(part) and not isinstance(part, type):
                names = [field.name for field in fields(part)]
                values = map(mapped, [getattr(part, name) for name in names])
                copy = type(part)(**dict(zip(names, values, strict=True)))
            done[id(part)] = copy
        return done[id(part)]

    return cast("Value", mapped(value))


def tensors(value: Any) -> list[Tensor]:
    """All tensors of a scene, or of a part of one, in one fixed order: what can be optimized."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(note, value)
    return found
