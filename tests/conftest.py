"""What all tests share: devices, real data, random curves."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# The same examples every time where a failure would be somebody else's to find.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU"),
    ),
]


@pytest.fixture(params=DEVICES)
def device(request):
    """Each device of this machine."""
    return torch.device(request.param)


@pytest.fixture
def threads():
    """A setter for torch's thread count that is undone after the test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def real_data():
    """The folder of real scenes and photographs, which is not part of the repository."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CURVOX_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"the real data is not here ({folder}); set CURVOX_DATA to its folder")
    return folder
