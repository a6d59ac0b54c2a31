"""A drawing of many paths of one kind, as a value: render it, turn it into a scene."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from curvox.curves.layers import Cap, Join
from curvox.curves.paint import SolidPaint, Stroke
from curvox.curves.paths import render_paths
from curvox.curves.scene import Scene
from curvox.curves.shapes import Contour, Path, Rectangle

__all__ = ["Drawing"]


@dataclass(frozen=True)
class Drawing:
    """Paths on paper, in pixels of the picture, the first at the bottom."""

    points: Tensor
    """[N, P, 2] control points of cubics: closed paths of P / 3 segments that are filled, or open
    ones of (P - 1) / 3 that are stroked with round ends."""
    colours: Tensor
    """[N, 3] RGB in 0..1."""
    opacities: Tensor
    """[N] in 0..1."""
    widths: Tensor | None
    """[N] stroke widths. None: the paths are filled."""
    paper: Tensor
    """[3] RGB in 0..1, where there is nothing."""
    height: int
    width: int

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor]:
        """Points, colours, opacities, widths, paper."""
        return self.points, self.colours, self.opacities, self.widths, self.paper

    def copy(self) -> Drawing:
        """The same values, with no connection to what made them."""
        points, colours, opacities, widths, paper = self.tensors()
        return Drawing(
            points.detach().clone(),
            colours.detach().clone(),
            opacities.detach().clone(),
            None if widths is None else widths.detach().clone(),
            paper.detach().clone(),
            self.height,
            self.width,
        )

    def to(self, device: torch.device | str) -> Drawing:
        """The drawing on a device."""
        return replace(
            self,
            points=self.points.to(device),
            colours=self.colours.to(device),
            opacities=self.opacities.to(device),
            widths=None if self.widths is None else self.widths.to(device),
            paper=self.paper.to(device),
        )

    def chosen(self, paths: Tensor) -> Drawing:
        """Only some of the paths, by their numbers [M]."""
        return Drawing(
            self.points[paths],
            self.colours[paths],
            self.opacities[paths],
            None if self.widths is None else self.widths[paths],
            self.paper,
            self.height,
            self.width,
        )

    def render(self, height: int | None = None, width: int | None = None) -> Tensor:
        """The picture, [height, width, 3], differentiable; in its own size where none is said."""
        height = self.height if height is None else height
        width = self.width if width is None else width
        points, widths = self.points, self.widths
        if (height, width) != (self.height, self.width):
            scale = width / self.width, height / self.height
            points = points * points.new_tensor(scale)
            widths = None if widths is None else widths * (sum(scale) / 2)
        return render_paths(
            points,
            height,
            width,
            colours=self.colours,
            opacities=self.opacities,
            stroke_widths=widths,
            background=self.paper,
        )

    def scene(self) -> Scene:
        """The drawing as shapes over a rectangle of paper, to be saved as SVG."""
        points, colours, opacities, widths, paper = self.copy().tensors()
        corner, size = torch.zeros(2), torch.tensor([float(self.width), float(self.height)])
        shapes: list[Path | Rectangle] = [Rectangle(corner, size, fill=SolidPaint(paper))]
        closed = widths is None
        degrees = (3,) * (points.shape[1] // 3)
        opacities = (
            1000 * opacities
        ).round() / 1000  # 8-bit pictures do not tell, files are smaller
        for index in range(len(points)):
            ink, opacity = SolidPaint(colours[index]), opacities[index]
            outline = (Contour(points[index], degrees, closed),)
            if widths is None:
                shapes.append(Path(outline, fill=ink, fill_opacity=opacity))
            else:
                pen = Stroke(ink, widths[index], cap=Cap.ROUND, join=Join.ROUND, opacity=opacity)
                shapes.append(Path(outline, stroke=pen))
        return Scene(tuple(shapes), float(self.width), float(self.height))
