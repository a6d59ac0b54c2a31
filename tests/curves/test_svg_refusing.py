"""SVG that is not drawn: reported where it is only not understood, refused where it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svg_texts import again, document, load, same

from curvox.curves import svg
from curvox.curves.lowering import scene_to_layers
from curvox.curves.svg.path_data import contours_of
from curvox.errors import InputError

# What is not understood is reported.


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('<text id="t">a</text>', '<text> is not drawn: <text id="t">'),
        ("<text>a</text><text>b</text>", "<text> is not drawn: 2 × <text>"),
        ('<image href="data:image/png;base64,AA"/>', "<image> is not drawn: <image>"),
        ("<g><foreignObject/></g>", "<foreignObject> is not drawn"),
        ('<rect width="1" height="1" filter="url(#f)"/>', "filter is left aside: <rect>"),
        ('<g mask="url(#f)"><circle r="1"/></g>', "mask is left aside: <g>"),
        ('<circle r="1" style="mix-blend-mode:screen"/>', "mix-blend-mode is left aside"),
        (
            '<circle r="1" transform="scale(2)" transform-origin="1 1"/>',
            "transform-origin is left aside: <circle>",
        ),
        (
            '<path d="M0 0H9" pathLength="3" stroke-dasharray="1" stroke="red"/>',
            "pathLength is left aside: <path>",
        ),
        ('<g marker-end="url(#m)"><path d="M0 0H1"/></g>', "marker-end is left aside: <path>"),
        ('<circle r="1" fill="url(#nothing)"/>', "the paint '#nothing' is no gradient"),
        ('<pattern id="p"/><circle r="1" fill="url(#p)"/>', "the paint '#p' is no gradient"),
        ('<circle r="1" fill="oklch(50% .1 30)"/>', "fill of 'oklch(50% .1 30)' is not understood"),
        ('<circle r="1" transform="spin(3)"/>', "spin(3) is not a transform"),
        ('<circle r="1" stroke="red" stroke-width="-1"/>', "stroke-width of '-1'"),
        ('<circle r="1" clip-path="circle()"/>', "clip-path of 'circle()' is left aside"),
        ('<use href="#missing"/>', "what '#missing' names is missing"),
        ("<animate/>", "<animate> is not drawn"),
        ("<style>@media print{}</style>", "a rule of a style sheet is not understood"),
        ('<circle r="1" width="4px"/><rect width="calc(1px)" height="1"/>', "width of 'calc(1px)'"),
    ],
)
def test_what_is_not_drawn_is_reported(body, sentence):
    _, report = svg.from_svg(document(body))
    assert any(sentence in found for found in report.unsupported), report.unsupported


def test_notes_of_drawing_programs_are_no_defect():
    load(
        '<metadata><a/></metadata><title>t</title><desc/><x:view xmlns:x="urn:x"><x:g/></x:view>'
        '<a href="https://example.org"><circle r="1"/></a><!-- comment -->'
    )


# What cannot be used is refused in one sentence.


def uses(levels):
    steps = (
        f'<g id="g{level + 1}">' + f'<use href="#g{level}"/>' * 10 + "</g>"
        for level in range(levels)
    )
    return f'<defs><g id="g0"/>{"".join(steps)}</defs><use href="#g{levels}"/>'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not well-formed"),
        ("<svg", "not well-formed"),
        ("\x00", "not well-formed"),
        (b"\x1f\x8b\x08", "not well-formed"),
        ("<html/>", "outermost element is <html>"),
        (document("&x;"), "not well-formed"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]>' + document("&a;"), "entities"),
        ('<!DOCTYPE svg [<!ENTITY a SYSTEM "/etc/hostname">]>' + document("&a;"), "entities"),
        (document('<use href="other.svg#a"/>'), "another file, 'other.svg#a'"),
        (document('<image href="/etc/hostname"/>'), "another file"),
        (document('<circle r="1" fill="url(a.svg#b)"/>'), "another file, 'a.svg#b'"),
        (document("<style>@import 'a.css';</style>"), "style sheet"),
        (document("<style>a{fill:url('http://a/b')}</style>"), "another file"),
        (document('<g id="a"><use href="#a"/></g>'), "a <use> of itself"),
        (document('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'), "of itself"),
        (document("<g>" * 300 + "</g>" * 300), "inside one another"),
        (document("", 'width="0" height="3"'), "size that cannot be drawn"),
        (document("", 'width="1e9" height="3"'), "size that cannot be drawn"),
    ],
)
def test_what_cannot_be_used_is_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        svg.from_svg(text)


def test_uses_of_uses_are_counted(monkeypatch):
    monkeypatch.setattr("curvox.curves.svg.read._MOST_ELEMENTS", 10_000)
    with pytest.raises(InputError, match="every <use> put in place"):
        svg.from_svg(document(uses(12)))


def test_deep_documents_are_drawn_and_saved():
    groups = '<g transform="scale(1.01)" opacity=".9">' * 95
    symbols = "".join(
        f'<symbol id="s{level}" viewBox="0 0 9 {level + 5}"><use href="#s{level - 1}"/></symbol>'
        for level in range(1, 30)
    )
    square = '<rect width="9" height="9"/>'
    for body in (
        f"{groups}{square}{'</g>' * 95}",
        f'<symbol id="s0">{square}</symbol>{symbols}<use href="#s29"/>',
    ):
        scene = load(body)
        assert len(scene_to_layers(scene).rules) >= 1
        assert same(again(scene), scene)


def test_a_doctype_alone_is_no_harm():
    public = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'
    assert svg.from_svg(public + document(""))[1].unsupported == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*missing\.svg"):
        svg.load(tmp_path / "missing.svg")


@pytest.mark.parametrize(
    "body",
    [
        '<path d="M' + "1" * 100_000 + '"/>',
        '<rect width="1" height="1" transform="' + "a(" * 50_000 + '"/>',
        '<rect width="1" height="1" fill="url(' + " " * 100_000 + '"/>',
        '<polygon points="' + "1 " * 100_001 + '"/>',
        '<path d="M0 0' + "h1v1" * 50_000 + '"/>',
        "<style>" + "a b>c~d{fill:red}" * 1000 + "</style>" + '<circle r="1"/>' * 200,
        '<linearGradient id="a" href="#b"/><linearGradient id="b" href="#a"/>'
        '<circle r="1" fill="url(#a)"/>',
        '<clipPath id="a" clip-path="url(#a)"/><circle r="1" clip-path="url(#a)"/>',
    ],
)
def test_absurd_documents_end(body):
    svg.from_svg(document(body))


@given(st.text(alphabet="MmLlCcSsQqTtAaHhVvZz0123456789.,-+eE \nx", max_size=60))
def test_any_path_data_ends_in_contours(text):
    contours, _ = contours_of(text)
    for contour in contours:
        assert len(contour.points) == sum(contour.degrees) + (not contour.closed)
        assert contour.points.isfinite().all()
