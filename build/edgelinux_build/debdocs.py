"""What every Debian package says of itself in /usr/share/doc: its licence and its changelog.

Formats: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ and deb-changelog(5).
"""

from __future__ import annotations

import gzip
from email.utils import formatdate

from .licences import LICENCE, UNKNOWN
from .packaging import Entry, Package

__all__ = ["changelog", "copyright_text", "doc_entries", "what_changed"]

# Texts that every host has in /usr/share/common-licenses, by how SPDX's identifiers begin.
_COMMON = {
    "Apache-2.0": "Apache-2.0",
    "GPL-2.0": "GPL-2",
    "GPL-3.0": "GPL-3",
    "LGPL-2.1": "LGPL-2.1",
    "LGPL-3.0": "LGPL-3",
    "MPL-2.0": "MPL-2.0",
}


def doc_entries(package: Package, maintainer: str, epoch: int) -> tuple[Entry, ...]:
    """Return the files to add to a package; the same package and epoch, the same bytes."""
    folder = f"/usr/share/doc/{package.name}"
    text = changelog(package, maintainer, epoch).encode()
    return (
        Entry(f"{folder}/changelog.gz", 0o644, data=gzip.compress(text, 9, mtime=0)),
        Entry(f"{folder}/copyright", 0o644, text=copyright_text(package)),
    )


def copyright_text(package: Package) -> str:
    """Return the machine-readable copyright file."""
    lines = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
        f"Upstream-Name: {package.origin}",
    ]
    if package.homepage:
        lines.append(f"Source: {package.homepage}")
    lines += ["", "Files: *", f"Copyright: {package.holder}", f"License: {_short(package.licence)}"]
    return "\n".join([*lines, *(f" {line}" for line in _where_the_text_is(package))]) + "\n"


def _short(licence: str) -> str:
    # The format's names have no spaces; what nobody states is no name.
    return "unknown" if licence == UNKNOWN else licence.replace(" AND ", " and ").replace(" OR ", " or ")


def _where_the_text_is(package: Package) -> list[str]:
    common = [name for prefix, name in _COMMON.items() if package.licence.startswith(prefix)]
    lines = [f"The text of this licence is in /usr/share/common-licenses/{name}." for name in common]
    lines += [f"It came with {path}." for path in package.licence_files]
    return lines or ["See the package's files."]


def changelog(package: Package, maintainer: str, epoch: int) -> str:
    """Return the changelog: one entry, for the version that it is."""
    return (
        f"{package.name} ({package.version}) stable; urgency=medium\n\n"
        f"  * {what_changed(package)}\n\n"
        f" -- {maintainer}  {formatdate(epoch)}\n"
    )


def what_changed(package: Package) -> str:
    """Return the one line that a package's changelog has, whatever its format."""
    if package.licence == LICENCE:
        return "See CHANGELOG.md of the sources."
    return f"Made from {package.origin}."
