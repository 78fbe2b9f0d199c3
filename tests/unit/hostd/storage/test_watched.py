"""What is remembered of pools, and what their events do to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from edgelinux_hostd.storage import watched
from edgelinux_hostd.storage.recent import RecentReports
from edgelinux_hostd.storage.watched import WatchedPools
from edgelinux_hostd.storage.zevents import PoolEvent


class Pools:
    """Reports that count how often they were made."""

    made = 0
    now = 0.0
    following = True

    def __call__(self) -> Sequence[Mapping[str, Any]]:
        self.made += 1
        return [{"name": "antlets", "number": self.made}]


def test_recent_reports_serve_for_a_minute() -> None:
    pools = Pools()
    reports = RecentReports(pools, lambda: pools.following, lambda: pools.now)
    assert reports.recent() == reports.recent() == [{"name": "antlets", "number": 1}]
    assert reports() == [{"name": "antlets", "number": 2}]
    assert reports.recent() == [{"name": "antlets", "number": 2}]
    pools.now = 60.0
    assert reports.recent() == [{"name": "antlets", "number": 3}]


def test_without_events_no_report_is_recent() -> None:
    pools = Pools()
    pools.following = False
    reports = RecentReports(pools, lambda: pools.following, lambda: pools.now)
    reports.recent()
    reports.recent()
    assert pools.made == 2


def test_a_report_from_before_a_change_is_not_kept_after_it() -> None:
    pools = Pools()

    def overtaken() -> Sequence[Mapping[str, Any]]:
        if not pools.made:
            reports.forget()
        return pools()

    reports = RecentReports(overtaken, lambda: True, lambda: pools.now)
    reports.recent()
    assert reports.recent() == [{"name": "antlets", "number": 2}]


@pytest.fixture
def told() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Pools:
    pools = Pools()
    monkeypatch.setattr(watched, "pool_reports", pools)
    return pools


def test_a_disk_that_is_lost_is_told_and_has_pools_looked_at(
    told: list[dict[str, Any]], pools: Pools
) -> None:
    here = WatchedPools(lambda kind, **fields: told.append({"type": kind, **fields}))
    here.events.following = True
    here.reports.recent()
    fields = {"vdev_path": "/dev/vdb3", "vdev_state": 'REMOVED" (0x3)', "time": f"{2**40:#x} 0x0"}
    here.events.told(PoolEvent("resource.fs.zfs.statechange", "antlets", fields))
    assert told == [
        {"type": "pool", "pool": "antlets", "change": "disk state", "disk": "vdb3", "state": "REMOVED"}
    ]
    here.reports.recent()
    assert pools.made == 2


def test_what_was_before_is_not_told_again(told: list[dict[str, Any]], pools: Pools) -> None:
    here = WatchedPools(lambda kind, **fields: told.append(fields))
    here.events.told(PoolEvent("sysevent.fs.zfs.scrub_start", "antlets", {"time": "0x1 0x0"}))
    assert told == []


def test_a_changed_dataset_is_no_reason_to_look_at_pools(told: list[dict[str, Any]], pools: Pools) -> None:
    here = WatchedPools(lambda kind, **fields: told.append(fields))
    here.events.following = True
    here.reports.recent()
    history = {"history_dsname": "antlets/a", "history_internal_name": "set", "time": f"{2**40:#x} 0x0"}
    here.events.told(PoolEvent("sysevent.fs.zfs.history_event", "antlets", history))
    here.reports.recent()
    assert (told, pools.made) == ([], 1)
