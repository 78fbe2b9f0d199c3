"""Domain XML as a tree that knows its lines: read without DTDs and entities, written in one form only."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from xml.parsers import expat

from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.errors import InvalidError

__all__ = ["Document", "parse", "serialise"]

_KINDS: dict[str, Kind] = {"lxc": "lxc", "kvm": "kvm", "qemu": "kvm"}


@dataclass(frozen=True)
class Document:
    """An XML document. `lines` has the line on which each element of the parsed text began."""

    root: ET.Element
    lines: dict[ET.Element, int] = field(default_factory=dict)
    where: str = "template XML"

    def at(self, element: ET.Element) -> str:
        """Name an element's line ("line 12"), or nothing where it is not known."""
        line = self.lines.get(element)
        return f"line {line}" if line else ""

    def copy(self) -> Document:
        """Give a document of its own that can be changed."""
        root = copy.deepcopy(self.root)
        pairs = zip(self.root.iter(), root.iter(), strict=True)
        lines = {new: self.lines[old] for old, new in pairs if old in self.lines}
        return Document(root, lines, self.where)

    def kind(self) -> Kind:
        """Tell containers from machines; raises InvalidError."""
        found = _KINDS.get(self.root.get("type", ""))
        if self.root.tag != "domain" or found is None:
            raise InvalidError(
                f"{self.where}: not the XML of a container or a machine",
                hint="it begins with <domain type='lxc'> or <domain type='kvm'>",
            )
        return found

    def text(self, path: str) -> str:
        """Give the text of the first element at a path, without the space around it."""
        return (self.root.findtext(path) or "").strip()


def parse(text: str, where: str = "template XML") -> Document:
    """Read XML; a document type, and with it every entity of its own, is refused. Raises InvalidError."""
    parser = expat.ParserCreate(namespace_separator="}")
    builder = ET.TreeBuilder()
    lines: dict[ET.Element, int] = {}

    def qualified(name: str) -> str:
        return f"{{{name}" if "}" in name else name

    def start(tag: str, attributes: dict[str, str]) -> None:
        named = {qualified(name): value for name, value in attributes.items()}
        lines[builder.start(qualified(tag), named)] = parser.CurrentLineNumber

    def doctype(*_: object) -> None:
        raise InvalidError(
            f"{where}: line {parser.CurrentLineNumber}: a document type is not allowed",
            hint="remove <!DOCTYPE …>",
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: builder.end(qualified(tag))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InvalidError(f"{where}: line {error.lineno}: {reason}", hint="it must be XML") from None
    return Document(builder.close(), lines, where)


def serialise(document: Document) -> str:
    """Write a document in its one form: two spaces a level, attributes in the order they had."""
    root = copy.deepcopy(document.root)
    for element in root.iter():
        element.text = (element.text or "").strip() or None
        element.tail = None
    ET.indent(root, "  ")
    return ET.tostring(root, encoding="unicode") + "\n"
