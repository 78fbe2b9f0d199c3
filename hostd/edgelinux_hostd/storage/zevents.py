"""What pools tell by themselves: `zpool events`, read as it comes (zpool-events(8))."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

__all__ = ["COMMAND", "PoolEvent", "news", "parse_events"]

COMMAND = ("zpool", "events", "-f", "-H", "-v")

_HISTORY = "sysevent.fs.zfs.history_event"
_STATE = "resource.fs.zfs.statechange"
_HEAD = re.compile(r"\S.*\t([a-z_.]+)$")
_FIELD = re.compile(r"\s+(\w+) = (.*?)\s*$")
_NUMBER = re.compile(r"0x[0-9a-f]+")


@dataclass(frozen=True)
class PoolEvent:
    """An event: its class, its pool, and its further fields as zpool writes them, without quotes."""

    kind: str
    pool: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def dataset(self) -> str:
        """The dataset or snapshot that was changed, when that is what happened."""
        return self.fields.get("history_dsname", "") if self.kind == _HISTORY else ""

    @property
    def action(self) -> str:
        """The change, in ZFS's own word: set, clone, destroy, …"""
        return self.fields.get("history_internal_name", "")

    @property
    def time(self) -> float:
        """Seconds since 1970."""
        numbers = [int(number, 16) for number in _NUMBER.findall(self.fields.get("time", ""))]
        return numbers[0] + numbers[1] / 1e9 if len(numbers) == 2 else 0.0


def parse_events(lines: Iterable[str]) -> Iterator[PoolEvent]:
    """Read what the command writes; each event is given as soon as it is whole."""
    kind, fields = "", dict[str, str]()
    for line in lines:
        if head := _HEAD.match(line.rstrip("\n")):
            kind, fields = head[1], {}
        elif found := _FIELD.match(line):
            fields[found[1]] = found[2].strip('"')
        elif line.startswith("dropped "):
            yield PoolEvent("dropped")
        elif not line.strip() and kind:
            yield PoolEvent(kind, fields.get("pool", ""), fields)
            kind = ""


_CHANGES = {
    "scrub_start": "scrub started",
    "scrub_finish": "scrub finished",
    "scrub_abort": "scrub stopped",
    "resilver_start": "resilver started",
    "resilver_finish": "resilver finished",
    "pool_create": "created",
    "pool_import": "imported",
    "pool_export": "exported",
    "pool_destroy": "destroyed",
    "vdev_add": "disks added",
    "vdev_attach": "disk attached",
    "vdev_remove": "disk removed",
    "removed": "disk lost",
}


def news(event: PoolEvent) -> dict[str, str] | None:
    """Say what an event tells who watches the pools: `pool`, `change`, `disk` and `state`; None for nothing.

    Changes of datasets are the jobs' to tell. Errors come one by one, as the pool counts them.
    """
    disk = PurePath(event.fields.get("vdev_path", "")).name
    change, state = _change(event), ""
    if event.kind == _STATE:
        state = event.fields.get("vdev_state", "").partition('"')[0]
    return {"pool": event.pool, "change": change, "disk": disk, "state": state} if change else None


def _change(event: PoolEvent) -> str:
    word = event.kind.rpartition(".")[2]
    if event.kind == _STATE:
        return "disk state"
    if event.kind.startswith("ereport.fs.zfs."):
        return f"{word.replace('_', ' ')} error"
    return _CHANGES.get(word, "")
