"""What was replaced in a template's XML: said to whoever imports it, one line each."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

__all__ = ["Note", "Notes", "describe"]


@dataclass(frozen=True)
class Note:
    """A replacement: what of, from what, to what ("" when it was dropped), and why."""

    what: str
    old: str
    new: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.old} → {self.new or 'dropped'} ({self.why})"


class Notes:
    """Collects notes, each once."""

    def __init__(self) -> None:
        self._taken: dict[Note, None] = {}

    def add(self, what: str, old: str, new: str, why: str) -> None:
        """Note a replacement."""
        self._taken[Note(what, old, new, why)] = None

    def dropped(self, what: str, element: ET.Element, why: str) -> None:
        """Note that an element was dropped."""
        self.add(what, describe(element), "", why)

    def taken(self) -> tuple[Note, ...]:
        """Give the notes in the order they were taken."""
        return tuple(self._taken)


def describe(element: ET.Element) -> str:
    """Say what an element is in a few words: its type, model or text."""
    model = element.find("model")
    for value in (
        element.get("type"),
        element.get("model"),
        model.get("type") if model is not None else None,
        element.get("dev"),
        element.get("bus"),
        (element.findtext("partition") or "").strip(),
        (element.text or "").strip(),
    ):
        if value:
            return value
    return element.tag
