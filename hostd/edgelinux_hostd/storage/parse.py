"""Readers for what zfs(8) prints with -Hp: one line for each dataset, its fields separated by tabs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.storage.base import JOB, KIND, NAME, NUMBER, PREFIX, UUID, DatasetInfo, SnapshotInfo

__all__ = [
    "DATASET_COLUMNS",
    "PROPERTY_COLUMNS",
    "SNAPSHOT_COLUMNS",
    "SOURCED",
    "Properties",
    "parse_datasets",
    "parse_properties",
    "parse_snapshots",
]

# zfsprops(7). Only what OpenZFS 2.2 has too.
DATASET_COLUMNS = (
    "name,mountpoint,mounted,used,available,referenced,logicalreferenced,quota,compression,origin,creation"
)
SNAPSHOT_COLUMNS = "name,creation,used,referenced,logicalreferenced,clones"
PROPERTY_COLUMNS = "name,property,value,source"

# Those whose source matters, by name: with "all", zfs works out every property of every dataset.
SOURCED = ",".join(("compression", KIND, NAME, NUMBER, UUID, JOB))

# For each dataset its properties, each with its value and source.
Properties = Mapping[str, Mapping[str, tuple[str, str]]]


def parse_properties(text: str) -> Properties:
    """Read `zfs get -Hp -o name,property,value,source` (zfs-get(8))."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for line in text.splitlines():
        name, _, rest = line.partition("\t")
        prop, _, rest = rest.partition("\t")
        # A user property's value may hold anything, tabs too.
        value, _, source = rest.rpartition("\t")
        found.setdefault(name, {})[prop] = (value, source)
    return found


def parse_datasets(text: str, properties: Properties) -> tuple[DatasetInfo, ...]:
    """Read `zfs list -Hp -o` with this module's columns for file systems (zfs-list(8)).

    `properties` are those that are not default; one that was listed a moment before its properties were
    asked for, and is gone by then, has none.
    """
    return tuple(_dataset(line.split("\t"), properties) for line in text.splitlines())


def _dataset(fields: list[str], properties: Properties) -> DatasetInfo:
    name, mountpoint, mounted, used, available, referenced, logical, quota, compression, origin, creation = (
        fields
    )
    known = properties.get(name, {})
    return DatasetInfo(
        name=name,
        mountpoint=Path(mountpoint) if mountpoint.startswith("/") else None,  # not: none, legacy, -
        mounted=mounted == "yes",
        used=_number(used),
        available=_number(available),
        referenced=_number(referenced),
        logical=_number(logical),
        quota=_number(quota),
        compression=compression,
        compression_source=known.get("compression", ("", "default"))[1],
        origin="" if origin == "-" else origin,
        creation=_number(creation),
        local=_local(known),
    )


def parse_snapshots(text: str, properties: Properties) -> tuple[SnapshotInfo, ...]:
    """Read `zfs list -Hp -t snapshot -o` with this module's columns for snapshots, in the order given."""
    return tuple(_snapshot(line.split("\t"), properties) for line in text.splitlines())


def _snapshot(fields: list[str], properties: Properties) -> SnapshotInfo:
    name, creation, used, referenced, logical, clones = fields
    return SnapshotInfo(
        name=name,
        creation=_number(creation),
        used=_number(used),
        referenced=_number(referenced),
        logical=_number(logical),
        clones=tuple(clone for clone in clones.split(",") if clone not in ("", "-")),
        local=_local(properties.get(name, {})),
    )


def _local(properties: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    return {
        prop: value
        for prop, (value, source) in properties.items()
        if prop.startswith(PREFIX) and source == "local"
    }


def _number(text: str) -> int:
    # "-" where a property does not apply, "none" for limits in some versions.
    return int(text) if text.isascii() and text.isdigit() else 0
