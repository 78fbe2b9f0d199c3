"""Checking domain XML against libvirt's own schema, before anything is created of it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.run import run

__all__ = ["complaint", "validate"]

# xmllint's: "/tmp/x.xml:12: element memory: Relax-NG validity error : Type … doesn't allow value 'many'".
_TYPED = re.compile(r":(\d+): element \w+: Relax-NG validity error : (Type .+)$", re.MULTILINE)
# All that it says of an element or attribute the schema does not know: in which part of the domain it is.
_EXTRA = re.compile(r"Relax-NG validity error : Extra element (\w+) in interleave")
_BROKEN = re.compile(r":(\d+): parser error : (.+)$", re.MULTILINE)


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
    """Make one line of the validator's output, with the XML in question where it names a line."""
    for pattern in (_BROKEN, _TYPED):
        found = pattern.search(said)
        if found:
            rows = xml.splitlines()
            line = int(found[1])
            shown = rows[line - 1].strip() if 0 < line <= len(rows) else f"line {line}"
            return f"{found[2]}: {shown}"
    extra = _EXTRA.search(said)
    if extra:
        return f"<{extra[1]}> holds what it may not, or lacks what it must have"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[0] if lines else "the validator does not say why"
