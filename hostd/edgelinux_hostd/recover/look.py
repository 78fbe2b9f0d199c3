"""Looks into pools that are found without writing to them: read-only, under names that are not written.

A recovery that is refused, or only tried, leaves another host's pool as it was, its name included.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from edgelinux_hostd import zfs
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.recover.found import SYSTEM
from edgelinux_hostd.recover.imports import PoolImport, here, import_as, import_found
from edgelinux_hostd.run import run
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.base import DatasetInfo
from edgelinux_hostd.storage.mounting import top_of
from edgelinux_hostd.storage.parse import PROPERTY_COLUMNS, Properties, parse_properties

__all__ = ["PLACE", "directory_of", "look_into", "release", "visible"]

PLACE = Path("/run/edgelinux/found")

# What another host left there is read, and nothing else.
_OPTIONS = "ro,nosuid,nodev,noexec"


def look_into(
    pool: PoolImport, *, force: bool = False, record: Path = registry.PATH, place: Path = PLACE
) -> tuple[str, ...]:
    """Import a pool read-only and mount below `place` what would be mounted if it were imported for good.

    One that is recorded under this name is this host's own and is imported for good. May run again after a
    crash. Gives a line for each dataset that could not be mounted. Raises EdgeLinuxError.
    """
    if registry.load(record).get(pool.guid) == pool.name:
        return import_found(pool, force=force)
    if not here(pool):
        # With another root, nothing of it comes over the host's files if somebody mounts all that there is.
        import_as(pool, force=force, altroot=str(place), temporary=True)
    get = ["zfs", "get", "-Hp", "-t", "filesystem", "-d", "1", "-o", PROPERTY_COLUMNS, "canmount,mountpoint"]
    properties = parse_properties(run([*get, pool.name]).stdout)
    failed = []
    for name in visible(properties, pool.name, place):
        directory = place / name
        if directory.is_mount():
            continue
        legacy = properties[name]["mountpoint"][0] == "legacy"
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            directory.mkdir(parents=True, exist_ok=True)
            run(["mount", "-t", "zfs", "-o", _OPTIONS + ("" if legacy else ",zfsutil"), name, str(directory)])
        except EdgeLinuxError as error:
            failed.append(f"cannot mount {name}: {error.message}")
    return tuple(failed)


def visible(properties: Properties, pool: str, place: Path = PLACE) -> tuple[str, ...]:
    """Name what of a pool with its root at `place` an import for good would mount, but for its own datasets.

    That is what has its place from the pool's root, wherever that is now, or a place of its own inside.
    """
    found = []
    for name, values in properties.items():
        if name == pool or name.rpartition("/")[2] in SYSTEM or values["canmount"][0] != "on":
            continue
        mountpoint, source = values["mountpoint"]
        if source in ("local", "received"):
            inside = mountpoint.removeprefix(str(place)).startswith(f"{top_of(pool)}/")
        else:
            inside = True
        if inside:
            found.append(name)
    return tuple(found)


def directory_of(info: DatasetInfo, place: Path = PLACE) -> Path | None:
    """Say where a file system can be read: where it was mounted to be looked at, or in its own place."""
    looked_at = place / info.name
    if looked_at.is_mount():
        return looked_at
    return info.mountpoint if info.mounted else None


def release(pool: PoolImport, record: Path = registry.PATH, place: Path = PLACE) -> None:
    """Export a pool again, unless this host keeps it; no-op when it is not imported."""
    if here(pool) and (pool.guid not in registry.load(record) or zfs.is_read_only(pool.name)):
        zfs.export_pool(pool.name)
    for directory in (*(place / pool.name).glob("*"), place / pool.name, place):
        with suppress(OSError):  # there never was one, or another pool is being looked at
            directory.rmdir()
