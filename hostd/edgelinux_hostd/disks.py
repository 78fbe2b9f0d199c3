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

from pydantic import BaseModel, ConfigDict

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_hostd.zfs import parse_members

__all__ = [
    "Disk",
    "DiskRecord",
    "PoolLabel",
    "nested",
    "parse_lsblk",
    "parse_wipefs",
    "partition_path",
    "read_disks",
    "record_disks",
]

LIVE_MEDIUM = "/run/initramfs/live"

_COLUMNS = (
    "NAME,PATH,PKNAME,TYPE,SIZE,MODEL,SERIAL,WWN,TRAN,RM,RO,LOG-SEC,PHY-SEC,"
    "FSTYPE,PTTYPE,PARTTYPE,LABEL,UUID,MOUNTPOINTS"
)

# What lsblk also calls a disk: RAM disks, compressed swap, floppies, ZFS volumes, network block devices, and
# the boot and replay-protected areas of eMMC chips.
_NOT_A_DISK = re.compile(r"^(ram|zram|zd|fd|nbd|loop|sr|mmcblk\d+(boot\d+|rpmb|gp\d+)$)")

# What `clearpart --linux` means: partition types (Discoverable Partitions Specification; the UEFI ones that a
# Linux makes along with its own; MBR) and file systems. ZFS is not among them: other systems use it too.
_LINUX_PARTITIONS = frozenset(
    {
        "0fc63daf-8483-4772-8e79-3d69d8477de4",  # Linux data
        "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",  # swap
        "a19d880f-05fc-4d3b-a006-743f0f84911e",  # RAID
        "e6d6d379-f507-44c2-a23c-238f2a3df928",  # LVM
        "933ac7e1-2eb4-4f13-b844-0e14e2aef915",  # /home
        "3b8f8425-20e0-4f3b-907f-1a25a76f98e8",  # /srv
        "4d21b016-b534-45c2-a9fb-5c16e091fd2d",  # /var
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",  # root (x86-64)
        "8da63339-0007-60c0-c436-083ac8230908",  # reserved
        "bc13c2ff-59e6-4262-a352-b275fd6f7172",  # boot loader's
        "ca7d7ccb-63ed-4c53-861c-1742536059cc",  # LUKS
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",  # EFI system partition
        "21686148-6449-6e6f-744e-656564454649",  # BIOS boot
        *("0x82", "0x83", "0x85", "0x88", "0x8e", "0xfd", "0xef"),
        "0x5",
        "0xf",
    }
)
_LINUX_FILE_SYSTEMS = frozenset(
    {
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "swap", "vfat"),
        *("LVM2_member", "linux_raid_member", "crypto_LUKS"),
    }
)


@dataclass(frozen=True)
class PoolLabel:
    """A ZFS pool that left its label on a disk; `guid` is 0 where it is not known."""

    name: str
    guid: int


@dataclass(frozen=True)
class Disk:
    """A whole disk. `in_use` says why it must not be touched ("" = free), `contents` what would be lost.

    `foreign` is what of that does not look like Linux's, `pools` the ZFS pools among it.
    """

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
    foreign: tuple[str, ...] = ()
    pools: tuple[PoolLabel, ...] = ()


class DiskRecord(BaseModel):
    """All that a list of disks is made from, so that it can be made on another machine.

    `lsblk` is what that program gave, `links` maps device nodes to their names under /dev/disk, `members` to
    the imported pool that they belong to; `claimed` are disks that the kernel does not give out, `signatures`
    what wipefs found on disks that looked blank.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lsblk: dict[str, Any]
    links: dict[str, list[str]] = {}
    members: dict[str, str] = {}
    claimed: tuple[str, ...] = ()
    signatures: dict[str, tuple[str, ...]] = {}


def partition_path(disk_path: str, number: int) -> str:
    """Give the device node of a partition: /dev/vda 3 → /dev/vda3, /dev/nvme0n1 3 → /dev/nvme0n1p3.

    Names under /dev/disk get udev's own suffix: /dev/disk/by-id/foo 3 → /dev/disk/by-id/foo-part3.
    """
    if disk_path.startswith("/dev/disk/"):
        return f"{disk_path}-part{number}"
    return f"{disk_path}{'p' if disk_path[-1].isdigit() else ''}{number}"


def nested(devices: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give lsblk's devices as a tree, `children` within what they lie on, where it printed a flat list."""
    # What lies on two disks has two rows.
    rows = [{**device} for device in devices]
    first = {str(row.get("name")): row for row in reversed(rows)}
    found = []
    for row in rows:
        parent = first.get(str(row.get("pkname") or ""))
        if parent is None or parent is row:
            found.append(row)
        else:
            parent["children"] = [*(parent.get("children") or ()), row]
    return found


def parse_lsblk(
    json_text: str,
    links: Mapping[str, Sequence[str]],
    pool_members: Mapping[str, str] | None = None,
    *,
    every: bool = False,
) -> tuple[Disk, ...]:
    """Read `lsblk -J -b` with this module's columns; everything that is not a usable disk is left out.

    `every` leaves nothing out, for the list of a device that a person has named. `links` maps a device node
    to its names under /dev/disk; `pool_members` maps a device node to the imported pool that it belongs to
    (see `zfs.parse_members`). Raises EdgeLinuxError.
    """
    try:
        devices = nested(json.loads(json_text)["blockdevices"])
    except (ValueError, KeyError, TypeError) as error:
        raise EdgeLinuxError("cannot read the list of disks that lsblk gave") from error
    found = [
        _disk(device, links, pool_members or {})
        for device in devices
        if every
        or (
            device.get("type") == "disk"
            and int(device.get("size") or 0)
            and not _NOT_A_DISK.match(device["name"])
        )
    ]
    return tuple(sorted(found, key=lambda disk: _natural(disk.name)))


def parse_wipefs(json_text: str) -> tuple[str, ...]:
    """Name the signatures that `wipefs -J` lists for one device."""
    if not json_text.strip():
        return ()
    return tuple(dict.fromkeys(str(entry["type"]) for entry in json.loads(json_text)["signatures"]))


def record_disks(path: str = "") -> DiskRecord:
    """Gather what is known of this machine's disks, or of the one device at `path`, of whatever kind.

    Needs root to see what lies on them.

    lsblk does not see everything. A device that is claimed in a way it does not know cannot be opened
    exclusively (open(2), O_EXCL); a disk with two contradicting signatures looks blank to it, but not to
    wipefs.
    """
    run(["udevadm", "settle", "--timeout=10"], check=False)
    text = run(["lsblk", "--json", "--bytes", "--output", _COLUMNS, *([path] if path else [])]).stdout
    links, members = _links(Path("/dev/disk")), _pool_members()
    disks = parse_lsblk(text, links, members, every=bool(path))
    signatures = {}
    for disk in disks:
        if not disk.contents:
            found = run(["wipefs", "--json", disk.path], check=False)
            if found.returncode == 0 and (kinds := parse_wipefs(found.stdout)):
                signatures[disk.path] = kinds
    return DiskRecord(
        lsblk=json.loads(text),
        links=links,
        members=members,
        claimed=tuple(disk.path for disk in disks if not disk.in_use and _claimed(disk.path)),
        signatures=signatures,
    )


def read_disks(record: DiskRecord, *, every: bool = False) -> tuple[Disk, ...]:
    """List the disks of a machine from what was gathered there, in the order of their names.

    `every` is as for `parse_lsblk`.
    """
    disks = parse_lsblk(json.dumps(record.lsblk), record.links, record.members, every=every)
    return tuple(_closer(disk, record) for disk in disks)


def _closer(disk: Disk, record: DiskRecord) -> Disk:
    if not disk.in_use and disk.path in record.claimed:
        disk = replace(disk, in_use="claimed by the kernel")
    if kinds := record.signatures.get(disk.path):
        found = tuple(f"{kind} on {disk.name}" for kind in kinds)
        # Two signatures that contradict each other are nobody's for certain.
        disk = replace(disk, contents=found, foreign=found)
    return disk


def _disk(
    device: dict[str, Any], links: Mapping[str, Sequence[str]], pool_members: Mapping[str, str]
) -> Disk:
    transport = _text(device, "tran")
    path = str(device["path"])
    return Disk(
        name=str(device["name"]),
        path=path,
        size=int(device["size"] or 0),
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
        foreign=tuple(dict.fromkeys(_foreign(device))),
        pools=tuple(dict.fromkeys(_pools(device))),
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


def _foreign(device: dict[str, Any]) -> Iterator[str]:
    for node in _tree(device):
        kind, parttype = _text(node, "fstype"), _text(node, "parttype").lower()
        is_partition = node is not device and node.get("type") == "part"
        if (kind and kind not in _LINUX_FILE_SYSTEMS) or (
            is_partition and parttype and parttype not in _LINUX_PARTITIONS
        ):
            yield f"{kind or 'partition'} on {node['name']}"
        elif is_partition and not kind and not parttype:
            yield f"partition {node['name']}"


def _pools(device: dict[str, Any]) -> Iterator[PoolLabel]:
    for node in _tree(device):
        if _text(node, "fstype") == "zfs_member":
            # libblkid gives the pool's name as the label, and its GUID as the UUID.
            guid = _text(node, "uuid")
            yield PoolLabel(_text(node, "label"), int(guid) if guid.isascii() and guid.isdigit() else 0)


def _contents(device: dict[str, Any]) -> Iterator[str]:
    if table := _text(device, "pttype"):
        yield table
    for node in _tree(device):
        if kind := _text(node, "fstype"):
            yield " ".join(filter(None, (kind, _text(node, "label"), "on", str(node["name"]))))
        elif node is not device and node.get("type") == "part" and not _text(device, "pttype"):
            yield f"partition {node['name']}"


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
