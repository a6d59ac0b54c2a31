"""Random vector graphics, as the registered ops take them: wild, degenerate, nested."""

import torch

from curvox.ops.gradient_paint import GradientTable
from curvox.ops.paint import DRAW, POP, PUSH


def _polygons(generator, layers, size, grid=0.0):
    """Layers of up to three loops, some of them empty, a fifth of the corners on multiples of
    `grid`, one in twenty far outside.
    """
    loops = torch.randint(0, 4, (layers,), generator=generator)
    corners = torch.randint(0, 8, (int(loops.sum()),), generator=generator)
    ends = corners.cumsum(0)
    count = int(corners.sum())
    vertices = torch.rand(count, 2, generator=generator) * size * 1.6 - 0.3 * size
    if grid > 0:
        whole = torch.rand(count, 2, generator=generator) < 0.2
        vertices = torch.where(whole, (vertices / grid).round() * grid, vertices)
    far = torch.rand(count, 1, generator=generator) < 0.05
    vertices = torch.where(far, vertices * 50, vertices)
    layer_loops = torch.cat([torch.zeros(1, dtype=torch.int64), loops.cumsum(0)])
    return vertices, torch.stack([ends - corners, ends], 1), layer_loops


def _steps(generator, layers, groups):
    """Draws of all layers in order, in groups within groups; every second one clipped."""
    steps, depth, ended = [], 0, 0
    for layer in range(layers):
        roll = float(torch.rand((), generator=generator))
        if roll < 0.35 and ended + depth < groups:
            steps.append((PUSH, 0, -1))
            depth += 1
        steps.append((DRAW, layer, -1))
        if roll > 0.65 and depth > 0:
            steps.append((POP, ended, layer // 2 if ended % 2 else -1))
            depth, ended = depth - 1, ended + 1
    while depth > 0:
        steps.append((POP, ended, -1))
        depth, ended = depth - 1, ended + 1
    return torch.tensor(steps, dtype=torch.int32).view(-1, 3)


def _gradients(generator, size):
    """Linear and radial ones of all spreads, with one to four stops."""
    counts = torch.tensor([2, 3, 1, 4, 2, 3])
    stops = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    positions = torch.cat([torch.rand(n, generator=generator).sort().values for n in counts])
    geometry = torch.randn(6, 9, generator=generator)
    geometry[:, [0, 1, 3, 4]] /= size
    geometry[:, [2, 5]] *= 0.3
    geometry[:, 6:] = geometry[:, 6:].abs() * 0.1
    spreads = torch.tensor([0, 1, 2, 0, 1, 2], dtype=torch.uint8)
    radial = torch.tensor([0, 0, 0, 1, 1, 1], dtype=torch.uint8)
    colours = torch.rand(int(stops[-1]), 4, generator=generator)
    return GradientTable(radial, geometry, spreads, stops, positions, colours)


def random_drawing(seed, layers, size, *, grid=0.0, scenes=1, groups=4, shaded=True):
    """All inputs of the op: random layers, groups, clips, colour gradients."""
    generator = torch.Generator().manual_seed(seed)
    vertices, loops, layer_loops = _polygons(generator, layers, size, grid)
    rules = torch.randint(0, 2, (layers,), generator=generator).to(torch.uint8)
    opacities = torch.rand(layers, generator=generator)
    opacities[::3] = 1
    ids = torch.randint(-6, 6, (layers,), generator=generator).clamp_min(-1).int()
    ids = ids if shaded else torch.full_like(ids, -1)
    table = _gradients(generator, size)
    parts = [_steps(generator, layers, groups) for _ in range(scenes)]
    ends = torch.tensor([0, *(len(part) for part in parts)]).cumsum(0)
    radial, geometry, spreads, stops, positions, stop_colours = table
    floats = (vertices, torch.rand(layers, 3, generator=generator), opacities, geometry, positions)
    floats = (*floats, stop_colours, torch.rand(groups, generator=generator))
    background = torch.rand(4, generator=generator)
    order = (loops, layer_loops, rules, ids, torch.cat(parts), ends, radial, spreads, stops)
    return *floats, background, *order


def random_contours(seed, counts):
    """Chains of so many segments each: wild ones, some that stay on a point for a while, some whole
    contours that do; and how they are stroked.
    """
    generator = torch.Generator().manual_seed(seed)
    segments = torch.rand(sum(counts), 4, 2, generator=generator) * 40
    ends = torch.tensor([0, *counts]).cumsum(0)
    for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        for segment in range(begin, end):
            if segment > begin:
                segments[segment, 0] = segments[segment - 1, 3]
            roll = int(torch.randint(0, 8, (), generator=generator))
            if roll == 0:
                segments[segment] = segments[segment, 0]
            if roll == 1:
                segments[segment, 1] = segments[segment, 0]
        if seed % 4 == 0 and begin < end:
            segments[begin:end] = segments[begin, 0]
    count = len(counts)
    closed = torch.rand(count, generator=generator) < 0.5
    codes = torch.randint(0, 3, (2, count), generator=generator).to(torch.uint8)
    widths = torch.tensor([0.0, 0.3, 2.0, 15.0])[torch.randint(0, 4, (count,), generator=generator)]
    limits = 1 + 4 * torch.rand(count, generator=generator)
    tolerances = torch.tensor([0.02, 1 / 16, 1.0]).repeat(count)[:count]
    return segments, ends, closed, widths, *codes, limits, tolerances
