"""Licences of packages, from Debian's machine-readable copyright files, as SPDX expressions.

Formats: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ and annex D of SPDX 2.3. A file
speaks of the whole source package. Names that SPDX does not list become LicenseRefs with their text.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debian.copyright import Copyright, NotMachineReadableError
from license_expression import ExpressionError, get_spdx_licensing

from .inputs import Json

__all__ = [
    "LICENCE",
    "NONE_STATED",
    "UNKNOWN",
    "Declared",
    "Reference",
    "declared_by_tag",
    "read_copyright",
    "read_licences",
    "spdx_expression",
    "spdx_licensing",
    "write_licences",
]

_FILE = "licences.json"

LICENCE = "GPL-2.0-or-later"
"""Of this repository."""

UNKNOWN = "NOASSERTION"
"""SPDX's word for what nobody states in a form that a program reads."""

# What Debian's files call licences that SPDX knows by another name; in lower case.
_NAMES = {
    "apache": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "bsd-2-clause-netbsd": "BSD-2-Clause",
    "bsd-4-clause-uc": "BSD-4-Clause-UC",
    "bsd3": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "cc0": "CC0-1.0",
    "expat": "MIT",
    "gpl": "GPL-1.0-or-later",
    "gpl-any": "GPL-1.0-or-later",
    "lgpl": "LGPL-2.0-or-later",
    "mit/x11": "MIT",
    "openldap-2.8": "OLDAP-2.8",
    "psf": "PSF-2.0",
}
_GNU = re.compile(
    r"(?P<name>A?GPL|LGPL|GFDL)-?(?P<version>[0-9](?:\.[0-9])?)(?:\.0)?(?P<later>\+|-or-later)?", re.I
)
_KERNEL = re.compile(r"GPL-2 with Linux-syscall-note exception", re.I)


@dataclass(frozen=True)
class Reference:
    """A licence that SPDX does not list: what its file calls it, and its text."""

    name: str
    text: str

    @property
    def id(self) -> str:
        """A LicenseRef: the same name with another text is another one."""
        words = re.sub(r"[^A-Za-z0-9.]+", "-", self.name).strip("-") or "unnamed"
        return f"LicenseRef-{words}-{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Declared:
    """What a package says about its licences."""

    expression: str = UNKNOWN
    references: Mapping[str, Reference] = field(default_factory=dict)
    """By id."""

    def as_json(self) -> dict[str, Json]:
        """Return it as it is kept in a result."""
        return {
            "expression": self.expression,
            "references": {id: {"name": ref.name, "text": ref.text} for id, ref in self.references.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Declared:
        """Return what `as_json` made."""
        references = {id: Reference(**row) for id, row in data["references"].items()}
        return cls(str(data["expression"]), references)


NONE_STATED = Declared()


def read_copyright(path: Path) -> Declared:
    """Read a copyright file; one that is missing or not machine-readable declares nothing."""
    logging.getLogger("debian.copyright").setLevel(logging.ERROR)  # it remarks on every small fault of a file
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            found = Copyright(file, strict=False)
        # python-debian's fields are descriptors that mypy does not see through.
        stated: list[Any] = [part.license for part in found.all_files_paragraphs()]
        alone: list[Any] = [part.license for part in found.all_license_paragraphs()]
    except (FileNotFoundError, NotMachineReadableError, ValueError):
        return Declared()
    licences = [licence for licence in stated if licence and licence.synopsis]
    texts = {licence.synopsis: licence.text for licence in alone if licence}
    for licence in licences:
        if licence.text:
            texts.setdefault(licence.synopsis, licence.text)
    references: dict[str, Reference] = {}

    def reference(name: str) -> str:
        made = Reference(name, texts.get(name) or f"The copyright file has no text of its own for {name}.")
        references[made.id] = made
        return made.id

    terms = sorted({spdx_expression(licence.synopsis, reference) for licence in licences})
    if not terms:
        return Declared()
    parts = [f"({term})" if " " in term and len(terms) > 1 else term for term in terms]
    return Declared(" AND ".join(parts), dict(sorted(references.items())))


def declared_by_tag(tag: str) -> Declared:
    """Return the licences that an RPM's License tag names: an SPDX expression, or else words of its own.

    (https://docs.fedoraproject.org/en-US/legal/license-field/; older packages have other names.)
    """
    if not tag.strip():
        return NONE_STATED
    try:
        parsed = spdx_licensing().parse(tag, validate=True)
        return Declared(str(parsed))
    except ExpressionError:
        made = Reference(tag, f"The package's License tag says no more than: {tag}")
        return Declared(made.id, {made.id: made})


def write_licences(folder: Path, licences: Mapping[str, Declared]) -> None:
    """Keep the packages' licences in a stage's result."""
    rows = {name: declared.as_json() for name, declared in licences.items()}
    (folder / _FILE).write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_licences(folder: Path) -> dict[str, Declared]:
    """Return the licences that `write_licences` kept."""
    rows = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return {name: Declared.from_json(row) for name, row in rows.items()}


def spdx_expression(synopsis: str, reference: Any) -> str:
    """Return the SPDX expression of a licence's short name; `reference` makes a LicenseRef of a name.

    `A or B, and C` binds as the comma says; else "and" binds closer than "or".
    """
    parts = re.split(r",\s+(and|or)\s+", synopsis.strip(), flags=re.I)
    joined = [
        f"({_alternatives(part, reference)})" if len(parts) > 1 else _alternatives(part, reference)
        for part in parts[::2]
    ]
    words = [joined[0]]
    for operator, part in zip(parts[1::2], joined[1:], strict=True):
        words += [operator.upper(), part]
    return " ".join(words)


def _alternatives(text: str, reference: Any) -> str:
    choices = re.split(r"\s+or\s+", text, flags=re.I)
    return " OR ".join(_conjunction(choice, reference, alone=len(choices) == 1) for choice in choices)


def _conjunction(text: str, reference: Any, *, alone: bool) -> str:
    terms = [_term(term.strip(), reference) for term in re.split(r"\s+and\s+", text, flags=re.I)]
    joined = " AND ".join(terms)
    return joined if alone or len(terms) == 1 else f"({joined})"


def _term(name: str, reference: Any) -> str:
    if _KERNEL.fullmatch(name):
        return "GPL-2.0-only WITH Linux-syscall-note"
    known = _NAMES.get(name.lower()) or _gnu(name) or _listed().get(name.lower())
    return known or str(reference(name))


def _gnu(name: str) -> str:
    match = _GNU.fullmatch(name)
    if not match:
        return ""
    version = match["version"] if "." in match["version"] else f"{match['version']}.0"
    found = f"{match['name'].upper()}-{version}-{'or-later' if match['later'] else 'only'}"
    return _listed().get(found.lower(), "")


@functools.cache
def _listed() -> dict[str, str]:
    """SPDX's own identifiers, by their lower case."""
    # Exceptions are no licences.
    known = spdx_licensing().known_symbols.items()
    return {key.lower(): key for key, symbol in known if not symbol.is_exception}


@functools.cache
def spdx_licensing() -> Any:
    """Return what reads expressions of SPDX's own identifiers."""
    return get_spdx_licensing()  # type: ignore[no-untyped-call]  # the library has no types
