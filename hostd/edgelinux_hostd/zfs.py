"""Thin wrappers around zpool(8) and zfs(8), and readers for what they print."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

__all__ = [
    "ImportablePool",
    "destroy_pool",
    "export_pool",
    "failed_members",
    "import_pool",
    "importable_pools",
    "is_read_only",
    "parse_importable",
    "parse_members",
    "pool_devices",
    "pool_guid",
    "pool_state",
    "pools",
    "pools_by_guid",
    "root_dataset",
]


@dataclass(frozen=True)
class ImportablePool:
    """A pool that `zpool import` offers: its name, its GUID and its state (ONLINE, DEGRADED, UNAVAIL, …)."""

    name: str
    guid: int
    state: str


def pools() -> tuple[str, ...]:
    """Name the imported pools."""
    return tuple(run(["zpool", "list", "-H", "-o", "name"]).stdout.split())


def pool_guid(pool: str) -> int:
    """Give the GUID of an imported pool."""
    return int(run(["zpool", "get", "-H", "-o", "value", "guid", pool]).stdout)


def pools_by_guid() -> dict[int, str]:
    """Map the GUIDs of the imported pools to their names."""
    return {pool_guid(name): name for name in pools()}


def pool_state(pool: str) -> str:
    """Give the health of an imported pool: ONLINE, DEGRADED, FAULTED, SUSPENDED, …"""
    return run(["zpool", "list", "-H", "-o", "health", pool]).stdout.strip()


def pool_devices(pool: str) -> tuple[str, ...]:
    """List the device nodes of the members that an imported pool works with, links resolved."""
    return tuple(parse_members(run(["zpool", "status", "-LP", pool]).stdout, states=("ONLINE", "DEGRADED")))


def parse_members(text: str, *, states: Collection[str] = ()) -> dict[str, str]:
    """Map the device node of each member to its pool, from `zpool status -LP` (zpool-status(8)).

    Without `states`, absent members only are left out: the name that such a one had may by now be that of
    another disk.
    """
    members: dict[str, str] = {}
    pool = ""
    for line in text.splitlines():
        if match := re.match(r"\s*pool: (\S+)", line):
            pool = match[1]
        elif match := re.match(r"\s+(/dev/\S+)\s+([A-Z]+)", line):
            wanted = match[2] in states if states else match[2] not in ("UNAVAIL", "REMOVED")
            if wanted:
                members[match[1]] = pool
    return members


def failed_members(text: str) -> dict[str, str]:
    """Map the members that no longer work to their states, from `zpool status -P POOL` (zpool-status(8)).

    Names are those that the pool was made of. A pool that is suspended has lost all that are not online by
    its own account, and the others with them.
    """
    suspended = re.search(r"(?m)^\s*state: SUSPENDED$", text) is not None
    failed: dict[str, str] = {}
    for line in text.splitlines():
        # A member that is gone may be shown by its GUID, with its last name at the end.
        match = re.match(r"\s+(/dev/\S+|\d+)\s+([A-Z]+)\s(?:.*\bwas (/dev/\S+))?", f"{line} ")
        if not match:
            continue
        name, state = match[3] or match[1], match[2]
        if state != "ONLINE":
            failed[name] = state
        elif suspended:
            failed[name] = "SUSPENDED"
    return failed


def importable_pools() -> tuple[ImportablePool, ...]:
    """List the pools that could be imported; nothing is imported."""
    return parse_importable(run(["zpool", "import"], check=False).stdout)


def parse_importable(text: str) -> tuple[ImportablePool, ...]:
    """Read what `zpool import` prints when it is given no pool."""
    found: list[ImportablePool] = []
    name, guid = "", 0
    for line in text.splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "pool":
            name = value.strip()
        elif key == "id":
            guid = int(value)
        elif key == "state":
            found.append(ImportablePool(name, guid, value.split()[0]))
    return tuple(found)


def is_read_only(pool: str) -> bool:
    """Tell whether a pool was imported so that nothing can be written to it."""
    return run(["zpool", "get", "-H", "-o", "value", "readonly", pool]).stdout.strip() == "on"


def import_pool(
    guid: int, name: str, *, altroot: str = "", force: bool = False, temporary: bool = False
) -> None:
    """Import exactly the pool with this GUID under a name, mounting nothing and writing no cache file.

    `temporary`: to look into it only. Nothing is written to its disks, not even the name.
    """
    options = [
        "-N",
        "-o",
        "cachefile=none",
        *(["-R", altroot] if altroot else []),
        *(["-f"] if force else []),
        *(["-t", "-o", "readonly=on"] if temporary else []),
    ]
    run(["zpool", "import", *options, str(guid), name])


def export_pool(pool: str) -> None:
    """Unmount a pool's datasets and export it."""
    run(["zpool", "export", pool])


def destroy_pool(pool: str) -> None:
    """Destroy an imported pool and all that lies in it."""
    run(["zpool", "destroy", pool])


def root_dataset(mounts: Sequence[str]) -> str:
    """Name the dataset that is mounted at /, from the lines of /proc/self/mounts (proc_pid_mounts(5)).

    Raises EdgeLinuxError.
    """
    for line in mounts:
        source, mountpoint, kind, *_ = line.split()
        if mountpoint == "/" and kind == "zfs":
            return source
    raise EdgeLinuxError(
        "the root file system is not a ZFS dataset", hint="this command is for an installed host"
    )
