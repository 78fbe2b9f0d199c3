"""The disks of this machine: what they are, whether something uses them, and what lies on them."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_hostd.zfs import parse_members

__all__ = [
    "Disk",
    "list_disks",
    "parse_lsblk",
    "parse_wipefs",
    "partition_path",
]

LIVE_MEDIUM = "/run/initramfs/live"

_COLUMNS = "NAME,PATH,TYPE,SIZE,MODEL,SERIAL,WWN,TRAN,RM,RO,LOG-SEC,PHY-SEC,FSTYPE,PTTYPE,LABEL,MOUNTPOINTS"

# What lsblk also calls a disk: RAM disks, compressed swap, floppies, ZFS volumes, network block devices, and
# the boot and replay-protected areas of eMMC chips.
_NOT_A_DISK = re.compile(r"^(ram|zram|zd|fd|nbd|loop|sr|mmcblk\d+(boot\d+|rpmb|gp\d+)$)")


@dataclass(frozen=True)
class Disk:
    """A whole disk. `in_use` says why it must not be touched ("" = free), `contents` what would be lost."""

    name: str
    path: str
    size: int
    model: str
    serial: str
    wwn: str
    transport: str
    removable: bool
    read_only: bool
    logical_sector: int
    physical_sector: int
    links: tuple[str, ...]
    in_use: str
    contents: tuple[str, ...]


def partition_path(disk_path: str, number: int) -> str:
    """Give the device node of a partition: /dev/vda 3 → /dev/vda3, /dev/nvme0n1 3 → /dev/nvme0n1p3.

    Names under /dev/disk get udev's own suffix: /dev/disk/by-id/foo 3 → /dev/disk/by-id/foo-part3.
    """
    if disk_path.startswith("/dev/disk/"):
        return f"{disk_path}-part{number}"
    return f"{disk_path}{'p' if disk_path[-1].isdigit() else ''}{number}"


def parse_lsblk(
    json_text: str, links: Mapping[str, Sequence[str]], pool_members: Mapping[str, str] | None = None
) -> tuple[Disk, ...]:
    """Read `lsblk -J -b` with this module's columns; everything that is not a usable disk is left out.

    `links` maps a device node to its names under /dev/disk; `pool_members` maps a device node to the imported
    pool that it belongs to (see `zfs.parse_members`). Raises EdgeLinuxError.
    """
    try:
        devices = json.loads(json_text)["blockdevices"]
    except (ValueError, KeyError, TypeError) as error:
        raise EdgeLinuxError("cannot read the list of disks that lsblk gave") from error
    found = [
        _disk(device, links, pool_members or {})
        for device in devices
        if device.get("type") == "disk"
        and int(device.get("size") or 0)
        and not _NOT_A_DISK.match(device["name"])
    ]
    return tuple(sorted(found, key=lambda disk: _natural(disk.name)))


def parse_wipefs(json_text: str) -> tuple[str, ...]:
    """Name the signatures that `wipefs -J` lists for one device."""
    if not json_text.strip():
        return ()
    return tuple(dict.fromkeys(str(entry["type"]) for entry in json.loads(json_text)["signatures"]))


def list_disks() -> tuple[Disk, ...]:
    """List this machine's disks in the order of their names. Needs root to see what lies on them."""
    run(["udevadm", "settle", "--timeout=10"], check=False)
    text = run(["lsblk", "--json", "--bytes", "--output", _COLUMNS]).stdout
    return tuple(_look_closer(disk) for disk in parse_lsblk(text, _links(Path("/dev/disk")), _pool_members()))


def _disk(
    device: dict[str, Any], links: Mapping[str, Sequence[str]], pool_members: Mapping[str, str]
) -> Disk:
    transport = _text(device, "tran")
    path = str(device["path"])
    return Disk(
        name=str(device["name"]),
        path=path,
        size=int(device["size"]),
        model=_text(device, "model"),
        serial=_text(device, "serial"),
        wwn=_text(device, "wwn"),
        transport=transport,
        # USB disks and card readers often deny being removable.
        removable=bool(device.get("rm")) or transport == "usb",
        read_only=bool(device.get("ro")),
        logical_sector=int(device.get("log-sec") or 512),
        physical_sector=int(device.get("phy-sec") or 512),
        links=tuple(sorted(links.get(path, ()))),
        in_use=next(_uses(device, pool_members), ""),
        contents=tuple(dict.fromkeys(_contents(device))),
    )


def _tree(device: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield device
    for child in device.get("children") or ():
        yield from _tree(child)


def _uses(device: dict[str, Any], pool_members: Mapping[str, str]) -> Iterator[str]:
    for node in _tree(device):
        # One `mountpoints` list since util-linux 2.37; unmounted devices have [null].
        for mountpoint in filter(None, node.get("mountpoints") or ()):
            if mountpoint == LIVE_MEDIUM:
                yield "holds the live medium"
            else:
                yield "used as swap" if mountpoint == "[SWAP]" else f"mounted at {mountpoint}"
        if pool := pool_members.get(str(node["path"])):
            yield f"member of imported pool {pool}"
        if node is not device and node.get("type") != "part":
            yield f"used by {node['name']} ({node.get('type')})"


def _contents(device: dict[str, Any]) -> Iterator[str]:
    if table := _text(device, "pttype"):
        yield table
    for node in _tree(device):
        if kind := _text(node, "fstype"):
            yield " ".join(filter(None, (kind, _text(node, "label"), "on", str(node["name"]))))
        elif node is not device and node.get("type") == "part" and not _text(device, "pttype"):
            yield f"partition {node['name']}"


def _look_closer(disk: Disk) -> Disk:
    """Ask the kernel and wipefs too, where lsblk found nothing.

    A device that is claimed in a way lsblk does not know cannot be opened exclusively (open(2), O_EXCL); a
    disk with two contradicting signatures looks blank to lsblk, but not to wipefs.
    """
    if not disk.in_use and _claimed(disk.path):
        disk = replace(disk, in_use="claimed by the kernel")
    if not disk.contents:
        found = run(["wipefs", "--json", disk.path], check=False)
        if found.returncode == 0:
            disk = replace(
                disk, contents=tuple(f"{kind} on {disk.name}" for kind in parse_wipefs(found.stdout))
            )
    return disk


def _claimed(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def _links(root: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for link in sorted(root.glob("by-*/*")):
        if link.is_symlink():
            found.setdefault(str(link.resolve()), []).append(str(link))
    return found


def _pool_members() -> dict[str, str]:
    # Without the kernel module there are no imported pools, and `zpool` would only complain.
    if not Path("/sys/module/zfs").exists():
        return {}
    return parse_members(run(["zpool", "status", "-LP"], timeout=60).stdout)


def _text(device: dict[str, Any], key: str) -> str:
    return str(device.get(key) or "").strip()


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort sda before sdz before sdaa, and nvme2n1 before nvme10n1."""
    letters = re.fullmatch(r"(sd|vd|xvd|hd)([a-z]+)", name)
    if letters:
        return [(0, letters[1]), (len(letters[2]), letters[2])]
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name) if part]
