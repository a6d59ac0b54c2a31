"""An SVG file as a tree of elements with their style: parsed, bounded, closed to the outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

import cssselect2
import defusedxml.ElementTree
import tinycss2
from defusedxml.common import DefusedXmlException

from curvox.curves.svg.report import Report, local_name
from curvox.errors import InputError

__all__ = ["Document", "is_svg", "link"]

_MOST_BYTES = 64 << 20
_MOST_ELEMENTS = 500_000
_DEEPEST = 200
_NAMESPACES = ("{http://www.w3.org/2000/svg}", "")
_XLINK = "{http://www.w3.org/1999/xlink}href"
_URL = re.compile(r"""url\(\s*["']?(?!#|["']?data:)([^"')\s]+)""", re.IGNORECASE)

_INHERITED = {"clip-rule", "color", "fill", "fill-opacity", "fill-rule", "font-size"}
_INHERITED |= {"paint-order", "stroke", "stroke-dasharray", "stroke-dashoffset"}
_INHERITED |= {"stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-opacity"}
_INHERITED |= {"stroke-width", "visibility", "marker", "marker-start", "marker-mid", "marker-end"}


def link(element: Element) -> str | None:
    """Where an element points to."""
    return element.get("href", element.get(_XLINK))


class Document:
    """The elements of an SVG file.

    Args:
        text: the file.
        name: what messages call it.
        report: where rules that are not understood are noted.

    Raises:
        InputError: it is not well-formed XML or no SVG, it is too large or too deep, it has
            entities, or it refers to other files.
    """

    def __init__(self, text: str | bytes, name: str, report: Report) -> None:
        self.root = _parse(text, name)
        self.by_id: dict[str, Element] = {}
        self.parents: dict[Element, Element] = {}
        for element in _walk(self.root, name):
            self.by_id.setdefault(element.get("id", ""), element)
            self.parents.update((child, element) for child in element)
            _refuse_links(element, name)
        self._own = _cascade(self.root, name, report)

    def own(self, element: Element) -> dict[str, str]:
        """What is declared for an element itself: attributes, and CSS over them."""
        return self._own[element]

    def style(self, element: Element, parent: dict[str, str]) -> dict[str, str]:
        """What holds for an element inside another: what is declared, and what is inherited."""
        style = {name: value for name, value in parent.items() if name in _INHERITED}
        for name, value in self._own[element].items():
            if value == "inherit":
                if name in parent:
                    style[name] = parent[name]
            elif value in ("initial", "unset", "revert"):
                if value == "initial":
                    style.pop(name, None)
            else:
                style[name] = value
        return style

    def style_in_place(self, element: Element) -> dict[str, str]:
        """The style that an element has where it stands in the file."""
        line = [element]
        while line[-1] in self.parents:
            line.append(self.parents[line[-1]])
        style: dict[str, str] = {}
        for ancestor in reversed(line):
            style = self.style(ancestor, style)
        return style

    def target(self, reference: str | None) -> Element | None:
        """The element that "#id" names."""
        if not reference or not reference.startswith("#"):
            return None
        return self.by_id.get(reference[1:])


def _parse(text: str | bytes, name: str) -> Element:
    if len(text) > _MOST_BYTES:
        raise InputError(f"{name} is too large: more than {_MOST_BYTES >> 20} MiB")
    try:
        root: Element = defusedxml.ElementTree.fromstring(text)
    except DefusedXmlException:
        raise InputError(f"{name} declares XML entities, which are refused") from None
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{name} is not well-formed XML: {error}") from None
    if local_name(root) != "svg" or root.tag[: -len("svg")] not in _NAMESPACES:
        raise InputError(f"{name} is not an SVG: its outermost element is <{local_name(root)}>")
    return root


def _walk(root: Element, name: str) -> Iterator[Element]:
    """All elements, none of them deeper than the rest of the program can follow."""
    level, depth, count = [root], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > _DEEPEST or count > _MOST_ELEMENTS:
            raise InputError(
                f"{name} is too large: more than {_MOST_ELEMENTS:,} elements, "
                f"or more than {_DEEPEST} inside one another"
            )
        yield from level
        level = [child for element in level for child in element]


def is_svg(element: Element) -> bool:
    """Whether an element is one of SVG's; programs leave notes of their own in files."""
    if not isinstance(element.tag, str):
        return False
    return element.tag[: -len(local_name(element))] in _NAMESPACES


def _refuse_links(element: Element, name: str) -> None:
    """Refuse what would have to be read from elsewhere. Where <a> leads to is not drawn."""
    reference = link(element)
    if local_name(element) == "a" or not is_svg(element):
        return
    if reference is not None and not reference.strip().startswith(("#", "data:")):
        raise InputError(f"{name} refers to another file, {reference[:80]!r}, which is refused")
    texts = list(element.attrib.values())
    if local_name(element) == "style" and element.text:
        texts.append(element.text)
    for text in texts:
        outside = _URL.search(text) if "url(" in text.lower() else None
        if outside:
            raise InputError(
                f"{name} refers to another file, {outside[1][:80]!r}, which is refused"
            )


def _cascade(root: Element, name: str, report: Report) -> dict[Element, dict[str, str]]:
    """The declarations of each element by name, the strongest of each."""
    matcher = cssselect2.Matcher()
    for element in root.iter():
        if local_name(element) == "style" and is_svg(element):
            _add_rules(matcher, element, name, report)
    own: dict[Element, dict[str, str]] = {}
    for wrapper in cssselect2.ElementWrapper.from_xml_root(root).iter_subtree():
        element = wrapper.etree_element
        declared = {key: value.strip() for key, value in element.attrib.items()}
        blocks = [block for _, _, pseudo, block in matcher.match(wrapper) if pseudo is None]
        if "style" in element.attrib:
            blocks.append(_declarations(element.attrib["style"]))
        for important in (False, True):
            for block in blocks:
                declared |= {key: text for key, text, strong in block if strong is important}
        own[element] = declared
    return own


def _add_rules(matcher: cssselect2.Matcher, element: Element, name: str, report: Report) -> None:
    rules = tinycss2.parse_stylesheet(
        "".join(element.itertext()), skip_comments=True, skip_whitespace=True
    )
    for rule in rules:
        if rule.type == "at-rule" and rule.lower_at_keyword == "import":
            raise InputError(f"{name} imports another style sheet, which is refused")
        if rule.type != "qualified-rule":
            if getattr(rule, "lower_at_keyword", "") not in ("charset", "namespace", "font-face"):
                report.note("a rule of a style sheet is not understood", element)
            continue
        try:
            selectors = cssselect2.compile_selector_list(rule.prelude)
        except cssselect2.SelectorError:
            report.note("a selector of a style sheet is not understood", element)
            continue
        for selector in selectors:
            matcher.add_selector(selector, _declarations(rule.content))


def _declarations(content: object) -> list[tuple[str, str, bool]]:
    """Name, value and importance of each."""
    found = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
    return [
        (item.lower_name, tinycss2.serialize(item.value).strip(), item.important)
        for item in found
        if item.type == "declaration"
    ]
