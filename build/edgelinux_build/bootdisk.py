"""A small disk that BIOS boots by itself: its first sectors, and an initramfs."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["FIRST", "SECTOR", "Entry", "cpio", "first_sectors"]

SECTOR = 512
FIRST = 2048
"""Sector at which the one partition begins; what lies before it is GRUB's."""

_BOOT_CODE = 440  # of the first sector; disk signature and partition table follow
_LINUX = 0x83
# Addresses in cylinders, heads and sectors that stand for "too far, see the other one" (UEFI specification,
# 5.2.1, which describes the table because it has to be left alone).
_FAR = b"\xfe\xff\xff"


def first_sectors(boot: bytes, core: bytes, sectors: int) -> bytes:
    """Return a disk's sectors before its partition: MBR and, right behind it, GRUB's core image.

    `boot` is GRUB's boot.img, `core` what grub-mkimage made for i386-pc, `sectors` the size of the whole
    disk. Both images already look for what follows them in the next sector (grub-core/boot/i386/pc).
    """
    if len(core) > (FIRST - 1) * SECTOR:
        raise EdgeLinuxError(f"GRUB's core image of {len(core)} bytes does not fit before the partition")
    entry = struct.pack("<B3sB3sII", 0x80, _FAR, _LINUX, _FAR, FIRST, sectors - FIRST)
    signature = b"EDGE\0\0"
    mbr = boot[:_BOOT_CODE] + signature + entry + bytes(3 * 16) + b"\x55\xaa"
    return (mbr + core).ljust(FIRST * SECTOR, b"\0")


@dataclass(frozen=True)
class Entry:
    """A file or directory of an initramfs; `mode` as in stat(2)."""

    name: str
    mode: int
    content: bytes = b""


def cpio(entries: Iterable[Entry], epoch: int) -> bytes:
    """Return an initramfs in the format "newc", all of it root's (Linux: early-userspace/buffer-format)."""
    parts = []
    for inode, entry in enumerate([*entries, Entry("TRAILER!!!", 0)], start=1):
        name = entry.name.encode() + b"\0"
        fields = (inode, entry.mode, 0, 0, 1, epoch, len(entry.content), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + "".join(f"{field:08X}" for field in fields).encode()
        parts += [_padded(header + name), _padded(entry.content)]
    return b"".join(parts)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
