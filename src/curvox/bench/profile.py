"""Test 7: where the time goes, as files that snakeviz and a Chrome trace viewer open."""

from __future__ import annotations

import cProfile
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity

from curvox.bench.cases import cases
from curvox.bench.curves import SIGMA, SIZE
from curvox.curves import rasterize
from curvox.files import writing

__all__ = ["profile_method"]


def profile_method(method: str, device: torch.device, passes: int, folder: Path) -> list[Path]:
    """Run forward and backward of test 1 `passes` times under each profiler.

    Returns:
        ``METHOD.prof`` (cProfile) and ``METHOD.trace.json`` (torch.profiler), in `folder`.
    """
    points = cases(7)[0].control_points.to(device).requires_grad_()
    cotangent = torch.ones(SIZE, SIZE, device=device)

    def run() -> None:
        for _ in range(passes):
            points.grad = None
            image = rasterize(points, height=SIZE, sigma=SIGMA, method=method)
            image.backward(cotangent)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    run()
    profile = cProfile.Profile()
    profile.runcall(run)
    with writing(folder / f"{method}.prof") as temporary:
        profile.dump_stats(temporary)
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as trace:
        run()
    with writing(folder / f"{method}.trace.json") as temporary:
        trace.export_chrome_trace(str(temporary))
    return [folder / f"{method}.prof", folder / f"{method}.trace.json"]
