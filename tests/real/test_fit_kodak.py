"""Photographs of the Kodak set, if they are here."""

from __future__ import annotations

import pytest

from curvox.curves.fit import Fit, FitConfig
from curvox.curves.fit_folder import load_target


@pytest.mark.parametrize(("name", "least"), [("kodim03", 29), ("kodim15", 27), ("kodim23", 29)])
def test_a_photograph_is_recognized(real_data, name, least):
    path = real_data / "kodak" / f"{name}.png"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    fit = Fit(load_target(path, 256), FitConfig(curves=400, iterations=400, size=256))
    fit.advance(400)
    print(f"{name}: {fit.psnr:.2f} dB")
    assert fit.psnr > least
