"""The pools of this host, remembered, and kept up to date by their events, which are told to who listens."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgelinux_hostd.storage.follow import PoolEvents
from edgelinux_hostd.storage.mounts import MountTable
from edgelinux_hostd.storage.recent import RecentReports
from edgelinux_hostd.storage.remembered import RememberedStorage
from edgelinux_hostd.storage.report import pool_reports
from edgelinux_hostd.storage.zevents import PoolEvent, news
from edgelinux_hostd.storage.zfs import ZfsStorage

__all__ = ["WatchedPools"]


class WatchedPools:
    """`storage`, `reports`, and the `events` that keep both true.

    `publish` is called with a type, "pool", and the fields that `news` gives.
    """

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._since = time.time()
        self.events = PoolEvents(self._told)
        self.storage = RememberedStorage(ZfsStorage(), watched=self._watched, mounted=MountTable())
        self.reports = RecentReports(pool_reports, self._watched)

    def _watched(self) -> bool:
        return self.events.following

    def _told(self, event: PoolEvent) -> None:
        self.storage.changed(event.dataset, event.action)
        if event.dataset:
            return
        self.reports.forget()
        told = news(event)
        # The kernel keeps events: the first ones are of before.
        if told is not None and event.time >= self._since:
            self._publish("pool", **told)
