"""Decides whether a pool can be made of the disks that were named, and how. Nothing here touches a disk."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict

from edgelinux_hostd import layout
from edgelinux_hostd.antlets.names import check_pool_name
from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.storage.base import KIND, UUID
from edgelinux_hostd.storage.mounting import top_of

__all__ = ["DIRECTORIES", "MIN_DISK_BYTES", "PoolPlan", "best_name", "find_disk", "plan_pool", "unfit"]

MIN_DISK_BYTES = 1024**3

# A mirror is as large as its smallest disk; more waste than this is likely a wrong disk.
_LEAST_SHARE = 0.9

# A pool is mounted at the directory of its name: not these (hier(7)).
DIRECTORIES = frozenset(
    [
        *(
            "bin",
            "boot",
            "dev",
            "efi",
            "etc",
            "home",
            "lib",
            "lib32",
            "lib64",
            "libx32",
            "media",
            "mnt",
            "opt",
        ),
        *("proc", "root", "run", "sbin", "snap", "srv", "sys", "sysroot", "tmp", "usr", "var"),
    ]
)


class PoolPlan(BaseModel):
    """A pool to be made. `devices` is what it is made of, `disks` the same as device nodes, `wipe` those of
    them on which something lies. The uuid is its root's property, by which an undo knows what it made.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    layout: layout.Layout
    devices: tuple[str, ...]
    disks: tuple[str, ...]
    wipe: tuple[str, ...]
    uuid: str

    def argv(self) -> list[str]:
        """Give the zpool-create(8) command."""
        return layout.pool_create_argv(
            self.name,
            self.layout,
            self.devices,
            # Should all disks go away, writing fails instead of waiting for them to come back.
            properties={"failmode": "continue"},
            root_properties={"mountpoint": top_of(self.name), KIND: "pool", UUID: self.uuid},
        )


def plan_pool(
    name: str,
    kind: str,
    wanted: Sequence[str],
    disks: Sequence[Disk],
    *,
    imported: Collection[str] = (),
    importable: Collection[str] = (),
    occupied: bool = False,
    erase: bool = False,
) -> PoolPlan:
    """Plan a pool of the disks `wanted` (device node, name under /dev/disk, or serial number).

    `imported` and `importable` are the names of the pools that there are; `occupied` says whether something
    lies where it would be mounted. With `erase`, what lies on the disks may go.

    Raises InvalidError, NotFoundError and RefusedError.
    """
    _check_name(name, imported, importable, occupied=occupied)
    chosen = [find_disk(text, disks) for text in wanted]
    for path, count in Counter(disk.path for disk in chosen).items():
        if count > 1:
            raise InvalidError(f"disk {path} is named twice", hint="a disk can be used once")
    _check_layout(kind, len(chosen))
    for disk in chosen:
        if problem := unfit(disk):
            raise RefusedError(f"disk {disk.path} cannot be used: {problem}")
    full = [disk for disk in chosen if disk.contents]
    if full and not erase:
        raise RefusedError(
            "; ".join(f"disk {disk.path} is not empty: {', '.join(disk.contents)}" for disk in full),
            hint="all of it would be lost: say so with --erase, or use `antlet recover` for a pool",
            items=[f"{disk.path}: {entry}" for disk in full for entry in disk.contents],
        )
    sizes = [disk.size for disk in chosen]
    if min(sizes) < _LEAST_SHARE * max(sizes):
        listed = ", ".join(f"{disk.path} {disk.size / 1024**3:.0f} GiB" for disk in chosen)
        raise RefusedError(
            f"the disks' sizes differ too much for a mirror: {listed}", hint="take disks of one size"
        )
    return PoolPlan(
        name=name,
        layout="mirror" if kind == "mirror" else "single",
        devices=tuple(best_name(disk) for disk in chosen),
        disks=tuple(disk.path for disk in chosen),
        wipe=tuple(disk.path for disk in full),
        uuid=str(uuid.uuid4()),
    )


def _check_name(name: str, imported: Collection[str], importable: Collection[str], *, occupied: bool) -> None:
    check_pool_name(name)
    if name in DIRECTORIES:
        raise InvalidError(f"a pool cannot be named {name}", hint=f"/{name} is a directory of the host's")
    if name in imported:
        raise RefusedError(f"there is a pool {name} already")
    if name in importable:
        raise RefusedError(
            f"the disks of a pool {name} are here, though it is not imported",
            hint="`antlet recover` brings it back; or take another name",
        )
    if occupied:
        raise RefusedError(
            f"{top_of(name)} is not an empty directory, and pool {name} would hide it",
            hint="take another name",
        )


def _check_layout(kind: str, count: int) -> None:
    if kind not in ("mirror", "single"):
        raise InvalidError(f"{kind!r} is no layout of a pool", hint="mirror or single")
    if kind == "single" and count != 1:
        raise InvalidError(f"a single pool is made of one disk, not {count}", hint="mirror takes several")
    if kind == "mirror" and count < 2:
        raise InvalidError(f"a mirror needs two disks, not {count}", hint="single takes one")


def find_disk(text: str, disks: Sequence[Disk]) -> Disk:
    """Find the one disk that is meant, by serial number, WWN, or name with or without /dev.

    Raises NotFoundError, or InvalidError when it may be several.
    """
    found = [
        disk
        for disk in disks
        if text in (disk.serial, disk.wwn) or {text, f"/dev/{text}"} & {disk.path, *disk.links}
    ]
    if not text or not found:
        known = ", ".join(disk.path for disk in disks)
        raise NotFoundError(f"there is no disk {text!r}", hint=f"there are: {known or 'none'}")
    if len(found) > 1:
        paths = ", ".join(disk.path for disk in found)
        raise InvalidError(f"{text!r} may be any of {paths}", hint="name it by its path")
    return found[0]


def unfit(disk: Disk) -> str:
    """Say why a disk cannot be used for a pool; empty when it can be."""
    if disk.in_use:
        return disk.in_use
    if disk.read_only:
        return "it is read-only"
    if disk.size < MIN_DISK_BYTES:
        return f"it is too small, at least {MIN_DISK_BYTES // 1024**3} GiB are needed"
    return ""


def best_name(disk: Disk) -> str:
    """Give the name of a disk that stays: by model and serial number, else by WWN, else its device node."""
    names = [link for link in disk.links if link.startswith("/dev/disk/by-id/")]
    opaque = ("/dev/disk/by-id/wwn-", "/dev/disk/by-id/nvme-eui.", "/dev/disk/by-id/nvme-nvme.")
    return min(names, key=lambda link: (link.startswith(opaque), link), default=disk.path)
