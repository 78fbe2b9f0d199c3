"""Remembers for a moment what ZFS said, since each question is a program that has to be started.

One request asks the same several times over: what antlets there are, which template, which pool. What hostd
itself changes is seen at once; what others change (zfs at a shell) a moment later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, TypeVar

from edgelinux_hostd.storage.base import DatasetInfo, SnapshotInfo, Storage

__all__ = ["RememberedStorage"]

T = TypeVar("T")

_SECONDS = 1.0


class RememberedStorage:
    """A `Storage` over another one. May be used by any number of threads."""

    def __init__(
        self, storage: Storage, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._storage = storage
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str], tuple[float, Any]] = {}
        # Counts changes: an answer that was asked for before one is not kept after it.
        self._changes = 0

    def _ask(self, what: str, name: str, ask: Callable[[], T]) -> T:
        with self._lock:
            known = self._known(what, name)
            if known is not None:
                found: T = known[1]
                return found
            changes = self._changes
        asked, answer = self._clock(), ask()
        with self._lock:
            if changes == self._changes:
                self._said[what, name] = (asked, answer)
        return answer

    def _known(self, what: str, name: str) -> tuple[float, Any] | None:
        known = self._said.get((what, name))
        return known if known is not None and self._clock() - known[0] < self._seconds else None

    def forget(self) -> None:
        """Ask anew from now on: for who changes pools without a `Storage`."""
        with self._lock:
            self._changes += 1
            self._said.clear()

    def _change(self, change: Callable[[], None]) -> None:
        # Before, for who asks meanwhile; after, for what was asked meanwhile. Also when it fails half-way.
        self.forget()
        try:
            change()
        finally:
            self.forget()

    def pools(self) -> tuple[str, ...]:
        """Name the imported pools."""
        return self._ask("pools", "", self._storage.pools)

    def datasets(self, parent: str) -> tuple[DatasetInfo, ...]:
        """List the file systems directly below a pool or dataset."""
        return self._ask("datasets", parent, lambda: self._storage.datasets(parent))

    def dataset(self, name: str) -> DatasetInfo | None:
        """Describe one file system; None when there is none of that name."""
        with self._lock:
            listed = self._known("datasets", name.rpartition("/")[0])
        if listed is not None:
            return next((info for info in listed[1] if info.name == name), None)
        return self._ask("dataset", name, lambda: self._storage.dataset(name))

    def snapshots(self, dataset: str) -> tuple[SnapshotInfo, ...]:
        """List the snapshots of one dataset, oldest first."""
        return self._ask("snapshots", dataset, lambda: self._storage.snapshots(dataset))

    def create(self, name: str, properties: Mapping[str, str]) -> None:
        """Create a file system with these properties, and mount it."""
        self._change(lambda: self._storage.create(name, properties))

    def snapshot(self, name: str, properties: Mapping[str, str] | None = None) -> None:
        """Take a snapshot."""
        self._change(lambda: self._storage.snapshot(name, properties))

    def clone(self, snapshot: str, name: str, properties: Mapping[str, str]) -> None:
        """Clone a snapshot as a file system with these properties, and mount it."""
        self._change(lambda: self._storage.clone(snapshot, name, properties))

    def set(self, name: str, properties: Mapping[str, str]) -> None:
        """Set properties of a dataset or snapshot."""
        self._change(lambda: self._storage.set(name, properties))

    def inherit(self, name: str, prop: str) -> None:
        """Have a property inherited again."""
        self._change(lambda: self._storage.inherit(name, prop))

    def mount(self, name: str) -> None:
        """Mount a file system."""
        self._change(lambda: self._storage.mount(name))

    def unmount(self, name: str) -> None:
        """Unmount a file system."""
        self._change(lambda: self._storage.unmount(name))

    def rename(self, name: str, new: str) -> None:
        """Rename a dataset or snapshot within its pool."""
        self._change(lambda: self._storage.rename(name, new))

    def rollback(self, snapshot: str, *, destroy_newer: bool) -> None:
        """Put a file system back to a snapshot."""
        self._change(lambda: self._storage.rollback(snapshot, destroy_newer=destroy_newer))

    def destroy(self, name: str) -> None:
        """Destroy a file system without snapshots, or a snapshot."""
        self._change(lambda: self._storage.destroy(name))

    def receive(self, stream: BinaryIO, name: str, properties: Mapping[str, str]) -> None:
        """Receive a `zfs send` stream as a new file system, not mounted."""
        self._change(lambda: self._storage.receive(stream, name, properties))

    def send(self, snapshot: str) -> Iterator[bytes]:
        """Give the stream of a snapshot, in pieces."""
        return self._storage.send(snapshot)
