"""Events of pools: read as they come, and what is told of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

from edgelinux_hostd.storage.follow import PoolEvents
from edgelinux_hostd.storage.mounts import MountTable, parse_mounts
from edgelinux_hostd.storage.zevents import PoolEvent, news, parse_events


def test_changes_of_datasets(recorded: Callable[[str], str]) -> None:
    events = list(parse_events(recorded("zpool-events.txt").splitlines(keepends=True)))
    assert [(event.dataset, event.action) for event in events if event.dataset][:3] == [
        ("antlets/evtest", "clone"),
        ("antlets/evtest", "set"),
        ("antlets/evtest", "set"),
    ]
    assert {event.pool for event in events} <= {"antlets", "evpool"}
    assert 1.7e9 < events[0].time < 2e9


def test_what_is_told_of_pools(recorded: Callable[[str], str]) -> None:
    events = parse_events(recorded("zpool-events.txt").splitlines(keepends=True))
    said = [told for event in events if event.pool == "evpool" and (told := news(event)) is not None]
    changes = [told["change"] for told in said]
    assert changes[0] == "created"
    assert "scrub started" in changes
    assert "scrub finished" in changes
    assert changes[-1] in ("destroyed", "exported")
    states = [(told["disk"], told["state"]) for told in said if told["change"] == "disk state"]
    assert ("evdisk1.img", "OFFLINE") in states
    assert ("evdisk1.img", "ONLINE") in states


def test_changes_of_datasets_are_not_told() -> None:
    fields = {"history_dsname": "antlets/a", "history_internal_name": "set"}
    assert news(PoolEvent("sysevent.fs.zfs.history_event", "antlets", fields)) is None


def test_errors_name_their_disk() -> None:
    event = PoolEvent("ereport.fs.zfs.checksum", "antlets", {"vdev_path": "/dev/disk/by-id/x-part3"})
    assert news(event) == {"pool": "antlets", "change": "checksum error", "disk": "x-part3", "state": ""}


def test_events_that_were_dropped_are_an_event() -> None:
    (event,) = parse_events(["dropped 12 events\n"])
    assert (event.dataset, news(event)) == ("", None)


def test_half_an_event_is_none() -> None:
    lines = ["Nov 24 2026 15:13:08.5\tsysevent.fs.zfs.scrub_start\n", '   pool = "a"\n']
    assert list(parse_events(lines)) == []


def test_a_program_is_followed_as_it_writes() -> None:
    come, told = threading.Event(), []

    def hear(event: PoolEvent) -> None:
        told.append(event)
        come.set()

    text = "now\\tsysevent.fs.zfs.scrub_start\\n  pool = hdd\\n\\n"
    script = f"import time; print('{text}', flush=True); time.sleep(600)"
    events = PoolEvents(hear, [sys.executable, "-c", script])
    events.start()
    assert come.wait(60)
    assert events.following
    assert [event.pool for event in told] == ["hdd"]
    events.stop()


def test_without_the_program_nothing_is_followed() -> None:
    events = PoolEvents(lambda event: None, ["/nonexistent/zpool"])
    events.start()
    events.stop()
    assert not events.following


def test_mounted_datasets() -> None:
    text = "antlets/web1 /antlets/web1 zfs rw 0 0\nproc /proc proc rw 0 0\nhdd/a\\040b /x zfs rw 0 0\n"
    assert parse_mounts(text) == {"antlets/web1", "hdd/a b"}


def test_the_kernels_table_can_be_read() -> None:
    table = MountTable()
    assert table() == table() == parse_mounts(Path("/proc/self/mounts").read_text(encoding="utf-8"))
