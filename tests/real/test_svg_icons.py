"""Real icons, drawn as resvg draws them, if a folder of them is here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("resvg_py")

from curvox.bench.svg_fidelity import measure_fidelity


@pytest.fixture(scope="session")
def icons():
    """A folder of SVG files, such as those of the npm package @discordapp/twemoji."""
    folder = Path(os.environ.get("CURVOX_ICONS", "icons"))
    if not folder.is_dir():
        pytest.skip("there are no icons here; set CURVOX_ICONS to a folder of SVG files")
    return folder


# resvg's own pictures are that far from the mean of its pictures at eight times the size.
@pytest.mark.parametrize(("size", "mean", "least"), [(32, 38, 29), (128, 44, 34), (512, 46, 38)])
def test_icons_are_drawn_as_resvg_draws_them(icons, size, mean, least):
    results = [result for result in measure_fidelity(icons, size) if not result.unsupported]
    values = [result.psnr for result in results]
    worst = min(results, key=lambda result: result.psnr)
    average = sum(values) / len(values)
    print(f"{len(values)} icons, {size}: mean {average:.2f} dB; {worst.path.name} {worst.psnr:.2f}")
    assert average >= mean
    assert worst.psnr >= least, worst.path.name
