"""What clients are told of pools and disks, and what people are warned of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import NotFoundError
from edgelinux_hostd.storage import report
from edgelinux_hostd.storage.poolstatus import PoolStatus, Scan, Vdev, parse_status
from edgelinux_hostd.storage.warnings import pool_warnings

from .conftest import Commands

DAY = 86400
NOW = 1_800_000_000.0
MEMBER = Vdev("/dev/disk/by-id/ata-x-part1", "ONLINE")
WELL = PoolStatus("hdd", "ONLINE", scan=Scan("scrub", "finished", int(NOW) - 10 * DAY, 1.0), vdevs=(MEMBER,))


def warned(status: PoolStatus, *, capacity: int = 10, age: int = 400) -> list[Mapping[str, str]]:
    return pool_warnings(status, capacity=capacity, created=int(NOW) - age * DAY, now=NOW)


def test_a_pool_that_is_well() -> None:
    assert warned(WELL) == []
    assert warned(WELL, capacity=80) == []


@pytest.mark.parametrize(
    ("capacity", "level"), [(81, "warning"), (89, "warning"), (90, "urgent"), (100, "urgent")]
)
def test_full(capacity: int, level: str) -> None:
    assert warned(WELL, capacity=capacity) == [
        {"kind": "full", "level": level, "text": f"pool hdd is {capacity} % full"}
    ]


def test_degraded_names_the_disk(recorded: Callable[[str], str]) -> None:
    (status,) = parse_status(recorded("zpool-status-offline.txt"))
    (found,) = warned(replace(status, scan=WELL.scan))
    assert found["level"] == "warning"
    assert "DEGRADED: /dev/disk/by-id/virtio-edgelinux-disk3-part1 OFFLINE" in found["text"]


def test_suspended_and_lost_data_are_urgent() -> None:
    found = warned(replace(WELL, state="SUSPENDED", errors=2))
    assert [(entry["kind"], entry["level"]) for entry in found] == [("health", "urgent"), ("data", "urgent")]


def test_checksum_errors(recorded: Callable[[str], str]) -> None:
    (status,) = parse_status(recorded("zpool-status-checksum.txt"))
    (found,) = warned(replace(status, scan=WELL.scan))
    assert found["kind"] == "errors"
    assert "1349 checksum errors: /dev/disk/by-id/virtio-edgelinux-disk3-part1" in found["text"]


@pytest.mark.parametrize(
    ("scan", "age", "text"),
    [
        (Scan("scrub", "finished", int(NOW) - 36 * DAY), 400, "last scrubbed 36 days ago"),
        (Scan(), 36, "never scrubbed"),
        (Scan("scrub", "cancelled", int(NOW) - DAY), 400, "never scrubbed"),
        # It was made lately, or is being read right now.
        (Scan(), 34, ""),
        (Scan("scrub", "running", int(NOW) - 50 * DAY), 400, ""),
        (Scan("scrub", "finished", int(NOW) - 34 * DAY), 400, ""),
    ],
)
def test_scrubs_that_are_due(scan: Scan, age: int, text: str) -> None:
    found = warned(replace(WELL, scan=scan), age=age)
    assert [entry["kind"] for entry in found] == (["scrub"] if text else [])
    assert not found or text in found[0]["text"]


@pytest.fixture
def pools(commands: Commands, recorded: Callable[[str], str], tmp_path: Path) -> Path:
    commands.says("zpool list", recorded("zpool-list.txt"))
    commands.says("zpool status", recorded("zpool-status-offline.txt"))
    commands.says("zfs get", recorded("zfs-get-pools.txt"))
    record = tmp_path / "pools.json"
    record.write_text('{"15722508413257831652": "hdd", "4711": "usb"}')
    return record


def test_reports_take_three_commands(pools: Path, commands: Commands) -> None:
    found: dict[str, Mapping[str, Any]] = {one["name"]: one for one in report.pool_reports(pools)}
    assert len(commands.ran) == 3
    assert list(found) == ["antlets", "hdd", "usb"]
    json.dumps(list(found.values()))
    hdd = found["hdd"]
    # What antMan's clients call a zpool.
    assert {"name", "compression", "mountpoint", "capacity", "size", "health", "mounted"} <= set(hdd)
    assert (hdd["guid"], hdd["mountpoint"], hdd["mounted"]) == ("15722508413257831652", "/hdd", True)
    assert hdd["antsle:managed-origin"] == "-"
    assert hdd["size"] == 5905580032
    assert hdd["vdevs"][0]["children"][1]["state"] == "OFFLINE"
    assert hdd["warnings"][0]["kind"] == "health"


def test_a_pool_that_should_be_here_is_not_silently_missing(pools: Path) -> None:
    found = report.pool_report("usb", pools)
    assert (found["health"], found["mounted"]) == ("UNAVAIL", False)
    assert "pool usb is not here" in found["warnings"][0]["text"]
    assert "`antlet pool forget usb`" in found["warnings"][0]["text"]
    assert set(found) == set(report.pool_report("hdd", pools))
    with pytest.raises(NotFoundError, match="no pool nope"):
        report.pool_report("nope", pools)


@pytest.mark.parametrize("other", ["usb", "antlets"])
def test_absent_pools_are_told_apart_by_guid_where_names_are_not_enough(pools: Path, other: str) -> None:
    pools.write_text(f'{{"4711": "usb", "4712": "{other}"}}')
    texts = [one["text"] for report_ in report.pool_reports(pools) for one in report_["warnings"]]
    assert any("`antlet pool forget 4712`" in text for text in texts)


def test_a_pool_that_does_not_answer_is_still_reported(pools: Path, commands: Commands) -> None:
    commands.says("zfs get", stderr="cannot open 'hdd': pool I/O is currently suspended\n")
    assert report.pool_report("hdd", pools)["size"] == 5905580032


def test_no_pools_at_all(commands: Commands, tmp_path: Path) -> None:
    assert report.pool_reports(tmp_path / "none.json") == []
    # Without a name, zfs would list everything.
    assert not any(line.startswith("zfs get") for line in commands.ran)


def test_free_disks(commands: Commands, recorded: Callable[[str], str]) -> None:
    commands.says("lsblk", recorded("lsblk-virtio.json"))
    commands.says("wipefs", "")
    found = {entry["path"]: entry for entry in report.free_disks()}
    assert found["/dev/vdb"]["contents"] == []
    assert found["/dev/vdb"]["size"] > 0
    assert "gpt" in found["/dev/vda"]["contents"]
