"""Keeping an antlet's XML inside its antlet: whatever would reach for something of the host's is refused."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.templates.allowed import FREE, PROSE, REASONS, Rules, Scope, rules
from edgelinux_hostd.templates.document import Document

__all__ = ["confine", "violations"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN = 60


def confine(document: Document, name: str, *, privileged: bool = False) -> None:
    """Check that rendered and modernised XML stays inside the antlet of this name.

    `privileged` is for a container whose template says so and whose importer agreed. Raises RefusedError with
    one line for each thing that reaches outside in `items`, and InvalidError for another kind of XML.
    """
    found = violations(document, Scope(name, document.kind(), privileged))
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise RefusedError(
            f"{document.where} reaches outside its antlet: {found[0]}{more}",
            hint="remove it from the template",
            items=found,
        )


def violations(document: Document, scope: Scope) -> tuple[str, ...]:
    """List what reaches outside, each as "line 12: domain/devices/hostdev: a device of the host's"."""
    named = () if document.root.find("name") is not None else ("domain/name: is missing",)
    return named + tuple(
        ": ".join(
            part for part in (document.at(element), f"domain{path and '/'}{path}{attribute}", what) if part
        )
        for element, path, attribute, what in _walk(document.root, "", rules(scope.kind), scope)
    )


def _walk(
    element: ET.Element, path: str, table: Rules, scope: Scope
) -> Iterator[tuple[ET.Element, str, str, str]]:
    parent, _, _ = path.rpartition("/")
    allowed = table.get(path, table.get(f"{parent}/*"))
    if allowed is None:
        yield element, path, "", REASONS.get(path, "not allowed in an antlet")
        return
    values = dict(element.attrib)
    if (element.text or "").strip():
        values["#text"] = (element.text or "").strip()
    for name, value in values.items():
        what = _wrong(value, allowed.get(name), scope)
        if what:
            attribute = "" if name == "#text" else f"/@{name}"
            yield element, path, attribute, f"{value[:_SHOWN]!r} {what}"
    if "#text" in allowed and "#text" not in values and _wrong("", allowed["#text"], scope):
        yield element, path, "", "must not be empty"
    for child in element:
        below = f"{path}/{child.tag}" if path else child.tag
        if below in FREE[scope.kind]:
            yield from _plain(child, below)
        else:
            yield from _walk(child, below, table, scope)


def _wrong(value: str, allowed: object, scope: Scope) -> str:
    if allowed is None:
        return "is not allowed here"
    if callable(allowed):
        what = str(allowed(value, scope))
    else:
        what = "" if re.fullmatch(str(allowed), value) else "is not allowed here"
    return what if what or allowed == PROSE or not _CONTROL.search(value) else "holds control characters"


def _plain(element: ET.Element, path: str) -> Iterator[tuple[ET.Element, str, str, str]]:
    """Check a part that may hold what it likes for what could only be meant to confuse its readers."""
    for part in element.iter():
        if path == "metadata":
            continue
        if _CONTROL.search((part.text or "").strip()):
            yield part, path, "", "holds control characters"
        for name, value in part.attrib.items():
            if _CONTROL.search(value):
                yield part, path, f"/@{name}", "holds control characters"
        if part.tag.startswith("{"):
            yield part, path, "", "an extension of another program's"
