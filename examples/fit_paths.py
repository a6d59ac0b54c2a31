"""Fit 64 filled paths to a photograph and save them as SVG: gradients from pixels to outlines.

python examples/fit_paths.py        # writes fit_paths.svg, and fit_paths.png with the way there
python examples/fit_paths.py 50     # only 50 iterations
"""

import math
import sys

import torch
from skimage.data import chelsea

from curvox.curves import render_paths, svg
from curvox.curves.drawing import Drawing
from curvox.curves.regularizers import crossing_penalty
from curvox.images import resize, save_png
from curvox.metrics import psnr
from curvox.optim import Adam

iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 300
torch.manual_seed(0)
target = resize(torch.from_numpy(chelsea()).float() / 255, 240, 360)  # a cat, [240, 360, 3]
height, width, _ = target.shape

# Discs at random places, the large ones below. A closed path of four cubics has twelve control
# points: an end and two handles, four times. Handles that stand out by 15 % make it round.
angles = torch.arange(12) * math.pi / 6
circle = torch.stack([angles.cos(), angles.sin()], 1)  # [12, 2]
circle = circle * torch.tensor([1.0, 1.15, 1.15]).repeat(4)[:, None]
radii = torch.linspace(70, 8, 64)
centres = torch.rand(64, 2) * torch.tensor([width, height])
columns, rows = centres.long().T
points = (centres[:, None] + radii[:, None, None] * circle).requires_grad_()  # [64, 12, 2]
colours = target[rows, columns].requires_grad_()  # what the photograph has there, [64, 3]
opacities = torch.full((64,), 0.9, requires_grad=True)
paper = target.mean((0, 1))

# Points count in pixels, colours in 0..1: their steps differ.
optimizer = Adam(
    [{"params": [points], "lr": 1.0}, {"params": [colours, opacities], "lr": 0.01}],
    betas=(0.9, 0.99),
)


def picture():
    """The paths as they are now, [240, 360, 3]."""
    return render_paths(
        points, height, width, colours=colours, opacities=opacities, background=paper
    )


pictures = [target, picture().detach()]
for iteration in range(1, iterations + 1):
    image = picture()
    # Without the penalty outlines tie knots, which cost nothing but look bad.
    loss = (image - target).square().mean() + 1e-3 * crossing_penalty(points).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        colours.clamp_(0, 1)
        opacities.clamp_(0, 1)
    if iteration % 50 == 0:
        print(f"iteration {iteration}: PSNR {psnr(image.detach(), target):.2f} dB")

save_png("fit_paths.png", torch.cat([*pictures, picture().detach()], 1))
drawing = Drawing(points, colours, opacities, None, paper, height, width)
svg.save("fit_paths.svg", drawing.scene(), decimals=2)
