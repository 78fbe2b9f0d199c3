"""A reader for what `zpool status -Pp` prints (zpool-status(8)), the same for OpenZFS 2.2 and later."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["PoolStatus", "Scan", "Vdev", "parse_status"]

ScanState = Literal["never", "running", "paused", "finished", "cancelled"]

_INDENT = 2
_CLASSES = ("logs", "cache", "spares", "special", "dedup")
_STATES = r"ONLINE|DEGRADED|FAULTED|OFFLINE|UNAVAIL|REMOVED|SUSPENDED|AVAIL|INUSE"
_VDEV = re.compile(rf"(\s+)(\S+)\s+({_STATES})(?:\s+(\d+)\s+(\d+)\s+(\d+))?\s*(.*)")
_WHEN = re.compile(r"(?:since|on) (\w{3} \w{3} \d{1,2} \d\d:\d\d:\d\d \d{4})")


@dataclass(frozen=True)
class Scan:
    """The latest scrub or resilver; ZFS remembers only one of them. `time` in seconds since 1970, 0 for none.

    `time` is when it ended, or when it began as long as it runs; `progress` goes from 0 to 1.
    """

    what: Literal["", "scrub", "resilver"] = ""
    state: ScanState = "never"
    time: int = 0
    progress: float = 0.0
    errors: int = 0
    text: str = ""


@dataclass(frozen=True)
class Vdev:
    """A member, or a group of members, with its errors since the pool was imported or they were cleared.

    `kind` is data, or the class that zpool shows it under: logs, cache, spares, …
    """

    name: str
    state: str
    kind: str = "data"
    read: int = 0
    write: int = 0
    checksum: int = 0
    note: str = ""
    children: tuple[Vdev, ...] = ()

    @property
    def errors(self) -> int:
        """Count the errors of this vdev itself."""
        return self.read + self.write + self.checksum


@dataclass(frozen=True)
class PoolStatus:
    """A pool's state, `reason` in zpool's own words, and how many data errors it knows of (lost data)."""

    name: str
    state: str
    reason: str = ""
    scan: Scan = Scan()
    vdevs: tuple[Vdev, ...] = ()
    errors: int = 0

    def leaves(self) -> tuple[Vdev, ...]:
        """List the members, without the groups they are in."""
        return tuple(leaf for vdev in self.vdevs for leaf in _leaves(vdev))


def _leaves(vdev: Vdev) -> tuple[Vdev, ...]:
    return tuple(leaf for child in vdev.children for leaf in _leaves(child)) if vdev.children else (vdev,)


def parse_status(text: str) -> tuple[PoolStatus, ...]:
    """Read the status of any number of pools."""
    blocks = re.split(r"(?m)^(?=\s*pool: )", text)
    return tuple(_pool(block) for block in blocks if block.lstrip().startswith("pool: "))


def _pool(block: str) -> PoolStatus:
    sections: dict[str, list[str]] = {}
    key = ""
    for line in block.splitlines():
        if match := re.match(
            r" *(pool|state|status|action|see|scan|config|errors|remove|expand|checkpoint): ?(.*)", line
        ):
            key = match[1]
            sections[key] = [match[2]]
        elif key:
            sections[key].append(line)
    name = sections["pool"][0].strip()
    return PoolStatus(
        name=name,
        state=_joined(sections.get("state")),
        reason=_joined(sections.get("status")),
        scan=_scan(sections.get("scan", [])),
        vdevs=_vdevs(name, sections.get("config", [])),
        errors=_errors(_joined(sections.get("errors"))),
    )


def _joined(lines: list[str] | None) -> str:
    return " ".join(" ".join(lines or ()).split())


def _errors(text: str) -> int:
    match = re.match(r"(\d+) data errors?", text)
    if match:
        return int(match[1])
    return 0 if not text or text.startswith("No known") else 1


def _scan(lines: list[str]) -> Scan:
    text = _joined(lines)
    what: Literal["scrub", "resilver"] = "scrub" if text.startswith("scrub") else "resilver"
    if not text.startswith(("scrub", "resilver")):
        return Scan()
    state: ScanState = "finished"
    progress = 1.0
    if " in progress " in text or " paused " in text:
        state = "paused" if " paused " in text else "running"
        done = re.search(r"([\d.]+)% done", text)
        progress = float(done[1]) / 100 if done else 0.0
    elif " canceled " in text:
        state, progress = "cancelled", 0.0
    errors = re.search(r"with (\d+) errors", text)
    return Scan(what, state, _when(text), progress, int(errors[1]) if errors else 0, text)


def _when(text: str) -> int:
    # Of a paused scrub, the first time is when it was paused. ctime(3) in the host's own time zone.
    match = _WHEN.search(text)
    return int(time.mktime(time.strptime(match[1], "%a %b %d %H:%M:%S %Y"))) if match else 0


def _vdevs(pool: str, lines: list[str]) -> tuple[Vdev, ...]:
    rows: list[tuple[int, Vdev]] = []
    kind = "data"
    for line in lines:
        if line.strip() in _CLASSES:
            kind = line.strip()
        elif match := _VDEV.match(line):
            indent, name, state, read, write, checksum, note = match.groups()
            depth = len(indent.expandtabs(0)) // _INDENT
            if depth == 0 and name == pool:
                continue
            vdev = Vdev(name, state, kind, int(read or 0), int(write or 0), int(checksum or 0), note.strip())
            rows.append((depth, vdev))
    return _nested(rows)


def _nested(rows: list[tuple[int, Vdev]]) -> tuple[Vdev, ...]:
    found: list[Vdev] = []
    top = min((depth for depth, _vdev in rows), default=0)
    for index, (depth, vdev) in enumerate(rows):
        if depth != top:
            continue
        below = rows[index + 1 :]
        end = next((n for n, row in enumerate(below) if row[0] <= depth), len(below))
        found.append(replace(vdev, children=_nested(below[:end])))
    return tuple(found)
