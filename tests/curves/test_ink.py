"""Drawings in soft ink: rendering, JSON, SVG."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
import torch

from curvox.curves.ink import Ink, weights_from_ink
from curvox.curves.ink_svg import ink_to_svg, save_svg
from curvox.errors import InputError


@pytest.fixture
def ink():
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(20, 4, 2, generator=generator) * torch.tensor([1.0, 0.6])
    sigmas = 0.03 + 0.05 * torch.rand(20, generator=generator)
    weights = weights_from_ink(torch.randn(20, generator=generator) / 4, points, sigmas, 24)
    return Ink(points, weights, sigmas, 0.7, 60, 100, 24)


def line(length, sigma, steps, brightness):
    x = torch.linspace(0.5 - length / 2, 0.5 + length / 2, 4)
    points = torch.stack([x, torch.full((4,), 0.5)], 1)[None]
    sigmas = torch.tensor([sigma])
    weights = weights_from_ink(torch.tensor([brightness]), points, sigmas, steps)
    return Ink(points, weights, sigmas, 0.0, 101, 101, steps)


@pytest.mark.parametrize("length", [0.0, 0.4, 0.6])
def test_strength_is_the_brightness_in_the_middle(length):
    drawing = line(length, 0.02, 64, 0.5)
    # (K - 1) / K of the line's samples stand where the formula puts K: 1.6 % here.
    assert float(drawing.render()[50, 50]) == pytest.approx(0.5, rel=0.03)
    assert drawing.strengths().tolist() == pytest.approx([0.5])


def test_a_drawing_looks_the_same_at_any_size(ink):
    small, large = ink.render(), ink.render(120, 200)
    pooled = torch.nn.functional.avg_pool2d(large[None, None], 2)[0, 0]
    assert small.shape == (60, 100)
    assert (small - pooled).abs().max() < 0.03


def test_json_gives_back_every_bit(ink, tmp_path):
    ink.save_json(tmp_path / "ink.json")
    back = Ink.load_json(tmp_path / "ink.json")
    for name, value in vars(ink).items():
        other = getattr(back, name)
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other


@pytest.mark.parametrize("text", ["", "{}", '{"format": "other"}', "[1]", '{"format": null}'])
def test_other_json_is_refused_by_name(tmp_path, text):
    (tmp_path / "ink.json").write_text(text)
    with pytest.raises(InputError, match=r"ink\.json"):
        Ink.load_json(tmp_path / "ink.json")
    with pytest.raises(InputError, match=r"none\.json"):
        Ink.load_json(tmp_path / "none.json")


def test_svg_is_well_formed_and_holds_every_visible_curve(ink, tmp_path):
    save_svg(tmp_path / "ink.svg", ink)
    root = ElementTree.parse(tmp_path / "ink.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert root.attrib["viewBox"] == "0 0 100 60"
    paths = root.findall(f".//{space}path")
    assert len(paths) >= 20
    assert all(0 < float(path.attrib["stroke-opacity"]) <= 1 for path in paths)
    filters = {element.attrib["id"] for element in root.findall(f".//{space}filter")}
    used = {group.attrib["filter"][5:-1] for group in root.iter(f"{space}g")}
    assert used <= filters


def test_svg_strokes_carry_the_ink_of_the_samples():
    drawing = line(0.5, 0.02, 64, 0.4)
    root = ElementTree.fromstring(ink_to_svg(drawing))
    total = 0.0
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        for path in group.findall("{http://www.w3.org/2000/svg}path"):
            numbers = path.attrib["d"].replace("M", "").replace("C", " ").replace(",", " ").split()
            length = float(numbers[-2]) - float(numbers[0])
            area = float(group.attrib["stroke-width"]) * length
            total += 2 * float(path.attrib["stroke-opacity"]) * area
    expected = 2 * math.pi * 0.02**2 * float(drawing.weights) * 64 * 101**2
    assert total == pytest.approx(expected, rel=0.1)  # sigmas of a class differ by 7 %
