"""Numbers, colours and path data in as few characters as they take."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from curvox.curves.paint import Scalar
from curvox.curves.shapes import Contour

__all__ = ["Decimals"]

_LETTERS = {1: "L", 2: "Q", 3: "C"}


class Decimals:
    """Writes coordinates with a number of decimals, or, for None, so that they are read back whole.

    What is multiplied or divided later (matrices, gradients, opacities) is always written whole.
    """

    def __init__(self, decimals: int | None) -> None:
        if decimals is not None and decimals < 0:
            raise ValueError(f"decimals must not be negative, got {decimals}")
        self._decimals = decimals

    def each(self, values: Tensor, *, exact: bool = False) -> list[str]:
        """All values of a tensor, row by row."""
        flat = values.detach().cpu().reshape(-1)
        if exact or self._decimals is None:
            # numpy writes the shortest digits that its dtype reads back.
            return [_trimmed(text) for text in flat.numpy().astype(str).tolist()]
        return [_trimmed(f"{value:.{self._decimals}f}") for value in flat.tolist()]

    def number(self, value: Scalar) -> str:
        """One coordinate."""
        return self.each(value)[0] if isinstance(value, Tensor) else self._float(value)

    def exact(self, value: Scalar) -> str:
        """One number, whole."""
        return (
            self.each(value, exact=True)[0] if isinstance(value, Tensor) else _trimmed(repr(value))
        )

    def _float(self, value: float) -> str:
        return _trimmed(repr(value) if self._decimals is None else f"{value:.{self._decimals}f}")

    def colour(self, colour: Tensor) -> str:
        """#rgb or #rrggbb if that is the colour, else percentages. What is out of 0..1 is cut."""
        colour = colour.detach().cpu().clamp(0, 1)
        codes = (colour * 255).round()
        whole = torch.equal(codes.double().div(255).to(colour.dtype), colour)
        if whole or self._decimals is not None:
            text = "".join(f"{int(code):02x}" for code in codes.tolist())
            return "#" + (text[::2] if text[::2] == text[1::2] else text)
        return f"rgb({','.join(_percentage(value) for value in colour)})"

    def joined(self, texts: Sequence[str]) -> str:
        """Numbers one after the other, a space only where they would run together."""
        joined = "".join(text if text.startswith("-") else f" {text}" for text in texts)
        return joined.removeprefix(" ")

    def contour(self, contour: Contour) -> str:
        """Path data of a contour."""
        texts = self.each(contour.points)
        points = list(zip(texts[::2], texts[1::2], strict=True))
        data, last, here = ["M" + self.joined(points[0])], "", points[0]
        place, points = 1, [*points, points[0]] if contour.closed else points
        for number, degree in enumerate(contour.degrees):
            part = points[place : place + degree]
            place += degree
            if contour.closed and degree == 1 and number == len(contour.degrees) - 1:
                break  # Z draws it
            letter, numbers = _LETTERS[degree], [text for point in part for text in point]
            if degree == 1 and part[0][1] == here[1]:
                letter, numbers = "H", numbers[:1]
            elif degree == 1 and part[0][0] == here[0]:
                letter, numbers = "V", numbers[1:]
            text = self.joined(numbers)
            if letter == last:
                data.append(text if text.startswith("-") else f" {text}")
            else:
                data.append(letter + text)
            last, here = letter, part[-1]
        return "".join(data) + ("Z" if contour.closed else "")


def _trimmed(text: str) -> str:
    """Without zeros and signs that say nothing."""
    mantissa, mark, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    sign = "-" if mantissa.startswith("-") else ""
    mantissa = mantissa.lstrip("-")
    if mantissa.startswith("0."):
        mantissa = mantissa[1:]
    if mantissa in ("0", ""):
        return "0"
    return sign + mantissa + (f"e{int(exponent)}" if mark else "")


def _percentage(value: Tensor) -> str:
    """The shortest that is read back as the very value."""
    for digits in range(3, 18):
        text = f"{100 * float(value):.{digits}g}"
        if torch.tensor(float(text) / 100, dtype=value.dtype) == value:
            return _trimmed(text) + "%"
    raise AssertionError("17 digits are enough for any float")
