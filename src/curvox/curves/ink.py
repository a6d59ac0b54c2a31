"""A drawing in soft ink: curves that brighten or darken a sheet of paper."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from curvox.errors import InputError
from curvox.files import write_text
from curvox.ops.splat import splat

__all__ = ["Ink", "weights_from_ink"]

_FORMAT = "curvox ink 1"


def weights_from_ink(ink: Tensor, control_points: Tensor, sigmas: Tensor, steps: int) -> Tensor:
    r"""The weight of a curve's samples that gives its stroke the brightness `ink` along its middle.

    On a line of length L the samples stand L / (steps - 1) apart and add up to
    :math:`w \sqrt{2\pi}\,\sigma\,(K-1) / L`; on a point, to w K. Blended, so that stretching or
    widening a stroke changes neither its brightness nor its differentiability. The length is taken
    as sqrt(3 sum |leg|²) of the control polygon's legs, exact for a line, an upper bound otherwise.

    Args:
        ink: [N], change of brightness. Differentiable, as are the next two.
        control_points: [N, 4, 2].
        sigmas: [N], positive.
        steps: samples a curve, K.

    Returns:
        [N].
    """
    return ink / _samples_in_reach(control_points, sigmas, steps)


def _samples_in_reach(control_points: Tensor, sigmas: Tensor, steps: int) -> Tensor:
    """How many samples' worth of a weight add up in the middle of a stroke, [N]."""
    legs = control_points[:, 1:] - control_points[:, :-1]  # [N, 3, 2]
    squared_length = 3 * legs.square().sum((1, 2))
    return steps / torch.sqrt(1 + squared_length / (2 * math.pi * sigmas**2))


@dataclass(frozen=True)
class Ink:
    """Cubic strokes on paper, all of them in one batch.

    Coordinates and sigmas are in units of the canvas's longer side, x right and y down, so a
    drawing renders at any size.
    """

    control_points: Tensor
    """[N, 4, 2] float32."""
    weights: Tensor
    """[N] float32: height of the Gaussian on every sample; positive ones brighten."""
    sigmas: Tensor
    """[N] float32, positive: standard deviation of the Gaussians."""
    paper: float
    """Brightness where there is no ink."""
    height: int
    """Pixels of the picture that it was made for, and the shape of the canvas."""
    width: int
    steps: int
    """Samples a curve. They are part of the drawing: its weights count on them."""

    def render(
        self, height: int | None = None, width: int | None = None, *, cutoff: float | None = None
    ) -> Tensor:
        """The picture, [height, width] float32, differentiable.

        Args:
            height, width: in pixels, those of the drawing where None.
            cutoff: see :func:`curvox.ops.splat.splat`.

        Values may leave 0..1, as ink adds up; whoever shows them cuts them.
        """
        return self.paper + splat(
            self.control_points,
            self.weights,
            self.sigmas,
            self.height if height is None else height,
            self.width if width is None else width,
            steps=self.steps,
            cutoff=cutoff,
        )

    def to(self, device: torch.device | str) -> Ink:
        """The drawing on a device."""
        return replace(
            self,
            control_points=self.control_points.to(device),
            weights=self.weights.to(device),
            sigmas=self.sigmas.to(device),
        )

    def strengths(self) -> Tensor:
        """Change of brightness along the middle of every stroke, [N]."""
        return self.weights * _samples_in_reach(self.control_points, self.sigmas, self.steps)

    def save_json(self, path: str | Path) -> None:
        """Write JSON, whole or not at all; :meth:`load_json` gives the drawing back exactly."""
        columns = [_digits(values) for values in (self.control_points, self.weights, self.sigmas)]
        curves = [
            {"control_points": points, "weight": weight, "sigma": sigma}
            for points, weight, sigma in zip(*columns, strict=True)
        ]
        head = {
            "format": _FORMAT,
            "paper": self.paper,
            "height": self.height,
            "width": self.width,
            "steps": self.steps,
        }
        # One line a curve: readable, and half the size of an indented number a line.
        lines = ",\n".join(json.dumps(curve) for curve in curves)
        text = json.dumps(head, indent=1)[:-2] + ',\n "curves": [\n' + lines + "\n]}\n"
        write_text(path, text)

    @classmethod
    def load_json(cls, path: str | Path) -> Ink:
        """Read what :meth:`save_json` wrote.

        Raises:
            InputError: the file is missing or holds something else.
        """
        try:
            data: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
            if data["format"] != _FORMAT:
                raise InputError(f"{path} has the format {data['format']!r}, not {_FORMAT!r}")
            curves = data["curves"]
            ink = cls(
                torch.tensor([curve["control_points"] for curve in curves]).reshape(-1, 4, 2),
                torch.tensor([curve["weight"] for curve in curves]).reshape(-1),
                torch.tensor([curve["sigma"] for curve in curves]).reshape(-1),
                *(data[name] for name in ("paper", "height", "width", "steps")),
            )
        except FileNotFoundError:
            raise InputError(f"There is no file {path}") from None
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, RuntimeError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is not a drawing that curvox wrote: {error}") from error
        return ink


def _digits(values: Tensor) -> Any:
    """Nested lists of the shortest decimals that give float32 back: 9 significant digits."""
    values = values.detach().cpu()
    if values.ndim > 1:
        return [_digits(row) for row in values]
    return [float(f"{value:.9g}") for value in values.tolist()]
