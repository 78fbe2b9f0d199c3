"""What is written where on a stick, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_build.usb.sites_partition import TABLE, Place

__all__ = ["HEAD", "Layout", "Piece", "lay_out"]

HEAD = 2**20
"""Bytes at the start that are written last: without them neither firmware nor blkid finds anything."""
_TAIL = 2**20
"""Bytes at the end of a disk in which old partition tables, RAID and ZFS have copies of what they know."""


@dataclass(frozen=True)
class Piece:
    """Bytes of a stick, from byte `start` of `source` on; zeros without a source."""

    offset: int
    size: int
    source: Path | None = None
    start: int = 0

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.size


@dataclass(frozen=True)
class Layout:
    """The pieces of a stick: `blank` is on the device before `body` is begun, and `body` before `head`."""

    blank: Piece
    body: Sequence[Piece]
    head: Piece

    @property
    def size(self) -> int:
        """The bytes that stay on it."""
        return sum(piece.size for piece in self.kept())

    def kept(self) -> Iterator[Piece]:
        """Give the pieces that stay on it, each in its place."""
        yield from self.body
        yield self.head


def lay_out(
    iso: Path,
    iso_size: int,
    device_size: int,
    where: Place | None = None,
    image: Path | None = None,
    table: Path | None = None,
) -> Layout:
    """Lay out a stick with an ISO; with a partition for sites, `where` and the files it is made of, too.

    An interrupted stick is not bootable, neither as the old one nor as the new one: it begins with zeros
    until all else is there.
    """
    head = min(HEAD, iso_size)
    body = [Piece(head, iso_size - head, iso, head)] if iso_size > head else []
    end, tail = iso_size, device_size
    if where is not None:
        body.append(Piece(where.offset, where.size, image))
        end, tail = where.offset + where.size, device_size - TABLE
        body.append(Piece(tail, TABLE, table, tail))
    clear = max(end, device_size - _TAIL)
    if clear < tail:
        body.append(Piece(clear, tail - clear))
    return Layout(Piece(0, head), body, Piece(0, head, table or iso))
