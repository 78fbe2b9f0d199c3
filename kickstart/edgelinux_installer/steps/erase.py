"""Erases what the chosen disks held, so that nothing old is ever found again."""

from __future__ import annotations

import os
from pathlib import Path

from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.context import Context, Step

__all__ = ["STEP", "erase", "wipe_ends"]

# Both ends of disk and partitions: that is where partition tables, file systems, RAID and LVM keep their
# signatures, and ZFS its four labels (two of 256 KiB at either end).
_END = 1024**2
_SYS_BLOCK = Path("/sys/class/block")


def erase(ctx: Context) -> None:
    """Overwrite both ends of every old partition, then of the disk itself."""
    for disk in ctx.plan.disks:
        _erase(disk)


def _erase(disk: Disk) -> None:
    areas = [(0, disk.size), *_partitions(disk)]
    try:
        # O_EXCL: the kernel says no when anything uses the disk after all (open(2)).
        device = os.open(disk.path, os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC)
        try:
            for start, size in reversed(areas):
                wipe_ends(device, start, size)
            os.fsync(device)
        finally:
            os.close(device)
    except OSError as error:
        raise EdgeLinuxError(f"cannot erase {disk.path}: {error.strerror}") from error


def wipe_ends(device: int, start: int, size: int) -> None:
    """Write zeros over the first and the last MiB of an area of a device, given in bytes."""
    length = min(_END, size)
    for offset in {start, start + size - length}:
        written = 0
        while written < length:
            written += os.pwrite(device, bytes(length - written), offset + written)


def _partitions(disk: Disk) -> list[tuple[int, int]]:
    """List start and size in bytes of the partitions the kernel knows (sysfs counts 512-byte units)."""
    found = []
    for path in sorted((_SYS_BLOCK / disk.name).glob("*/partition")):
        start, size = (int((path.parent / name).read_text()) * 512 for name in ("start", "size"))
        found.append((start, size))
    return found


STEP = Step("Erasing the disks", 1, erase)
