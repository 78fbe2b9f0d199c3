"""The disks that an ISO can be written to, and why it cannot be written to the others."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.disks import Disk, DiskRecord, nested, read_disks, record_disks
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["Target", "describe", "find_target", "list_targets", "read_targets", "refuse"]

_USAGE = 2
_SYSFS = Path("/sys")
# Where a running system has itself; whatever else is mounted is only in use.
_SYSTEM = {"/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/run/initramfs/live"}
# The GPT of an ISO lies where disks with sectors of this size have it.
_SECTOR = 512


@dataclass(frozen=True)
class Target:
    """A disk, and `reason` why it is not written to ("" = it can be).

    `internal` says that it is not removable, which is a reason unless somebody says that it is meant.
    """

    disk: Disk
    internal: bool
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        disk = self.disk
        return {
            "device": disk.path,
            "size": disk.size,
            "model": disk.model,
            "serial": disk.serial,
            "bus": disk.transport,
            "removable": not self.internal,
            "holds": list(disk.contents),
            "refused": self.reason or ("not removable" if self.internal else ""),
        }


def list_targets() -> tuple[Target, ...]:
    """List this machine's disks, sticks first. Without root less is known of what lies on them."""
    found = read_targets(record_disks())
    return tuple(sorted(found, key=lambda target: target.internal))


def find_target(device: Path) -> Target:
    """Look at the device that a person named; raises EdgeLinuxError when it is no disk."""
    try:
        path = device.resolve(strict=True)
        mode = path.stat().st_mode
    except OSError as error:
        raise EdgeLinuxError(
            f"cannot use {device}: {error.strerror}",
            hint="`edgelinux usb list` shows disks",
            exit_code=_USAGE,
        ) from error
    if not stat.S_ISBLK(mode):
        raise EdgeLinuxError(
            f"{device} is not a block device", hint="`edgelinux usb list` shows disks", exit_code=_USAGE
        )
    found = read_targets(record_disks(str(path)), every=True)
    if len(found) != 1:
        raise EdgeLinuxError(f"lsblk does not know {device}")
    return found[0]


def read_targets(record: DiskRecord, *, every: bool = False, sysfs: Path = _SYSFS) -> tuple[Target, ...]:
    """Judge what was gathered of a machine's disks; `every` is as for edgelinux_hostd.disks.read_disks."""
    entries = {str(entry.get("path")): entry for entry in nested(record.lsblk["blockdevices"])}
    return tuple(
        Target(disk, not (disk.removable or _is_card(disk, sysfs)), _reason(disk, entries[disk.path]))
        for disk in read_disks(record, every=every)
    )


def refuse(target: Target, needed: int, *, internal: bool) -> None:
    """Raise EdgeLinuxError when `needed` bytes cannot be written; `internal` allows what is not removable."""
    path, disk = target.disk.path, target.disk
    if target.reason:
        raise EdgeLinuxError(f"{path} is not written to: {target.reason}", hint=_what_to_do(target.reason))
    if disk.size < needed:
        raise EdgeLinuxError(
            f"{path} is too small: it has {disk.size} bytes, {needed} are needed", hint="take a larger stick"
        )
    if target.internal and not internal:
        raise EdgeLinuxError(
            f"{path} is not removable: {describe(disk)}", hint="--internal writes to it all the same"
        )


def describe(disk: Disk) -> str:
    """Write a disk as it can be told from others: model, serial number, size."""
    words = [disk.model or "unknown model", f"serial {disk.serial or 'unknown'}", f"{disk.size / 1e9:.1f} GB"]
    return ", ".join(words)


def _reason(disk: Disk, entry: dict[str, Any]) -> str:
    kind = str(entry.get("type"))
    if kind not in ("disk", "loop"):
        return "it is a partition" if kind == "part" else f"it is no disk ({kind})"
    if _SYSTEM & set(_mount_points(entry)):
        return "the running system is on it"
    if disk.in_use:
        return disk.in_use
    if not disk.size:
        return "there is no medium in it"
    if disk.read_only:
        return "read-only"
    if disk.logical_sector != _SECTOR:
        return f"its sectors have {disk.logical_sector} bytes, and no firmware would start the ISO from it"
    return ""


def _what_to_do(reason: str) -> str:
    known = {
        "it is a partition": "name the disk that it is on",
        "the running system is on it": "",
        "read-only": "is there a switch on it?",
    }
    if reason.startswith("mounted"):
        return "unmount it, and all of its partitions"
    return known.get(reason, "`edgelinux usb list` shows disks that can be written to")


def _mount_points(entry: dict[str, Any]) -> Iterator[str]:
    yield from filter(None, entry.get("mountpoints") or ())
    for child in entry.get("children") or ():
        yield from _mount_points(child)


def _is_card(disk: Disk, sysfs: Path) -> bool:
    """Whether it is an SD card, which the kernel does not call removable; eMMC chips are "MMC"."""
    try:
        return (sysfs / "block" / disk.name / "device/type").read_text(encoding="ascii").strip() == "SD"
    except (OSError, UnicodeDecodeError):
        return False
