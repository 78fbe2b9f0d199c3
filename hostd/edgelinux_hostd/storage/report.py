"""Pools and free disks as clients are told of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgelinux_hostd import disks
from edgelinux_hostd.errors import NotFoundError
from edgelinux_hostd.run import run
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.parse import PROPERTY_COLUMNS, Properties, parse_properties
from edgelinux_hostd.storage.plan import best_name, unfit
from edgelinux_hostd.storage.poolstatus import PoolStatus, Vdev, parse_status
from edgelinux_hostd.storage.warnings import pool_warnings

__all__ = ["POOL_COLUMNS", "describe", "free_disks", "pool_report", "pool_reports"]

POOL_COLUMNS = "name,guid,health,size,allocated,free,capacity,fragmentation"

# What antMan's clients know of a pool besides zpool's own figures.
_MANAGED_ORIGIN = "antsle:managed-origin"
_PROPERTIES = f"compression,mountpoint,creation,{_MANAGED_ORIGIN}"


def pool_reports(record: Path = registry.PATH) -> list[Mapping[str, Any]]:
    """Describe all pools, also those that should be here and are not, in a constant number of commands.

    name, guid (text: it is too large for some JSON readers), health, size, allocated and free (bytes),
    capacity and fragmentation (percent), compression, mountpoint, mounted (antlets in it can be used),
    antsle:managed-origin, errors (lost data), scrub, vdevs, warnings.
    """
    listed = run(["zpool", "list", "-Hp", "-o", POOL_COLUMNS]).stdout
    names = [line.split("\t")[0] for line in listed.splitlines()]
    properties: Properties = {}
    if names:
        # A pool whose disks are all gone may not answer; the others do.
        get = ["zfs", "get", "-Hp", "-o", PROPERTY_COLUMNS, _PROPERTIES, *names]
        properties = parse_properties(run(get, check=False).stdout)
    statuses = parse_status(run(["zpool", "status", "-Pp"]).stdout)
    return describe(listed, statuses, properties, registry.load(record), time.time())


def pool_report(name: str, record: Path = registry.PATH) -> Mapping[str, Any]:
    """Describe one pool as `pool_reports` does; raises NotFoundError."""
    for report in pool_reports(record):
        if report["name"] == name:
            return report
    raise NotFoundError(f"there is no pool {name}")


def describe(
    listed: str,
    statuses: Sequence[PoolStatus],
    properties: Properties,
    recorded: Mapping[int, str],
    now: float,
) -> list[Mapping[str, Any]]:
    """Make reports of what the commands gave; `recorded` are the pools that should be here by GUID."""
    by_name = {status.name: status for status in statuses}
    found = []
    for line in listed.splitlines():
        name, guid, health, size, allocated, free, capacity, fragmentation = line.split("\t")
        known = {prop: value for prop, (value, _source) in properties.get(name, {}).items()}
        status = by_name.get(name, PoolStatus(name, health))
        found.append(
            {
                "name": name,
                "guid": guid,
                "health": health,
                "size": _number(size),
                "allocated": _number(allocated),
                "free": _number(free),
                "capacity": _number(capacity),
                "fragmentation": _number(fragmentation),
                "compression": known.get("compression", ""),
                "mountpoint": known.get("mountpoint", ""),
                "mounted": health in ("ONLINE", "DEGRADED"),
                _MANAGED_ORIGIN: known.get(_MANAGED_ORIGIN, "-"),
                "errors": status.errors,
                "reason": status.reason,
                "scrub": _scan(status),
                "vdevs": [_vdev(vdev) for vdev in status.vdevs],
                "warnings": pool_warnings(
                    status,
                    capacity=_number(capacity),
                    created=_number(known.get("creation", "")),
                    now=now,
                ),
            }
        )
    here = {int(str(report["guid"])): str(report["name"]) for report in found}
    names = Counter({**recorded, **here}.values())
    absent = [
        _absent(guid, name, str(guid) if names[name] > 1 else name)
        for guid, name in recorded.items()
        if guid not in here
    ]
    return sorted([*found, *absent], key=lambda report: str(report["name"]))


def _absent(guid: int, name: str, unique: str) -> dict[str, Any]:
    numbers = ("size", "allocated", "free", "capacity", "fragmentation", "errors")
    text = (
        f"pool {name} is not here: are its disks connected? `zpool import` shows what is found, "
        f"`antlet pool forget {unique}` gives up one that is gone for good"
    )
    return {
        "name": name,
        "guid": str(guid),
        "health": "UNAVAIL",
        **dict.fromkeys(numbers, 0),
        "compression": "",
        "mountpoint": "",
        "mounted": False,
        _MANAGED_ORIGIN: "-",
        "reason": "not imported",
        "scrub": _scan(PoolStatus(name, "UNAVAIL")),
        "vdevs": [],
        "warnings": [{"kind": "health", "level": "urgent", "text": text}],
    }


def _scan(status: PoolStatus) -> dict[str, Any]:
    scan = status.scan
    return {
        "kind": scan.what,
        "state": scan.state,
        "progress": scan.progress,
        "time": scan.time,
        "errors": scan.errors,
        "text": scan.text,
    }


def _vdev(vdev: Vdev) -> dict[str, Any]:
    return {
        "name": vdev.name,
        "state": vdev.state,
        "kind": vdev.kind,
        "read": vdev.read,
        "write": vdev.write,
        "checksum": vdev.checksum,
        "note": vdev.note,
        "children": [_vdev(child) for child in vdev.children],
    }


def free_disks() -> list[Mapping[str, Any]]:
    """List the disks of which a pool can be made: path, id (the name that stays), size, model, serial,
    contents (what would be lost).
    """
    return [
        {
            "path": disk.path,
            "id": best_name(disk),
            "size": disk.size,
            "model": disk.model,
            "serial": disk.serial,
            "contents": list(disk.contents),
        }
        for disk in disks.read_disks(disks.record_disks())
        if not unfit(disk)
    ]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
