"""Reports of the pools, remembered for a while: three programs to ask, for what is beside every antlet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["RecentReports"]

# What counts as recent, in seconds; a pool whose state changes is asked anew by `forget`.
_RECENT = 60.0

_Reports = Sequence[Mapping[str, Any]]


class RecentReports:
    """Gives reports of the pools, made anew or recent ones. For any number of threads."""

    def __init__(
        self,
        reports: Callable[[], _Reports],
        watched: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reports = reports
        self._watched = watched
        self._clock = clock
        self._lock = threading.Lock()
        self._made: tuple[float, _Reports] | None = None
        self._changes = 0

    def __call__(self) -> _Reports:
        """Describe the pools as they are now."""
        changes = self._changes
        asked, found = self._clock(), self._reports()
        with self._lock:
            if changes == self._changes:
                self._made = (asked, found)
        return found

    def recent(self) -> _Reports:
        """Describe the pools as they were within the last minute, with the states that they have now."""
        with self._lock:
            made = self._made
        if made is not None and self._watched() and self._clock() - made[0] < _RECENT:
            return made[1]
        return self()

    def forget(self) -> None:
        """A pool changed."""
        with self._lock:
            self._changes += 1
            self._made = None
