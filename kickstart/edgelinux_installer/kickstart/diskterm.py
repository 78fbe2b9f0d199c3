"""One term of a list of disks: a name, `serial:`, `model:`, or a comparison of the size.

Names, serial numbers and models may be globs (fnmatch(3)). Used by `select` in the kickstart's add-on and by
`disks.select` in site files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from edgelinux_hostd.disks import Disk

__all__ = ["DiskTerm", "DiskTermError", "parse_term"]

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"size\s*(>=|<=|>|<)\s*(\d{1,9}(?:\.\d{1,3})?)\s*([A-Za-z]+)")


class DiskTermError(ValueError):
    """A term that means nothing; `hint` says what would."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class DiskTerm:
    """`pattern` is what a name must match, or a comparison such as ">="; `size` is in bytes."""

    text: str
    kind: Literal["path", "serial", "model", "size"]
    pattern: str
    size: int = 0

    @property
    def exact(self) -> bool:
        """Whether it means one disk: a path or a serial number without wildcards."""
        return self.kind in ("path", "serial") and not set("*?[") & set(self.pattern)

    def matches(self, disk: Disk) -> bool:
        """Say whether it means this disk."""
        if self.kind == "size":
            return {
                ">=": disk.size >= self.size,
                "<=": disk.size <= self.size,
                ">": disk.size > self.size,
                "<": disk.size < self.size,
            }[self.pattern]
        if self.kind == "serial":
            return fnmatchcase(disk.serial, self.pattern)
        if self.kind == "model":
            return fnmatchcase(disk.model, self.pattern)
        # Kickstart also writes sda and disk/by-id/….
        pattern = self.pattern if self.pattern.startswith("/") else f"/dev/{self.pattern}"
        return any(name == pattern or fnmatchcase(name, pattern) for name in (disk.path, *disk.links))


def parse_term(text: str) -> DiskTerm:
    """Read one term. Raises DiskTermError."""
    if re.match(r"size\b", text):
        match = _SIZE.fullmatch(text)
        if not match or match[3] not in _UNITS:
            raise DiskTermError("is not a comparison of sizes", f"size>=400GB; units: {', '.join(_UNITS)}")
        return DiskTerm(text, "size", match[1], int(float(match[2]) * _UNITS[match[3]]))
    kind, colon, pattern = text.partition(":")
    if colon and "/" not in kind and kind in ("serial", "model"):
        if not pattern.strip():
            raise DiskTermError(f"{kind}: names nothing", f"{kind}:ABC*")
        return DiskTerm(text, "serial" if kind == "serial" else "model", pattern.strip())
    if colon and "/" not in kind:
        raise DiskTermError(
            f"{kind}: is not known", "a path or glob below /dev, serial:…, model:…, or size>=400GB"
        )
    if not text or any(sign.isspace() for sign in text) or re.search(r"[<>]", text):
        raise DiskTermError("is not a disk", "a path or glob below /dev, serial:…, model:…, or size>=400GB")
    return DiskTerm(text, "path", text)
