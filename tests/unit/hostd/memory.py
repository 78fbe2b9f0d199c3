"""A pool in memory and in a directory: what the tests of jobs and templates use where no ZFS is.

Datasets are directories, snapshots are copies of them; names, properties, clones and refusals are those of
zfs(8). What it holds survives the "crash" of whoever uses it, like the real one.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.storage.base import PREFIX, DatasetInfo, SnapshotInfo

__all__ = ["MemoryStorage"]


@dataclass
class _Dataset:
    properties: dict[str, str]
    origin: str = ""
    mounted: bool = True
    creation: int = 0


@dataclass
class _Snapshot:
    properties: dict[str, str] = field(default_factory=dict)
    creation: int = 0


class MemoryStorage:
    """Pools with datasets and snapshots, mounted below `root`. `calls` records what changed."""

    def __init__(self, root: Path, *pools: str) -> None:
        self.root = root
        self.filesystems: dict[str, _Dataset] = {}
        self.taken: dict[str, _Snapshot] = {}
        self.calls: list[str] = []
        self.full = False
        self.room = 10**12
        self._clock = itertools.count(1_700_000_000)
        for pool in pools or ("antlets",):
            self.add_pool(pool)

    def add_pool(self, pool: str) -> None:
        """Make or import a pool."""
        for name in (pool, f"{pool}/TEMPLATES"):
            self.filesystems[name] = _Dataset({})
            self._live(name).mkdir(parents=True)

    def remove_pool(self, pool: str) -> None:
        """Destroy or export a pool; no-op when it is not there."""
        if pool in self.filesystems:
            for name in [name for name in self.filesystems if name.partition("/")[0] == pool]:
                del self.filesystems[name]
            shutil.rmtree(self._live(pool))

    def _live(self, name: str) -> Path:
        return self.root / name

    def _frozen(self, snapshot: str) -> Path:
        return self.root / ".snapshots" / snapshot.replace("/", "%")

    def _need(self, name: str) -> _Dataset:
        if name not in self.filesystems:
            raise EdgeLinuxError(f"cannot open '{name}': dataset does not exist")
        return self.filesystems[name]

    def _new(self, name: str) -> None:
        if name in self.filesystems:
            raise EdgeLinuxError(f"cannot create '{name}': dataset already exists")
        self._need(name.rpartition("/")[0])
        if self.full:
            raise EdgeLinuxError(f"cannot create '{name}': out of space")

    def pools(self) -> tuple[str, ...]:
        return tuple(name for name in self.filesystems if "/" not in name)

    def datasets(self, parent: str, *, sizes: bool = False) -> tuple[DatasetInfo, ...]:
        depth = parent.count("/") + 1
        return tuple(
            self._describe(name)
            for name in sorted(self.filesystems)
            if name.startswith(f"{parent}/") and name.count("/") == depth
        )

    def dataset(self, name: str, *, sizes: bool = False) -> DatasetInfo | None:
        return self._describe(name) if name in self.filesystems else None

    def _describe(self, name: str) -> DatasetInfo:
        found = self.filesystems[name]
        compression = found.properties.get("compression")
        return DatasetInfo(
            name=name,
            mountpoint=self._live(name),
            mounted=found.mounted,
            quota=int(found.properties.get("quota", "0")),
            compression=compression or "lz4",
            compression_source="local" if compression else f"inherited from {name.partition('/')[0]}",
            origin=found.origin,
            creation=found.creation,
            local={key: value for key, value in found.properties.items() if key.startswith(PREFIX)},
        )

    def snapshots(self, dataset: str, *, sizes: bool = False) -> tuple[SnapshotInfo, ...]:
        return tuple(
            SnapshotInfo(
                name=name,
                creation=snapshot.creation,
                clones=tuple(
                    clone for clone, found in sorted(self.filesystems.items()) if found.origin == name
                ),
                local=dict(snapshot.properties),
            )
            for name, snapshot in sorted(self.taken.items(), key=lambda item: item[1].creation)
            if name.partition("@")[0] == dataset
        )

    def available(self, name: str) -> int:
        self._need(name)
        return self.room

    def create(self, name: str, properties: Mapping[str, str]) -> None:
        self._new(name)
        self.calls.append(f"create {name}")
        self.filesystems[name] = _Dataset(dict(properties), creation=next(self._clock))
        self._live(name).mkdir()

    def snapshot(self, name: str, properties: Mapping[str, str] | None = None) -> None:
        dataset = name.partition("@")[0]
        self._need(dataset)
        if name in self.taken:
            raise EdgeLinuxError(f"cannot create snapshot '{name}': dataset already exists")
        if self.full:
            raise EdgeLinuxError(f"cannot create snapshot '{name}': out of space")
        self.calls.append(f"snapshot {name}")
        shutil.copytree(self._live(dataset), self._frozen(name), symlinks=True)
        self.taken[name] = _Snapshot(dict(properties or {}), next(self._clock))

    def clone(self, snapshot: str, name: str, properties: Mapping[str, str]) -> None:
        if snapshot not in self.taken:
            raise EdgeLinuxError(f"cannot open '{snapshot}': dataset does not exist")
        self._new(name)
        self.calls.append(f"clone {snapshot} {name}")
        self.filesystems[name] = _Dataset(dict(properties), origin=snapshot, creation=next(self._clock))
        shutil.copytree(self._frozen(snapshot), self._live(name), symlinks=True)

    def set(self, name: str, properties: Mapping[str, str]) -> None:
        self.calls.append(f"set {name} {' '.join(f'{key}={value}' for key, value in properties.items())}")
        if "@" in name:
            self.taken[name].properties.update(properties)
        else:
            found = self._need(name).properties
            found.update(properties)
            if found.get("quota") == "none":
                del found["quota"]

    def inherit(self, name: str, prop: str) -> None:
        self._need(name).properties.pop(prop, None)

    def mount(self, name: str) -> None:
        self._need(name).mounted = True

    def unmount(self, name: str) -> None:
        self._need(name).mounted = False

    def rename(self, name: str, new: str) -> None:
        self.calls.append(f"rename {name} {new}")
        if "@" in name:
            self.taken[new] = self.taken.pop(name)
            self._frozen(name).rename(self._frozen(new))
            for found in self.filesystems.values():
                if found.origin == name:
                    found.origin = new
            return
        self._new(new)
        self.filesystems[new] = self.filesystems.pop(name)
        self._live(name).rename(self._live(new))
        for snapshot in [taken for taken in self.taken if taken.partition("@")[0] == name]:
            moved = f"{new}@{snapshot.partition('@')[2]}"
            self.taken[moved] = self.taken.pop(snapshot)
            self._frozen(snapshot).rename(self._frozen(moved))
            for found in self.filesystems.values():
                if found.origin == snapshot:
                    found.origin = moved

    def rollback(self, snapshot: str, *, destroy_newer: bool) -> None:
        dataset = snapshot.partition("@")[0]
        newer = [info for info in self.snapshots(dataset) if info.creation > self.taken[snapshot].creation]
        if newer and not destroy_newer:
            raise EdgeLinuxError(f"cannot rollback to '{snapshot}': more recent snapshots exist")
        for info in newer:
            self.destroy(info.name)
        self.calls.append(f"rollback {snapshot}")
        shutil.rmtree(self._live(dataset))
        shutil.copytree(self._frozen(snapshot), self._live(dataset), symlinks=True)

    def destroy(self, name: str) -> None:
        if "@" in name:
            if name not in self.taken:
                return
            if any(found.origin == name for found in self.filesystems.values()):
                raise EdgeLinuxError(f"cannot destroy '{name}': snapshot has dependent clones")
            self.calls.append(f"destroy {name}")
            del self.taken[name]
            shutil.rmtree(self._frozen(name))
            return
        if name not in self.filesystems:
            return
        if self.snapshots(name) or self.datasets(name):
            raise EdgeLinuxError(f"cannot destroy '{name}': filesystem has children")
        self.calls.append(f"destroy {name}")
        del self.filesystems[name]
        shutil.rmtree(self._live(name))

    def receive(self, stream: BinaryIO, name: str, properties: Mapping[str, str]) -> None:
        self._new(name)
        self.calls.append(f"receive {name}")
        self.filesystems[name] = _Dataset(dict(properties), mounted=False, creation=next(self._clock))
        self._live(name).mkdir()
        (self._live(name) / "stream").write_bytes(stream.read())

    def send(self, snapshot: str) -> Iterator[bytes]:
        yield snapshot.encode()
