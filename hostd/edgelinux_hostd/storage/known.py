"""What ZFS said, by what it was asked, and how long ago; nothing here asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from edgelinux_hostd.storage.base import PREFIX, DatasetInfo, SnapshotInfo

__all__ = ["Known"]


class Known:
    """Answers, each with the time when it was asked for. `since` is the time before which none counts."""

    def __init__(self) -> None:
        self._children: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._datasets: dict[str, tuple[float, DatasetInfo | None]] = {}
        self._snapshots: dict[str, tuple[float, tuple[SnapshotInfo, ...]]] = {}
        self._pools: tuple[float, tuple[str, ...]] | None = None

    def pools(self, since: float) -> tuple[str, ...] | None:
        """Give the pools."""
        return self._pools[1] if self._pools is not None and self._pools[0] > since else None

    def keep_pools(self, pools: tuple[str, ...], asked: float) -> None:
        """Keep the pools."""
        self._pools = (asked, pools)

    def children(
        self, parent: str, listed: float, since: float
    ) -> tuple[list[DatasetInfo], list[str]] | None:
        """Give what lies directly below `parent`, and the names of those that must be asked for again.

        None when it was not listed since `listed`.
        """
        names = self._children.get(parent)
        if names is None or names[0] <= listed:
            return None
        found: list[DatasetInfo] = []
        missing: list[str] = []
        for name in names[1]:
            known = self._datasets.get(name)
            if known is None or known[0] <= since or known[1] is None:
                missing.append(name)
            else:
                found.append(known[1])
        return found, missing

    def keep_children(self, parent: str, found: Sequence[DatasetInfo], asked: float) -> None:
        """Keep a listing."""
        self._children[parent] = (asked, tuple(info.name for info in found))
        for info in found:
            self._datasets[info.name] = (asked, info)

    def dataset(self, name: str, listed: float, since: float) -> tuple[DatasetInfo | None] | None:
        """Give a file system, in a tuple; None when nothing is known of it."""
        known = self._datasets.get(name)
        if known is not None and known[0] > since:
            return (known[1],)
        beside = self._children.get(name.rpartition("/")[0])
        # What a listing does not have is not there.
        return (None,) if beside is not None and beside[0] > listed and name not in beside[1] else None

    def keep_dataset(self, name: str, info: DatasetInfo | None, asked: float) -> None:
        """Keep what was said of a file system."""
        self._datasets[name] = (asked, info)

    def snapshots(self, dataset: str, since: float) -> tuple[SnapshotInfo, ...] | None:
        """Give the snapshots of a file system."""
        known = self._snapshots.get(dataset)
        return known[1] if known is not None and known[0] > since else None

    def keep_snapshots(self, dataset: str, found: tuple[SnapshotInfo, ...], asked: float) -> None:
        """Keep a listing of snapshots."""
        self._snapshots[dataset] = (asked, found)

    def forget(self) -> None:
        """Forget all."""
        self._children.clear()
        self._datasets.clear()
        self._snapshots.clear()
        self._pools = None

    def forget_properties(self, name: str) -> None:
        """Forget a file system and those below it, which inherit from it, but not that they are there."""
        for known in (self._datasets, self._snapshots):
            for other in [other for other in known if f"{other}/".startswith(f"{name}/")]:
                del known[other]

    def forget_snapshots(self, dataset: str) -> None:
        """Forget the snapshots of a file system."""
        self._snapshots.pop(dataset, None)

    def made(self, name: str, origin: str = "") -> None:
        """A file system was made, as a clone of `origin` unless that is empty; no more is known of it."""
        parent = name.rpartition("/")[0]
        if (beside := self._children.get(parent)) is not None:
            self._children[parent] = (beside[0], tuple(sorted({*beside[1], name})))
        self._datasets.pop(name, None)
        self._snapshots.pop(name, None)
        for dataset, (asked, found) in self._snapshots.items():
            if dataset == origin.partition("@")[0]:
                self._snapshots[dataset] = (asked, tuple(_with_clone(info, origin, name) for info in found))

    def gone(self, name: str) -> None:
        """A file system was destroyed that had none below it."""
        parent = name.rpartition("/")[0]
        if (beside := self._children.get(parent)) is not None:
            self._children[parent] = (beside[0], tuple(other for other in beside[1] if other != name))
        for known in (self._children, self._datasets, self._snapshots):
            known.pop(name, None)
        for dataset, (asked, found) in self._snapshots.items():
            self._snapshots[dataset] = (asked, tuple(_without_clone(info, name) for info in found))

    def changed(self, name: str, properties: Mapping[str, str | None]) -> None:
        """Properties of a file system were set, or are inherited again (None)."""
        known = self._datasets.get(name)
        if known is None or known[1] is None or any(not prop.startswith(PREFIX) for prop in properties):
            self.forget_properties(name)
            return
        local = {key: value for key, value in known[1].local.items() if key not in properties}
        local |= {key: value for key, value in properties.items() if value is not None}
        self._datasets[name] = (known[0], replace(known[1], local=local))


def _with_clone(info: SnapshotInfo, snapshot: str, clone: str) -> SnapshotInfo:
    return replace(info, clones=(*info.clones, clone)) if info.name == snapshot else info


def _without_clone(info: SnapshotInfo, clone: str) -> SnapshotInfo:
    if clone not in info.clones:
        return info
    return replace(info, clones=tuple(_others(info.clones, clone)))


def _others(names: Sequence[str], name: str) -> Iterator[str]:
    return (other for other in names if other != name)
