"""Readers for what zfs(8) prints with -Hp: one line for each dataset, its fields separated by tabs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.storage.base import JOB, KIND, NAME, NUMBER, PREFIX, UUID, DatasetInfo, SnapshotInfo

__all__ = [
    "DATASET_PROPERTIES",
    "PROPERTY_COLUMNS",
    "SNAPSHOT_PROPERTIES",
    "Properties",
    "parse_datasets",
    "parse_properties",
    "parse_snapshots",
]

# zfsprops(7). Only what OpenZFS 2.2 has too; by name, since with "all" zfs works out every property there is.
_BOTH = f"creation,used,referenced,logicalreferenced,compression,{','.join((KIND, NAME, NUMBER, UUID, JOB))}"
DATASET_PROPERTIES = f"mountpoint,mounted,available,quota,origin,{_BOTH}"
SNAPSHOT_PROPERTIES = f"createtxg,clones,{_BOTH}"
PROPERTY_COLUMNS = "name,property,value,source"

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


def parse_datasets(text: str) -> tuple[DatasetInfo, ...]:
    """Read `zfs get -Hp` with this module's columns and properties of file systems."""
    return tuple(
        _dataset(name, known) for name, known in parse_properties(text).items() if "mounted" in known
    )


def _dataset(name: str, known: Mapping[str, tuple[str, str]]) -> DatasetInfo:
    values = {prop: value for prop, (value, _source) in known.items()}
    mountpoint = values["mountpoint"]
    return DatasetInfo(
        name=name,
        mountpoint=Path(mountpoint) if mountpoint.startswith("/") else None,  # not: none, legacy, -
        mounted=values["mounted"] == "yes",
        used=_number(values["used"]),
        available=_number(values["available"]),
        referenced=_number(values["referenced"]),
        logical=_number(values["logicalreferenced"]),
        quota=_number(values["quota"]),
        compression=values["compression"],
        compression_source=known["compression"][1],
        origin="" if values["origin"] == "-" else values["origin"],
        creation=_number(values["creation"]),
        local=_local(known),
    )


def parse_snapshots(text: str) -> tuple[SnapshotInfo, ...]:
    """Read `zfs get -Hp` with this module's columns and properties of snapshots; gives the oldest first."""
    # Creation times count whole seconds, transactions tell the order within one.
    found = [(name, known) for name, known in parse_properties(text).items() if "createtxg" in known]
    found.sort(key=lambda one: _number(one[1]["createtxg"][0]))
    return tuple(_snapshot(name, known) for name, known in found)


def _snapshot(name: str, known: Mapping[str, tuple[str, str]]) -> SnapshotInfo:
    values = {prop: value for prop, (value, _source) in known.items()}
    return SnapshotInfo(
        name=name,
        creation=_number(values["creation"]),
        used=_number(values["used"]),
        referenced=_number(values["referenced"]),
        logical=_number(values["logicalreferenced"]),
        clones=tuple(sorted(clone for clone in values["clones"].split(",") if clone not in ("", "-"))),
        local=_local(known),
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
