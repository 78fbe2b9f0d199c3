"""`Storage` on zfs(8) and zpool(8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from edgelinux_hostd import stream as streams
from edgelinux_hostd import zfs
from edgelinux_hostd.errors import CommandError, InvalidError
from edgelinux_hostd.run import run
from edgelinux_hostd.storage.base import DatasetInfo, SnapshotInfo
from edgelinux_hostd.storage.parse import (
    DATASET_PROPERTIES,
    PROPERTY_COLUMNS,
    SNAPSHOT_PROPERTIES,
    parse_datasets,
    parse_snapshots,
)
from edgelinux_hostd.storage.zfserrors import already_mounted, explain, gone, not_mounted

__all__ = ["ZfsStorage"]

# Where a dataset is mounted and what may be shared is for this host to say, not for a stream.
_NOT_FROM_STREAMS = ("mountpoint", "canmount", "sharenfs", "sharesmb")


class ZfsStorage:
    """The real pools. Stateless, so that any number of threads may use one."""

    def pools(self) -> tuple[str, ...]:
        """Name the imported pools."""
        return zfs.pools()

    def datasets(self, parent: str, *, sizes: bool = False) -> tuple[DatasetInfo, ...]:
        """List the file systems directly below a pool or dataset, in one command; none when it is absent."""
        found = parse_datasets(_get("filesystem", 1, DATASET_PROPERTIES, parent))
        return tuple(info for info in found if info.name != parent)

    def dataset(self, name: str, *, sizes: bool = False) -> DatasetInfo | None:
        """Describe one file system; None when there is none of that name."""
        return next(iter(parse_datasets(_get("filesystem", 0, DATASET_PROPERTIES, name))), None)

    def snapshots(self, dataset: str, *, sizes: bool = False) -> tuple[SnapshotInfo, ...]:
        """List the snapshots of one dataset, oldest first, in one command."""
        return parse_snapshots(_get("snapshot", 1, SNAPSHOT_PROPERTIES, dataset))

    def available(self, name: str) -> int:
        """Tell how many bytes may still be written below a dataset."""
        said = _read(["zfs", "get", "-Hp", "-o", "value", "available", name]).strip()
        return int(said) if said.isdecimal() else 0

    def create(self, name: str, properties: Mapping[str, str]) -> None:
        """Create a file system with these properties, and mount it."""
        _zfs(["create", *_options(properties), name], f"cannot create {name}")

    def snapshot(self, name: str, properties: Mapping[str, str] | None = None) -> None:
        """Take a snapshot "dataset@name"."""
        _zfs(["snapshot", *_options(properties or {}), _one(name)], f"cannot take snapshot {name}")

    def clone(self, snapshot: str, name: str, properties: Mapping[str, str]) -> None:
        """Clone a snapshot as a file system with these properties, and mount it."""
        _zfs(["clone", *_options(properties), snapshot, name], f"cannot clone {snapshot} as {name}")

    def set(self, name: str, properties: Mapping[str, str]) -> None:
        """Set properties of a dataset or snapshot, all or none."""
        if properties:
            words = [f"{key}={value}" for key, value in properties.items()]
            _zfs(["set", *words, name], f"cannot change {name}")

    def inherit(self, name: str, prop: str) -> None:
        """Have a property inherited again."""
        _zfs(["inherit", prop, name], f"cannot change {name}")

    def mount(self, name: str) -> None:
        """Mount a file system; no-op when it is mounted."""
        try:
            run(["zfs", "mount", name])
        except CommandError as error:
            if not already_mounted(error):
                raise explain(error, f"cannot mount {name}") from error

    def unmount(self, name: str) -> None:
        """Unmount a file system; no-op when it is not mounted."""
        try:
            run(["zfs", "unmount", name])
        except CommandError as error:
            if not not_mounted(error):
                raise explain(error, f"cannot unmount {name}") from error

    def rename(self, name: str, new: str) -> None:
        """Rename a dataset or snapshot within its pool; a mounted file system moves to its new place."""
        _zfs(["rename", name, new], f"cannot rename {name} to {new}")

    def rollback(self, snapshot: str, *, destroy_newer: bool) -> None:
        """Put a file system back to a snapshot; newer snapshots are destroyed only when told to."""
        words = ["rollback", *(["-r"] if destroy_newer else []), _one(snapshot)]
        _zfs(words, f"cannot go back to {snapshot}")

    def destroy(self, name: str) -> None:
        """Destroy a file system without snapshots, or a snapshot; no-op when it is not there."""
        if "/" not in name:
            raise InvalidError(f"{name} is a pool, which is not destroyed like a dataset")
        try:
            run(["zfs", "destroy", _one(name)])
        except CommandError as error:
            if not gone(error):
                raise explain(error, f"cannot destroy {name}") from error

    def receive(self, stream: BinaryIO, name: str, properties: Mapping[str, str]) -> None:
        """Receive a `zfs send` stream as a new file system with these properties, not mounted."""
        ignored = [word for prop in _NOT_FROM_STREAMS if prop not in properties for word in ("-x", prop)]
        try:
            streams.feed(["zfs", "receive", "-u", *_options(properties), *ignored, name], stream)
        except CommandError as error:
            raise explain(error, f"cannot receive {name}") from error

    def send(self, snapshot: str) -> Iterator[bytes]:
        """Give the stream of a snapshot, in pieces."""
        try:
            # Large and embedded blocks, compressed as they lie on disk.
            yield from streams.pieces(["zfs", "send", "-L", "-e", "-c", _one(snapshot)])
        except CommandError as error:
            raise explain(error, f"cannot send {snapshot}") from error


def _zfs(words: list[str], what: str) -> None:
    try:
        run(["zfs", *words])
    except CommandError as error:
        raise explain(error, what) from error


def _read(argv: list[str]) -> str:
    """Give what a listing prints; nothing when what it is of is not there."""
    try:
        return run(argv).stdout
    except CommandError as error:
        if gone(error):
            return ""
        raise


def _get(kind: str, depth: int, properties: str, name: str) -> str:
    which = ["-t", kind, "-d", str(depth), "-o", PROPERTY_COLUMNS]
    return _read(["zfs", "get", "-Hp", *which, properties, name])


def _options(properties: Mapping[str, str]) -> list[str]:
    return [word for key, value in properties.items() for word in ("-o", f"{key}={value}")]


def _one(name: str) -> str:
    """Return a name that means one snapshot: `a@b,c` and `a@b%c` mean several (zfs-destroy(8))."""
    if "," in name or "%" in name:
        raise InvalidError(f"{name!r} does not name one snapshot")
    return name
