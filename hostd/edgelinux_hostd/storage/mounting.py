"""Mounts what lies in a pool besides the host's own, and nothing that would lie anywhere but in its place."""

from __future__ import annotations

import logging

from edgelinux_hostd.errors import CommandError
from edgelinux_hostd.run import run
from edgelinux_hostd.storage.zfserrors import already_mounted, explain

__all__ = [
    "LIST_COLUMNS",
    "Place",
    "list_places",
    "mount_all",
    "mountable",
    "parse_places",
    "strays",
    "top_of",
]

log = logging.getLogger(__name__)

LIST_COLUMNS = "name,canmount,mounted,mountpoint"

# A file system, as `zfs list` shows it: name, canmount, mounted, mountpoint.
Place = tuple[str, str, str, str]


def top_of(pool: str) -> str:
    """Give the directory that a pool's datasets are mounted below."""
    return f"/{pool}"


def parse_places(text: str) -> tuple[Place, ...]:
    """Read `zfs list -Hp -o` with this module's columns (zfs-list(8))."""
    found = []
    for line in text.splitlines():
        name, canmount, mounted, mountpoint = line.split("\t")
        found.append((name, canmount, mounted, mountpoint))
    return tuple(found)


def list_places(pool: str) -> tuple[Place, ...]:
    """List all file systems of a pool, parents first."""
    return parse_places(
        run(["zfs", "list", "-Hp", "-r", "-t", "filesystem", "-o", LIST_COLUMNS, pool]).stdout
    )


def mountable(places: tuple[Place, ...], pool: str) -> tuple[str, ...]:
    """Name what of a pool is to be mounted: all that is not yet, may be, and has its place in the pool's own.

    A dataset that wants to be elsewhere could hide a directory of the host's.
    """
    top = top_of(pool)
    return tuple(
        name
        for name, canmount, mounted, mountpoint in places
        if canmount == "on" and mounted != "yes" and (mountpoint == top or mountpoint.startswith(f"{top}/"))
    )


def strays(places: tuple[Place, ...], pool: str) -> tuple[str, ...]:
    """Name what of a pool `zfs mount -a` would mount outside its own directory."""
    inside = mountable(places, pool)
    return tuple(
        name
        for name, canmount, mounted, mountpoint in places
        if canmount == "on" and mounted != "yes" and mountpoint.startswith("/") and name not in inside
    )


def mount_all(pool: str) -> tuple[str, ...]:
    """Mount what of a pool is to be mounted; gives a line for each that could not be."""
    failed = []
    for name in mountable(list_places(pool), pool):
        try:
            run(["zfs", "mount", name])
        except CommandError as error:
            if not already_mounted(error):
                failed.append(str(explain(error, f"cannot mount {name}")))
    return tuple(failed)
