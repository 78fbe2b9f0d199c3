"""Checking domain XML against libvirt's own schema, before anything is created of it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.run import run

__all__ = ["complaint", "validate"]

# xmllint's lines: "/tmp/x.xml:12: element disk: Relax-NG validity error : Did not expect element foo there".
_LINE = re.compile(r"^[^:\n]*:(?P<line>\d+): (?:element \w+: )?[\w -]+ error : (?P<what>.+)$", re.MULTILINE)
# What it says of every enclosing element as well, and what says nothing to a person.
_DULL = re.compile(
    r"failed to validate content|Extra element .* in interleave|Invalid sequence in interleave"
)


def validate(xml: str, where: str = "template XML") -> None:
    """Validate domain XML with virt-xml-validate(1); raises InvalidError with one line of what it says."""
    with tempfile.TemporaryDirectory(prefix="edgelinux-xml-") as scratch:
        file = Path(scratch) / "domain.xml"
        file.write_text(xml, encoding="utf-8")
        done = run(["virt-xml-validate", file, "domain"], check=False, timeout=60)
    if done.returncode != 0:
        what = complaint(f"{done.stderr}\n{done.stdout}", xml)
        raise InvalidError(
            f"{where} is not a domain of libvirt's: {what}", hint="virt-xml-validate tells more"
        )


def complaint(said: str, xml: str) -> str:
    """Choose the one line of the validator's output that says most, with the XML's own line in question."""
    found = [(int(match["line"]), match["what"].strip()) for match in _LINE.finditer(said)]
    if not found:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return lines[0] if lines else "the validator does not say why"
    telling = [item for item in found if not _DULL.search(item[1])] or found
    line, what = telling[0]
    rows = xml.splitlines()
    shown = rows[line - 1].strip() if 0 < line <= len(rows) else ""
    return f"{what} at {shown}" if shown else what
