"""Brings the pieces of a stick onto it, and compares them with what is there afterwards."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.usb.ahead import CHUNK, ahead, buffers
from edgelinux_build.usb.device import Device, LostError
from edgelinux_build.usb.layout import Piece

__all__ = ["Written", "compare", "transfer"]

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Written:
    """A part of a piece, at most CHUNK bytes, and the SHA-512 of what was read for it."""

    piece: Piece
    digest: bytes


def transfer(pieces: Iterable[Piece], device: Device, advance: Advance) -> list[Written]:
    """Write pieces one after the other, reading ahead; `advance` is told the bytes as they are written.

    Raises LostError, and EdgeLinuxError when a source cannot be read.
    """
    done = []
    for written, data in ahead(_read(pieces)):
        device.write(written.piece.offset, data)
        done.append(written)
        advance(len(data))
    return done


def compare(written: Sequence[Written], device: Device, advance: Advance) -> None:
    """Read back what was written, and compare; raises LostError with the first byte that differs."""

    def read_back() -> Iterator[tuple[Written, memoryview]]:
        for part, buffer in zip(written, buffers(), strict=False):
            data = buffer[: part.piece.size]
            device.read(part.piece.offset, data)
            yield part, data

    for part, data in ahead(read_back()):
        if hashlib.sha512(data).digest() != part.digest:
            raise LostError(
                f"{device.path} does not hold what was written: it differs at byte {_difference(part, data)}",
                hint="the stick is bad, or something else wrote to it: take another one",
            )
        advance(len(data))


def _read(pieces: Iterable[Piece]) -> Iterator[tuple[Written, memoryview]]:
    spare = buffers()
    for piece in pieces:
        if piece.source is None:
            # Nobody writes into this one: it is not among those that are filled again.
            yield from _zeros(piece)
            continue
        try:
            file = os.open(piece.source, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_SEQUENTIAL)
                for part in _parts(piece):
                    data = next(spare)[: part.size]
                    if _fill(file, data, part.start) != part.size:
                        raise EdgeLinuxError(
                            f"{piece.source} ends early, at byte {part.start}",
                            hint="did it change meanwhile?",
                        )
                    yield Written(part, hashlib.sha512(data).digest()), data
            finally:
                os.close(file)
        except OSError as error:
            raise EdgeLinuxError(f"cannot read {piece.source}: {error.strerror}") from error


def _zeros(piece: Piece) -> Iterator[tuple[Written, memoryview]]:
    empty = next(buffers())
    for part in _parts(piece):
        data = empty[: part.size]
        yield Written(part, hashlib.sha512(data).digest()), data


def _parts(piece: Piece) -> Iterator[Piece]:
    for at in range(0, piece.size, CHUNK):
        size = min(CHUNK, piece.size - at)
        yield Piece(piece.offset + at, size, piece.source, piece.start + at)


def _fill(file: int, into: memoryview, offset: int) -> int:
    """Fill the buffer from a file; gives the bytes there were."""
    filled = 0
    while filled < len(into) and (done := os.preadv(file, [into[filled:]], offset + filled)):
        filled += done
    return filled


def _difference(part: Written, data: memoryview) -> int:
    """Give the place on the device where it differs first, as far as the source can still be asked."""
    piece = part.piece
    should = bytearray(piece.size)
    if piece.source is not None:
        with piece.source.open("rb") as file:
            file.seek(piece.start)
            file.readinto(should)
    found = next((at for at in range(piece.size) if data[at] != should[at]), 0)
    return piece.offset + found
