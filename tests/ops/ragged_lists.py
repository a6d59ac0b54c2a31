"""Ragged lists for the tests of the ops that work along rays."""

import torch
from hypothesis import strategies as st

__all__ = ["BAD_OFFSETS", "generator_seeds", "offsets_of", "ray_lengths"]

generator_seeds = st.integers(0, 2**31)

ray_lengths = st.lists(st.integers(0, 40), max_size=12)
"""How many samples each ray has: no ray, rays without samples, and rays longer than a share."""


def offsets_of(lengths):
    """[R + 1] int64 for rays of the given lengths."""
    return torch.tensor([0, *lengths]).cumsum(0)


BAD_OFFSETS = [
    ([0, 3, 2, 5], "must not fall, ray 1 goes from 3 to 2"),
    ([0, 2, 6], "must go from 0 to 5, got 0 to 6"),
    ([0, 2, 4], "must go from 0 to 5, got 0 to 4"),
    ([1, 2, 5], "must go from 0 to 5, got 1 to 5"),
    ([-(2**60), 2**60, 5], "must not fall"),
    ([0, -(2**62), 5], "must not fall"),
]
"""Offsets that do not describe a list of five samples, and what is said of them."""
