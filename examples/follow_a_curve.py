"""Move a straight stroke until its picture equals that of a curve: gradients from pixels to points.

python examples/follow_a_curve.py      # writes follow_a_curve.png
"""

import torch

from curvox.curves import rasterize
from curvox.images import save_png
from curvox.optim import Adam

goal = torch.tensor([[[0.1, 0.8], [0.3, -0.1], [0.7, 1.1], [0.9, 0.2]]])  # [1, 4, 2]
points = torch.tensor([[[0.2, 0.5], [0.4, 0.5], [0.6, 0.5], [0.8, 0.5]]], requires_grad=True)


def ink(curves, sigma, weight):
    """A picture of `curves` in dense samples, to look at."""
    return rasterize(curves.detach(), height=256, sigma=sigma, steps=600, weight=weight)


# Wide ink: a thin curve could not feel another one that is far away.
target = rasterize(goal, height=256, sigma=0.05)
optimizer = Adam([points], lr=0.02)
pictures = []
for iteration in range(121):
    if iteration in (0, 8, 24, 120):
        pictures.append(1 - (ink(points, 0.006, 0.1) + ink(goal, 0.003, 0.05)).clamp(0, 1))
        distance = (points - goal).norm(dim=2).max().item()
        print(f"iteration {iteration}: control points up to {distance:.3f} from the goal")
    image = rasterize(points, height=256, sigma=0.05)
    loss = (image - target).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

save_png("follow_a_curve.png", torch.cat(pictures, 1))
