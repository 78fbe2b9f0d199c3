"""What `zpool status` says, of pools that are well and of pools that are not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from edgelinux_hostd.storage.poolstatus import PoolStatus, Vdev, parse_status

Recorded = Callable[[str], str]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def status(recorded: Recorded, name: str) -> PoolStatus:
    (found,) = parse_status(recorded(f"zpool-status-{name}.txt"))
    return found


def test_a_new_pool(recorded: Recorded) -> None:
    found = status(recorded, "never")
    assert (found.name, found.state, found.errors, found.reason) == ("hdd", "ONLINE", 0, "")
    assert found.scan.state == "never"
    (mirror,) = found.vdevs
    assert mirror.name == "mirror-0"
    assert [leaf.name for leaf in mirror.children] == [
        "/dev/disk/by-id/virtio-edgelinux-disk2-part1",
        "/dev/disk/by-id/virtio-edgelinux-disk3-part1",
    ]


@pytest.mark.parametrize(
    ("name", "what", "state", "progress", "when"),
    [
        ("scrubbing", "scrub", "running", 0.4421, "11:51:15"),
        ("paused", "scrub", "paused", 0.8065, "11:51:16"),
        ("done", "scrub", "finished", 1.0, "11:51:20"),
        ("resilvered", "resilver", "finished", 1.0, "11:51:26"),
    ],
)
def test_scans(recorded: Recorded, name: str, what: str, state: str, progress: float, when: str) -> None:
    scan = status(recorded, name).scan
    assert (scan.what, scan.state) == (what, state)
    assert scan.progress == pytest.approx(progress)
    assert time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(scan.time)) == f"2026-11-24 {when}"


def test_a_scrub_that_was_stopped() -> None:
    (found,) = parse_status("  pool: a\n state: ONLINE\n  scan: scrub canceled on Sun Nov  1 03:04:05 2026\n")
    assert found.scan.state == "cancelled"
    assert time.gmtime(found.scan.time)[:3] == (2026, 11, 1)


def test_errors_of_a_disk(recorded: Recorded) -> None:
    found = status(recorded, "checksum")
    assert found.state == "ONLINE"
    assert "unrecoverable error" in found.reason
    assert [leaf.checksum for leaf in found.leaves()] == [0, 1349]


def test_a_disk_that_is_offline(recorded: Recorded) -> None:
    found = status(recorded, "offline")
    assert found.state == "DEGRADED"
    assert [leaf.state for leaf in found.leaves()] == ["ONLINE", "OFFLINE"]


def test_several_pools_with_logs_spares_and_what_is_missing(recorded: Recorded) -> None:
    fast, slow = parse_status(recorded("zpool-status-several.txt"))
    assert fast.errors == 3
    assert (fast.scan.what, fast.scan.state) == ("resilver", "running")
    mirror, single, log, spare = fast.vdevs
    assert mirror.children[0].note == "(resilvering)"
    assert mirror.children[1].name == "4416518137021946183"
    assert mirror.children[1].note == "was /dev/disk/by-id/ata-b-part1"
    assert (single.read, single.write, single.checksum, single.errors) == (1, 2, 3, 6)
    assert (log.kind, spare.kind, spare.state) == ("logs", "spares", "AVAIL")
    assert slow == PoolStatus("slow", "ONLINE", vdevs=(Vdev("/dev/sde1", "ONLINE"),))


@pytest.mark.parametrize("name", ["faulted", "removed", "suspended"])
def test_pools_in_trouble_can_be_read(recorded: Recorded, name: str) -> None:
    found = status(recorded, name)
    assert found.state != "ONLINE"
    assert len(found.leaves()) == 2


def test_nothing_there() -> None:
    assert parse_status("no pools available\n") == ()
    assert parse_status("") == ()
