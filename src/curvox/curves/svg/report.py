"""What of an SVG file is not drawn, or not as the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Report", "local_name"]

_NAMED = 3  # places that a sentence names, before it only counts


def local_name(element: Element) -> str:
    """The tag without its namespace; of comments and the like, nothing."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


class Report:
    """Collects what a reader could not do."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, int]] = {}

    def note(self, what: str, element: Element) -> None:
        """Something of an element is not supported; `what` is a sentence without a full stop."""
        name = element.get("id")
        place = f"<{local_name(element)}" + (f' id="{name[:40]}">' if name else ">")
        places = self._places.setdefault(what, {})
        places[place] = places.get(place, 0) + 1

    @property
    def unsupported(self) -> list[str]:
        """A sentence for each kind of thing, with the elements where it was found; [] if all is."""
        return [f"{what}: {_listed(places)}" for what, places in self._places.items()]


def _listed(places: dict[str, int]) -> str:
    texts = [f"{n} × {place}" if n > 1 else place for place, n in places.items()]
    if len(texts) > _NAMED:
        texts = [*texts[:_NAMED], f"{len(texts) - _NAMED} more"]
    return ", ".join(texts)
