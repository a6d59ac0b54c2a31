"""Outlines from fonts: TrueType and CFF, composites, layout, and what is refused."""

from __future__ import annotations

import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen

from curvox.curves.glyphs import glyph_curves, glyph_image, outline, outline_ink
from curvox.errors import InputError

UNITS = 1000


def build(path, glyphs, characters, *, cff):
    """A font file of these glyphs, {name: glyph or charstring}, each 500 units wide."""
    builder = FontBuilder(UNITS, isTTF=not cff)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(characters)
    if cff:
        builder.setupCFF("Test", {}, glyphs, {})
    else:
        builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({name: (500, 0) for name in glyphs})
    builder.setupHorizontalHeader()
    builder.setupNameTable({"familyName": "Test", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def closed(curves):
    """Whether the curves form contours that end where they begin."""
    start = curves[0, 0]
    for before, after in zip(curves, [*curves[1:], None], strict=True):
        if after is None or not torch.equal(before[3], after[0]):
            if not torch.equal(before[3], start):
                return False
            start = start if after is None else after[0]
    return True


@pytest.mark.parametrize("character", ["a", "A", "é", "&", "%", "8"])
def test_outlines_are_closed_and_fill_the_canvas_but_the_margin(character):
    curves = glyph_curves(character, margin=0.1)
    assert curves.shape[1:] == (4, 2)
    assert curves.dtype == torch.float32
    assert curves.amin() == pytest.approx(0.1, abs=1e-5)
    assert curves.amax() == pytest.approx(0.9, abs=1e-5)
    assert closed(outline(character))


def test_y_points_down():
    t = outline("T")
    widths = [
        float(part[..., 0].amax() - part[..., 0].amin())
        for part in (t[(t[..., 1] < -0.6).all(1)], t[(t[..., 1] > -0.1).all(1)])
    ]
    assert widths[0] > 3 * widths[1]  # the bar of a T is at its top, which is where y is small


def test_contours_of_implied_points_only(tmp_path):
    pen = TTGlyphPen(None)
    pen.qCurveTo((0, 0), (400, 0), (400, 400), (0, 400), None)  # no point on the curve at all
    pen.closePath()
    glyphs = {".notdef": TTGlyphPen(None).glyph(), "o": pen.glyph()}
    font = build(tmp_path / "t.ttf", glyphs, {ord("o"): "o"}, cff=False)
    curves = outline("o", font) * torch.tensor([UNITS, -UNITS])
    assert len(curves) == 4
    assert closed(curves)
    ends = {tuple(point) for point in curves[:, 0].round().int().tolist()}
    assert ends == {(200, 0), (400, 200), (200, 400), (0, 200)}


def test_composite_glyphs_are_resolved(tmp_path):
    square = TTGlyphPen(None)
    square.moveTo((0, 0))
    for point in ((100, 0), (100, 100), (0, 100)):
        square.lineTo(point)
    square.closePath()
    twice = TTGlyphPen({"s": None})
    twice.addComponent("s", (1, 0, 0, 1, 0, 0))
    twice.addComponent("s", (2, 0, 0, 2, 200, 50))
    glyphs = {".notdef": TTGlyphPen(None).glyph(), "s": square.glyph(), "c": twice.glyph()}
    font = build(tmp_path / "t.ttf", glyphs, {ord("s"): "s", ord("c"): "c"}, cff=False)
    simple, both = (outline(text, font) for text in "sc")
    assert len(simple) == 4
    expected = simple * 2 + torch.tensor([0.2, -0.05])
    torch.testing.assert_close(both, torch.cat([simple, expected]))


def test_cubic_outlines_of_cff(tmp_path):
    pen = T2CharStringPen(500, None)
    pen.moveTo((0, 0))
    pen.curveTo((0, 100), (300, 400), (400, 0))
    pen.closePath()
    glyphs = {".notdef": T2CharStringPen(500, None).getCharString(), "d": pen.getCharString()}
    font = build(tmp_path / "t.otf", glyphs, {ord("d"): "d"}, cff=True)
    curve, line = outline("d", font) * torch.tensor([UNITS, -UNITS])
    torch.testing.assert_close(curve, torch.tensor([[0.0, 0], [0, 100], [300, 400], [400, 0]]))
    torch.testing.assert_close(line[[0, 3]], torch.tensor([[400.0, 0], [0, 0]]))


def test_text_is_laid_out_by_advances_and_kerning():
    a, v = outline("A"), outline("V")
    pair = outline("AV")
    assert len(pair) == len(a) + len(v)
    torch.testing.assert_close(pair[: len(a)], a)
    shift = pair[len(a) :] - v
    assert shift[..., 1].abs().max() == 0
    assert 0.5 < float(shift[..., 0].mean()) < 0.684  # an advance less kerning
    assert outline_ink("AV", 200, 0.01).width == 200
    assert outline_ink("AV", 200, 0.01).height < 150


def test_ink_is_as_dark_along_short_curves_as_along_long_ones():
    ink = outline_ink("&", 256, 0.004)
    assert ink.strengths().tolist() == pytest.approx([-1] * len(ink.weights), abs=1e-5)
    picture = ink.render()
    assert picture.min() > -3
    assert picture.shape == (256, 256)
    assert picture[0, 0] == pytest.approx(1, abs=1e-4)


def test_filled_picture_has_holes():
    picture = glyph_image("O", 100)
    assert picture.shape == (100, 100)
    assert picture[50, 50] == 1  # inside the letter
    assert picture[0, 0] == 1
    assert picture[50].min() == 0


def test_what_cannot_be_drawn_is_named(tmp_path):
    (tmp_path / "bad.ttf").write_bytes(b"this is no font")
    (tmp_path / "cut.ttf").write_bytes(b"\x00\x01\x00\x00\x00\x09" + bytes(30))
    for name in ("bad.ttf", "cut.ttf", "missing.ttf"):
        with pytest.raises(InputError, match=name):
            glyph_curves("a", tmp_path / name)
    with pytest.raises(InputError, match=r"U\+10FFFF"):
        glyph_curves("\U0010ffff")
    with pytest.raises(InputError, match="blank"):
        glyph_curves(" ")
    with pytest.raises(InputError, match="no text"):
        glyph_curves("")
    with pytest.raises(ValueError, match="margin"):
        glyph_curves("a", margin=0.5)
