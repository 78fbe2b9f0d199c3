"""Imports pools that are found, so that nothing in them can ever be mounted over the host.

Another pool named like the host's own is an old mirror half or another host's: it gets a name of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from edgelinux_hostd import zfs
from edgelinux_hostd.antlets.names import check_pool_name
from edgelinux_hostd.errors import CommandError, EdgeLinuxError, NotFoundError, RefusedError
from edgelinux_hostd.run import run
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.mounting import Place, list_places, mount_all, top_of
from edgelinux_hostd.storage.plan import DIRECTORIES

__all__ = ["PoolImport", "find_imports", "here", "import_as", "import_found", "plan_imports", "securing"]

_SYSTEM = ("ROOT", "STATE")


class PoolImport(BaseModel):
    """A pool to import: its GUID, the name it had, the one it gets; `problem` says why it cannot be."""

    model_config = ConfigDict(frozen=True)

    guid: int
    was: str
    name: str
    problem: str = ""

    def line(self) -> str:
        """Say it to people."""
        if self.problem:
            return f"pool {self.was} ({self.guid}) cannot be imported: {self.problem}"
        renamed = "" if self.name == self.was else f" as {self.name}"
        return f"pool {self.was} ({self.guid}) is imported{renamed}"


def plan_imports(
    offered: Sequence[zfs.ImportablePool],
    imported: Collection[str],
    recorded: Mapping[int, str],
    wanted: Collection[str] = (),
) -> tuple[PoolImport, ...]:
    """Decide which pools are imported under which names.

    `offered` are those that could be, `imported` the names of those that are; `recorded` are the names by
    GUID that this host knows. `wanted` are names or GUIDs, all when empty. Raises NotFoundError.
    """
    for text in wanted:
        if text not in {word for pool in offered for word in (pool.name, str(pool.guid))}:
            raise NotFoundError(f"there is no pool {text!r} to import", hint="`zpool import` lists them")
    twice = {name for name, count in Counter(pool.name for pool in offered).items() if count > 1}
    found = []
    for pool in offered:
        if wanted and pool.name not in wanted and str(pool.guid) not in wanted:
            continue
        problem = "" if pool.state in ("ONLINE", "DEGRADED") else f"it is {pool.state}"
        name = recorded.get(pool.guid, "")
        if not name or name in imported:
            name = pool.name if _allowed(pool.name) else "pool"
            if name != pool.name or name in imported or name in twice:
                name = f"{name}-{f'{pool.guid:016x}'[:6]}"
        found.append(PoolImport(guid=pool.guid, was=pool.name, name=name, problem=problem))
    return tuple(found)


def _allowed(name: str) -> bool:
    try:
        check_pool_name(name)
    except EdgeLinuxError:
        return False
    return name not in DIRECTORIES


def find_imports(wanted: Collection[str] = (), record: Path = registry.PATH) -> tuple[PoolImport, ...]:
    """Find the pools that could be imported; nothing is."""
    return plan_imports(zfs.importable_pools(), zfs.pools(), registry.load(record), wanted)


def import_found(pool: PoolImport, *, force: bool = False) -> tuple[str, ...]:
    """Import a pool for good, see to it that nothing of it mounts over the host, and mount its antlets.

    From now on it has its new name on its disks, too. May run again after a crash. Gives a line for each
    dataset that could not be mounted. Raises EdgeLinuxError.
    """
    if pool.problem:
        raise RefusedError(pool.line())
    if not here(pool):
        import_as(pool, force=force)
    for stage in (False, True):
        # Datasets inherit their places from the root's, which is therefore seen to first.
        for argv in securing(list_places(pool.name), pool.name, below=stage):
            run(argv)
    return mount_all(pool.name)


def import_as(pool: PoolImport, *, force: bool, altroot: str = "", temporary: bool = False) -> None:
    """Import a pool under its new name; see `zfs.import_pool`. Raises EdgeLinuxError.

    `force` takes one that another host had and did not export.
    """
    try:
        zfs.import_pool(pool.guid, pool.name, altroot=altroot, force=force, temporary=temporary)
    except CommandError as error:
        if "another system" in error.stderr:
            raise RefusedError(
                f"pool {pool.was} ({pool.guid}) was last used by another host and not exported there",
                hint="when that host is off for good: --force",
            ) from error
        raise


def securing(places: Sequence[Place], pool: str, *, below: bool) -> list[list[str]]:
    """Give the commands after which nothing of a pool can be mounted outside its own directory.

    First for its root (`below` false), then, from a new list, for what is below it. Boot environments and
    state of another host are never mounted here, wherever they would be.
    """
    top = top_of(pool)
    if not below:
        _name, canmount, _mounted, mountpoint = next(place for place in places if place[0] == pool)
        return [
            *([["zfs", "set", "canmount=off", pool]] if canmount != "off" else []),
            *([["zfs", "set", f"mountpoint={top}", pool]] if mountpoint != top else []),
        ]
    return [
        ["zfs", "set", "canmount=noauto", name]
        for name, canmount, _mounted, mountpoint in places
        if canmount == "on"
        and (
            name.split("/")[1] in _SYSTEM
            or (mountpoint.startswith("/") and not mountpoint.startswith(f"{top}/"))
        )
    ]


def here(pool: PoolImport) -> bool:
    """Tell whether a pool is imported under its new name."""
    return pool.name in zfs.pools() and zfs.pool_guid(pool.name) == pool.guid
