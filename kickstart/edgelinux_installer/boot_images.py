"""The boot images of a medium, which no file system lists: where they are, and their checksums.

BIOS starts a stick by its first sector and a disc by El Torito's first image; UEFI starts the EFI system
partition, which El Torito names too. xorriso writes addresses into the BIOS images when it makes a medium;
those bytes do not count here, so that the checksums are known before.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import BinaryIO

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["ElTorito", "Interval", "bios_digest", "mbr_digest", "read_el_torito", "uefi_digest"]

_SECTOR = 2048
_FLOPPY_SECTOR = 512
# xorrisofs(1): --grub2-mbr, -boot-info-table and --grub2-boot-info; the last 6 bytes before the partition
# table are a disk's signature.
_MBR_PATCHED = slice(0x1B0, 0x1B8)
_MBR_CODE = 0x1B8
_BIOS_PATCHED = (slice(8, 64), slice(2548, 2556))
# El Torito, version 1.0: the boot record and the catalogue's entries of 32 bytes.
_BOOT_RECORD = b"\0CD001\1EL TORITO SPECIFICATION"
_PLATFORM_UEFI = 0xEF
_BOOTABLE = 0x88
_HEADERS = (0x90, 0x91)


@dataclass(frozen=True)
class Interval:
    """Bytes of a medium: where they begin and how many they are."""

    offset: int
    size: int


@dataclass(frozen=True)
class ElTorito:
    """The boot images in El Torito's catalogue; `bios` is as much of the image as the firmware loads."""

    bios: Interval | None = None
    uefi: Interval | None = None


def read_el_torito(medium: BinaryIO) -> ElTorito:
    """Read the catalogue of an ISO, or of the disk it was written to; raises EdgeLinuxError."""
    record = _read(medium, Interval(17 * _SECTOR, _SECTOR))
    if not record.startswith(_BOOT_RECORD):
        raise EdgeLinuxError("the medium has no El Torito boot record")
    (sector,) = struct.unpack_from("<I", record, 0x47)
    catalogue = _read(medium, Interval(sector * _SECTOR, _SECTOR))
    entries = [catalogue[start : start + 32] for start in range(0, _SECTOR, 32)]
    found: dict[str, Interval] = {}
    platform = entries[0][1]
    for entry in entries[1:]:
        if entry[0] in _HEADERS:
            platform = entry[1]
        elif entry[0] == _BOOTABLE:
            count, start = struct.unpack_from("<HI", entry, 6)
            name = "uefi" if platform == _PLATFORM_UEFI else "bios"
            found.setdefault(name, Interval(start * _SECTOR, count * _FLOPPY_SECTOR))
    return ElTorito(**found)


def mbr_digest(first_sector: bytes) -> str:
    """Return the SHA-512 (hex) of the boot code in a first sector."""
    return _digest(first_sector[:_MBR_CODE], _MBR_PATCHED)


def bios_digest(image: bytes) -> str:
    """Return the SHA-512 (hex) of GRUB's image for BIOS, the file boot/grub/eltorito.img."""
    return _digest(image, *_BIOS_PATCHED)


def uefi_digest(medium: BinaryIO, where: Interval) -> str:
    """Return the SHA-512 (hex) of the EFI system partition; raises EdgeLinuxError when it is cut off."""
    return hashlib.sha512(_read(medium, where)).hexdigest()


def _digest(image: bytes, *patched: slice) -> str:
    cleared = bytearray(image)
    for part in patched:
        cleared[part] = bytes(len(cleared[part]))
    return hashlib.sha512(cleared).hexdigest()


def _read(medium: BinaryIO, where: Interval) -> bytes:
    medium.seek(where.offset)
    content = medium.read(where.size)
    if len(content) < where.size:
        raise EdgeLinuxError("the medium ends before its boot images do")
    return content
