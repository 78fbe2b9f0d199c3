"""Remembers what ZFS said, since each question is a program that has to be started.

What hostd itself changes is seen at once. What others change is told by the pools' events, a moment later;
while these are not followed an answer counts for a second. Sizes change without an event: who wants them as
they are says so.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import BinaryIO

from edgelinux_hostd.storage.base import DatasetInfo, SnapshotInfo, Storage
from edgelinux_hostd.storage.known import Known
from edgelinux_hostd.storage.own import OwnChanges

__all__ = ["RememberedStorage"]

# How long answers count, in seconds: when events tell of changes, when nothing does, and sizes.
_WATCHED = 300.0
_UNWATCHED = 1.0
_SIZES = 2.0

_Effect = Callable[[Known], None]


class RememberedStorage:
    """A `Storage` over another one. May be used by any number of threads.

    `watched` tells whether `changed` is told of all changes; `mounted` names the mounted file systems.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        watched: Callable[[], bool] = lambda: False,
        mounted: Callable[[], Collection[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._watched = watched
        self._mounted = mounted
        self._clock = clock
        self._own = OwnChanges(clock)
        self._lock = threading.Lock()
        self._known = Known()
        # Counts changes: an answer that was asked for before one is not kept after it.
        self._changes = 0

    def changed(self, name: str, action: str) -> None:
        """A dataset or snapshot was changed by somebody, "" for all of them; `action` in ZFS's own word."""
        if self._own.claim(name, action):
            return
        with self._lock:
            self._changes += 1
            if name and action in ("set", "inherit"):
                self._known.forget_properties(name.partition("@")[0])
            else:
                self._known.forget()

    def forget(self) -> None:
        """Ask anew from now on: for who changes pools without a `Storage`."""
        self.changed("", "")

    def pools(self) -> tuple[str, ...]:
        """Name the imported pools."""
        with self._lock:
            known, changes = self._known.pools(self._since()), self._changes
        if known is not None:
            return known
        asked, found = self._clock(), self._storage.pools()
        with self._keeping(changes) as known_now:
            known_now.keep_pools(found, asked)
        return found

    def datasets(self, parent: str, *, sizes: bool = False) -> tuple[DatasetInfo, ...]:
        """List the file systems directly below a pool or dataset."""
        for _ in range(2):
            with self._lock:
                known, changes = (
                    self._known.children(parent, self._since(), self._since(sizes)),
                    self._changes,
                )
            if known is None or len(known[1]) > 1:
                break
            if not known[1]:
                return self._as_mounted(known[0])
            # One that hostd has just made or changed: less to ask than all of them.
            self.dataset(known[1][0], sizes=sizes)
        asked, found = self._clock(), self._storage.datasets(parent)
        with self._keeping(changes) as known_now:
            known_now.keep_children(parent, found, asked)
        return found

    def dataset(self, name: str, *, sizes: bool = False) -> DatasetInfo | None:
        """Describe one file system; None when there is none of that name."""
        with self._lock:
            known, changes = self._known.dataset(name, self._since(), self._since(sizes)), self._changes
        if known is not None:
            return next(iter(self._as_mounted([info for info in known if info is not None])), None)
        asked, found = self._clock(), self._storage.dataset(name)
        with self._keeping(changes) as known_now:
            known_now.keep_dataset(name, found, asked)
        return found

    def snapshots(self, dataset: str, *, sizes: bool = False) -> tuple[SnapshotInfo, ...]:
        """List the snapshots of one dataset, oldest first."""
        with self._lock:
            known, changes = self._known.snapshots(dataset, self._since(sizes)), self._changes
        if known is not None:
            return known
        asked, found = self._clock(), self._storage.snapshots(dataset)
        with self._keeping(changes) as known_now:
            known_now.keep_snapshots(dataset, found, asked)
        return found

    def available(self, name: str) -> int:
        """Tell how many bytes may still be written below a dataset."""
        info = self.dataset(name)
        if info is not None and info.mounted and info.mountpoint is not None:
            with suppress(OSError):
                status = os.statvfs(info.mountpoint)
                return status.f_bavail * status.f_frsize
        return self._storage.available(name)

    def create(self, name: str, properties: Mapping[str, str]) -> None:
        """Create a file system with these properties, and mount it."""
        with self._changing(name, ["create", *["set"] * len(properties)]) as then:
            self._storage.create(name, properties)
            then(lambda known: known.made(name))

    def snapshot(self, name: str, properties: Mapping[str, str] | None = None) -> None:
        """Take a snapshot."""
        with self._changing(name, ["snapshot", *["set"] * len(properties or {})]) as then:
            self._storage.snapshot(name, properties)
            then(lambda known: known.forget_snapshots(name.partition("@")[0]))

    def clone(self, snapshot: str, name: str, properties: Mapping[str, str]) -> None:
        """Clone a snapshot as a file system with these properties, and mount it."""
        with self._changing(name, ["clone", *["set"] * len(properties)]) as then:
            self._storage.clone(snapshot, name, properties)
            then(lambda known: known.made(name, snapshot))

    def set(self, name: str, properties: Mapping[str, str]) -> None:
        """Set properties of a dataset or snapshot."""
        with self._changing(name, ["set"] * len(properties)) as then:
            self._storage.set(name, properties)
            if "@" in name:
                then(lambda known: known.forget_snapshots(name.partition("@")[0]))
            else:
                then(lambda known: known.changed(name, properties))

    def inherit(self, name: str, prop: str) -> None:
        """Have a property inherited again."""
        with self._changing(name, ["inherit"]) as then:
            self._storage.inherit(name, prop)
            then(lambda known: known.changed(name, {prop: None}))

    def mount(self, name: str) -> None:
        """Mount a file system."""
        with self._changing(name, []) as then:
            self._storage.mount(name)
            then(lambda known: known.forget_properties(name))

    def unmount(self, name: str) -> None:
        """Unmount a file system."""
        with self._changing(name, []) as then:
            self._storage.unmount(name)
            then(lambda known: known.forget_properties(name))

    def rename(self, name: str, new: str) -> None:
        """Rename a dataset or snapshot within its pool."""
        with self._changing(name, []):
            self._storage.rename(name, new)

    def rollback(self, snapshot: str, *, destroy_newer: bool) -> None:
        """Put a file system back to a snapshot."""
        with self._changing(snapshot, []):
            self._storage.rollback(snapshot, destroy_newer=destroy_newer)

    def destroy(self, name: str) -> None:
        """Destroy a file system without snapshots, or a snapshot."""
        with self._changing(name, ["destroy"]) as then:
            self._storage.destroy(name)
            if "@" in name:
                then(lambda known: known.forget_snapshots(name.partition("@")[0]))
            else:
                then(lambda known: known.gone(name))

    def receive(self, stream: BinaryIO, name: str, properties: Mapping[str, str]) -> None:
        """Receive a `zfs send` stream as a new file system, not mounted."""
        with self._changing(name, []):
            self._storage.receive(stream, name, properties)

    def send(self, snapshot: str) -> Iterator[bytes]:
        """Give the stream of a snapshot, in pieces."""
        return self._storage.send(snapshot)

    def _since(self, sizes: bool = False) -> float:
        lifetime = _WATCHED if self._watched() else _UNWATCHED
        return self._clock() - (min(lifetime, _SIZES) if sizes else lifetime)

    def _as_mounted(self, found: Sequence[DatasetInfo]) -> tuple[DatasetInfo, ...]:
        if self._mounted is None:
            return tuple(found)
        mounted = self._mounted()
        return tuple(
            info if info.mounted == (info.name in mounted) else replace(info, mounted=not info.mounted)
            for info in found
        )

    @contextmanager
    def _keeping(self, changes: int) -> Iterator[Known]:
        """Keep an answer, unless something has changed since it was asked for."""
        with self._lock:
            yield self._known if changes == self._changes else Known()

    @contextmanager
    def _changing(self, name: str, actions: Sequence[str]) -> Iterator[Callable[[_Effect], None]]:
        """Change ZFS; what is given to the function does the same to what is known.

        Nothing given, or an error: all is forgotten.
        """
        effects: list[_Effect] = []
        # Before, for what is asked meanwhile.
        with self._lock:
            self._changes += 1
        self._own.expect(name, actions)
        try:
            yield effects.append
        except BaseException:
            # It may have been done half-way.
            self._own.withdraw(name, actions)
            self.forget()
            raise
        with self._lock:
            self._changes += 1
            for effect in effects or [Known.forget]:
                effect(self._known)
