"""How an edgeLinux host lays out disks, pool and datasets: constants, and planners that only decide."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = [
    "BIOS_BOOT",
    "ESP",
    "ESP_LABEL",
    "MIN_DISK_BYTES",
    "POOL",
    "ZFS",
    "Dataset",
    "Layout",
    "boot_environment",
    "dataset_argv",
    "datasets",
    "esp_format_argv",
    "partition_argv",
    "partition_table",
    "pool_create_argv",
    "state_mounts",
    "wipe_argvs",
]

POOL = "antlets"
MIN_DISK_BYTES = 8 * 1024**3

# Partition numbers, the same on every disk.
BIOS_BOOT = 1
ESP = 2
ZFS = 3

ESP_LABEL = "EDGELINUX"

_MIB = 1024**2
# What the entries of a GPT take: 128 of 128 bytes (UEFI specification, 5.3).
_ENTRIES = 128 * 128
# Type and name of each partition. The types are GRUB's, UEFI's and the one that OpenZFS gives its own.
_PARTITIONS = {
    BIOS_BOOT: ("21686148-6449-6E6F-744E-656564454649", "edgelinux-bios"),
    ESP: ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "edgelinux-esp"),
    ZFS: ("6A898CC3-1DD2-11B2-99A6-080020736631", "edgelinux-zfs"),
}

Layout = Literal["mirror", "single"]

# zpoolprops(7) and zfsprops(7). The compatibility set keeps the pool importable by every OpenZFS from 2.2 on;
# direct=disabled because O_DIRECT from QEMU can raise false checksum events (openzfs#18610).
_POOL_PROPERTIES = {"ashift": "12", "compatibility": "openzfs-2.2-linux"}
_ROOT_PROPERTIES = {
    "compression": "lz4",
    "acltype": "posixacl",
    "xattr": "sa",
    "atime": "off",
    "direct": "disabled",
    "canmount": "off",
    "mountpoint": "/antlets",
}

# A full pool must not keep the host from booting, logging in and being repaired.
_BOOT_ENVIRONMENT_RESERVATION = "2G"

_STATE = {
    "STATE/log": "/var/log",
    "STATE/libvirt": "/var/lib/libvirt",
    "STATE/edgelinux": "/var/lib/edgelinux",
    "STATE/home": "/home",
    "STATE/root": "/root",
}


@dataclass(frozen=True)
class Dataset:
    """A dataset to create; the name is relative to the pool ("ROOT/2.1.0")."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)


def partition_argv(disk: str) -> list[str]:
    """Give the sfdisk(8) command that writes a fresh GPT on a disk: `partition_table`, on its standard input.

    Old signatures go, those where new partitions come to lie as well. A disk in use is refused; the lock
    keeps udev away until all is written, since a partition that it reads would make the disk look used.
    """
    return ["sfdisk", "--lock=yes", "--wipe=always", "--wipe-partitions=always", disk]


def partition_table(size: int, sector: int, guids: Mapping[int, str] | None = None) -> str:
    """Give the GPT with the three partitions of a disk, as sfdisk(8) reads it.

    `size` of the disk and of its logical sectors are in bytes; `guids` are the partitions' own, by number:
    sfdisk makes up those that are missing.

    8 MiB stay free at the end, as on disks that ZFS partitions itself, so that a replacement disk which is a
    few sectors smaller still fits. All is given in sectors: what is given in MiB, sfdisk aligns to what a
    disk says of its input and output, and disks of one mirror may say different things.
    """
    mib = _MIB // sector
    # The first sector is the protective MBR's; header and entries come after it, and again at the end.
    first = 2 + _ENTRIES // sector
    last = size // sector - first
    zfs = (1 + 1 + 1024) * mib
    lines = ["label: gpt", f"first-lba: {first}"]
    for number, start, end in (
        (BIOS_BOOT, mib, 2 * mib),
        (ESP, 2 * mib, zfs),
        (ZFS, zfs, last - 8 * mib + 1),
    ):
        kind, name = _PARTITIONS[number]
        own = f", uuid={guids[number]}" if guids and number in guids else ""
        lines.append(f"start={start}, size={end - start}, type={kind}, name={name}{own}")
    return "".join(f"{line}\n" for line in lines)


def wipe_argvs(disk: str, partitions: Sequence[str] = ()) -> list[list[str]]:
    """Give the commands that make a disk blank: signatures of its old partitions first, then its own.

    Old ZFS labels have to go: a new partition may begin where an old one did, and its label would offer a
    pool that no longer exists.
    """
    return [["wipefs", "--all", "--force", device] for device in (*partitions, disk)]


def esp_format_argv(partition: str) -> list[str]:
    """Give the mkfs.fat(8) command for an ESP. FAT32, since some firmware reads nothing else."""
    return ["mkfs.vfat", "-F", "32", "-n", ESP_LABEL, partition]


def pool_create_argv(
    pool: str,
    layout: Layout,
    parts: Sequence[str],
    altroot: str = "",
    *,
    properties: Mapping[str, str] | None = None,
    root_properties: Mapping[str, str] | None = None,
) -> list[str]:
    """Give the zpool-create(8) command. `parts` are device nodes; `altroot` is where datasets mount for now.

    `properties` are those of the pool that are the caller's own, `root_properties` those of its root
    dataset.

    `-f` because the caller has already decided that what lies on the partitions may go.
    Raises EdgeLinuxError.
    """
    needed = {"mirror": 2, "single": 1}
    if layout not in needed:
        raise EdgeLinuxError(f"unknown pool layout {layout!r}", hint="mirror or single")
    if (layout == "single" and len(parts) != 1) or len(parts) < needed[layout]:
        raise EdgeLinuxError(f"a {layout} pool cannot be made of {len(parts)} disk(s)")
    wanted = {**_POOL_PROPERTIES, **(properties or {})}
    root = {**_ROOT_PROPERTIES, **(root_properties or {})}
    argv = ["zpool", "create", "-f", *(["-R", altroot] if altroot else []), "-o", "cachefile=none"]
    argv += [word for key, value in wanted.items() for word in ("-o", f"{key}={value}")]
    argv += [word for key, value in root.items() for word in ("-O", f"{key}={value}")]
    return [*argv, pool, *(["mirror"] if layout == "mirror" else []), *parts]


def boot_environment(version: str) -> str:
    """Name the dataset of a version's boot environment, relative to the pool; raises EdgeLinuxError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]*", version):
        raise EdgeLinuxError(f"{version!r} cannot name a boot environment", hint="letters, digits, . _ : -")
    return f"ROOT/{version}"


def datasets(version: str) -> list[Dataset]:
    """List the datasets of a new host in the order in which they must be created."""
    nowhere = {"canmount": "off", "mountpoint": "none"}
    return [
        Dataset("ROOT", nowhere),
        Dataset(
            boot_environment(version),
            {"canmount": "noauto", "mountpoint": "/", "reservation": _BOOT_ENVIRONMENT_RESERVATION},
        ),
        Dataset("STATE", nowhere),
        *(Dataset(name, {"mountpoint": "legacy"}) for name in _STATE),
        # Templates are cloned, never used in place.
        Dataset("TEMPLATES", {"canmount": "off"}),
    ]


def dataset_argv(pool: str, dataset: Dataset) -> list[str]:
    """Give the zfs-create(8) command for a dataset; nothing is mounted (-u)."""
    options = [word for key, value in dataset.properties.items() for word in ("-o", f"{key}={value}")]
    return ["zfs", "create", "-u", *options, f"{pool}/{dataset.name}"]


def state_mounts() -> dict[str, str]:
    """Map each STATE dataset (relative to the pool) to the directory where units mount it."""
    return dict(_STATE)
