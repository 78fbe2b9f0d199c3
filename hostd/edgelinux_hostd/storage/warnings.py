"""What about a pool a person should know, as data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from edgelinux_hostd.storage.poolstatus import PoolStatus

__all__ = ["FULL", "SCRUB_EVERY", "VERY_FULL", "pool_warnings"]

# Percent. ZFS writes slower as free space gets scattered, and nothing at all can be written at the end.
FULL = 80
VERY_FULL = 90

# A month and some days, since the monthly scrub starts at a random time.
SCRUB_EVERY = timedelta(days=35)


def pool_warnings(status: PoolStatus, *, capacity: int, created: int, now: float) -> list[Mapping[str, str]]:
    """List warnings: each has `kind`, `level` (warning, urgent) and `text`, one line.

    `capacity` is in percent; `created` and `now` are in seconds since 1970.
    """
    found: list[Mapping[str, str]] = []

    def warn(kind: str, level: str, text: str) -> None:
        found.append({"kind": kind, "level": level, "text": f"pool {status.name} {text}"})

    if status.state != "ONLINE":
        bad = [f"{leaf.name} {leaf.state}" for leaf in status.leaves() if leaf.state != "ONLINE"]
        level = "warning" if status.state == "DEGRADED" else "urgent"
        warn("health", level, f"is {status.state}" + (f": {', '.join(bad)}" if bad else ""))
    if status.errors:
        warn("data", "urgent", f"has lost data: {status.errors} error(s), `zpool status -v` lists the files")
    for leaf in status.leaves():
        if leaf.errors:
            counts = f"{leaf.read} read, {leaf.write} write, {leaf.checksum} checksum errors"
            warn("errors", "warning", f"has a disk with {counts}: {leaf.name}")
    if capacity >= VERY_FULL:
        warn("full", "urgent", f"is {capacity} % full")
    elif capacity > FULL:
        warn("full", "warning", f"is {capacity} % full")
    if text := _scrub_due(status, created, now):
        warn("scrub", "warning", text)
    return found


def _scrub_due(status: PoolStatus, created: int, now: float) -> str:
    scan = status.scan
    if scan.state in ("running", "paused"):
        return ""
    # A resilver takes the place of the scrub before it; a pool that is new needs none yet.
    last = scan.time if scan.state == "finished" else 0
    if now - max(last, created) <= SCRUB_EVERY.total_seconds():
        return ""
    if not last:
        return "was never scrubbed to its end, as far as it knows"
    return f"was last scrubbed {int((now - last) // 86400)} days ago"
