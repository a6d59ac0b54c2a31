"""What the tests of every op are given."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Op:
    """An op, how to call it on small random input, and how far it may be from its reference.

    `inputs` makes the differentiable tensors; `call` runs the op on them with a backend.
    `raw` lists the registered functions beneath with arguments for opcheck. A gradient tolerance of
    0 says that there is no gradient.
    """

    name: str
    inputs: Callable
    call: Callable
    raw: Callable
    value_tolerance: float
    gradient_tolerance: float
