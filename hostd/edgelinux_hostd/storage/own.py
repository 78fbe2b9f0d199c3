"""Tells hostd's own changes of ZFS from other people's, by the events that they make."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["OwnChanges"]

# An event comes as its change ends; one that comes later than this is taken for somebody else's, which costs
# one more look.
_SECONDS = 5.0


@dataclass(frozen=True)
class _Expected:
    name: str
    action: str
    until: float


class OwnChanges:
    """What events are still to come of changes that hostd makes, one for each action."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._expected: list[_Expected] = []

    def expect(self, name: str, actions: Sequence[str]) -> None:
        """A change of a dataset or snapshot is about to be made, or was made just now."""
        now = self._clock()
        with self._lock:
            self._expected = [one for one in self._expected if one.until > now]
            self._expected += [_Expected(name, action, now + _SECONDS) for action in actions]

    def withdraw(self, name: str, actions: Sequence[str]) -> None:
        """The change failed: events like its own are somebody else's."""
        for action in actions:
            self.claim(name, action)

    def claim(self, name: str, action: str) -> bool:
        """Tell whether an event is of one of them, which is then no longer expected."""
        now = self._clock()
        with self._lock:
            for one in self._expected:
                if (one.name, one.action) == (name, action) and one.until > now:
                    self._expected.remove(one)
                    return True
        return False
