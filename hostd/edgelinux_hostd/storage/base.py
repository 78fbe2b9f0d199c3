"""What hostd asks of ZFS: the protocol that the real commands and the tests' pool in memory both follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

__all__ = [
    "JOB",
    "KIND",
    "NAME",
    "NUMBER",
    "PREFIX",
    "UUID",
    "DatasetInfo",
    "SnapshotInfo",
    "Storage",
    "newest",
]

# User properties (zfsprops(7)) by which hostd knows what is its own. Only those whose source is `local`
# count: inherited and received ones say nothing about this dataset on this host.
PREFIX = "edgelinux:"
KIND = "edgelinux:kind"  # antlet, template; of a snapshot: clone, when it was taken for one
NAME = "edgelinux:name"
NUMBER = "edgelinux:number"
UUID = "edgelinux:uuid"
# The job that is making this dataset, or taking it away: set from its first moment until the job is done.
JOB = "edgelinux:job"


@dataclass(frozen=True)
class DatasetInfo:
    """A file system. Sizes in bytes, `quota` 0 for none, `local` its local user properties of hostd's.

    `compression_source` is zfs's own word: local, default, "inherited from POOL", …
    """

    name: str
    mountpoint: Path | None
    mounted: bool
    used: int = 0
    available: int = 0
    referenced: int = 0
    logical: int = 0
    quota: int = 0
    compression: str = ""
    compression_source: str = ""
    origin: str = ""
    creation: int = 0
    local: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SnapshotInfo:
    """A snapshot, "pool/dataset@name". Sizes in bytes, creation in seconds since 1970; clones: datasets."""

    name: str
    creation: int
    used: int = 0
    referenced: int = 0
    logical: int = 0
    clones: tuple[str, ...] = ()
    local: Mapping[str, str] = field(default_factory=dict)


class Storage(Protocol):
    """ZFS, as far as hostd needs it. Names are full ("antlets/web1", "antlets/web1@monday").

    All raise EdgeLinuxError. Nothing here checks ownership: that is for who decides to destroy. Sizes may be
    some minutes old unless `sizes` are asked for: then they are those of a moment ago.
    """

    def pools(self) -> tuple[str, ...]:
        """Name the imported pools that hold antlets or may: all of them."""

    def datasets(self, parent: str, *, sizes: bool = False) -> tuple[DatasetInfo, ...]:
        """List the file systems directly below a pool or dataset, in a constant number of commands."""

    def dataset(self, name: str, *, sizes: bool = False) -> DatasetInfo | None:
        """Describe one file system; None when there is none of that name."""

    def snapshots(self, dataset: str, *, sizes: bool = False) -> tuple[SnapshotInfo, ...]:
        """List the snapshots of one dataset, oldest first."""

    def available(self, name: str) -> int:
        """Tell how many bytes may still be written below a dataset."""

    def create(self, name: str, properties: Mapping[str, str]) -> None:
        """Create a file system with these properties, and mount it."""

    def snapshot(self, name: str, properties: Mapping[str, str] | None = None) -> None:
        """Take a snapshot "dataset@name"."""

    def clone(self, snapshot: str, name: str, properties: Mapping[str, str]) -> None:
        """Clone a snapshot as a file system with these properties, and mount it."""

    def set(self, name: str, properties: Mapping[str, str]) -> None:
        """Set properties of a dataset or snapshot."""

    def inherit(self, name: str, prop: str) -> None:
        """Have a property inherited again."""

    def mount(self, name: str) -> None:
        """Mount a file system; no-op when it is mounted."""

    def unmount(self, name: str) -> None:
        """Unmount a file system; no-op when it is not mounted."""

    def rename(self, name: str, new: str) -> None:
        """Rename a dataset or snapshot within its pool; a mounted file system moves to its new place."""

    def rollback(self, snapshot: str, *, destroy_newer: bool) -> None:
        """Put a file system back to a snapshot; newer snapshots are destroyed only when told to."""

    def destroy(self, name: str) -> None:
        """Destroy a file system without snapshots, or a snapshot; no-op when it is not there."""

    def receive(self, stream: BinaryIO, name: str, properties: Mapping[str, str]) -> None:
        """Receive a `zfs send` stream as a new file system with these properties, not mounted."""

    def send(self, snapshot: str) -> Iterator[bytes]:
        """Give the stream of a snapshot, in pieces."""


def newest(snapshots: Sequence[SnapshotInfo]) -> SnapshotInfo | None:
    """Give the newest snapshot, or None; ZFS lists them in the order of their creation."""
    return snapshots[-1] if snapshots else None
