"""Events: numbered, the last ones kept, given to as many readers as there are."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

__all__ = ["EventBus"]

Event = Mapping[str, Any]


class EventBus:
    """Passes events from who publishes to who reads, and never lets the one wait for the other.

    The last `keep` events stay readable. A reader that falls further behind than that is dropped: its last
    event has type "dropped", and it has to look at everything anew.
    """

    def __init__(
        self, *, keep: int = 1000, silence: float = 15.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._kept: deque[Event] = deque(maxlen=keep)
        self._silence = silence
        self._clock = clock
        self._number = 0
        self._closed = False
        self._changed = threading.Condition()

    def publish(self, type: str, **fields: Any) -> None:
        """Add an event, with its number as `id` and the time."""
        with self._changed:
            self._number += 1
            self._kept.append({"id": self._number, "time": self._clock(), "type": type, **fields})
            self._changed.notify_all()

    def subscribe(self, last: int | None = None) -> Iterator[Event]:
        """Give events as they happen, from after number `last` as far as they are kept; None: from now on.

        An empty mapping comes after each `silence` seconds without one. Ends when the bus is closed.
        """
        with self._changed:  # counts from the call on, not from when the first event is asked for
            position = self._number if last is None else self._first(last)
        return self._read(position)

    def close(self) -> None:
        """End all readers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _first(self, last: int) -> int:
        # A number from before hostd was restarted may be higher than any now: then give all there is.
        last = 0 if last > self._number else last
        return max(last, self._number - len(self._kept))

    def _news(self, position: int) -> bool:
        return self._closed or self._number > position

    def _read(self, position: int) -> Iterator[Event]:
        while True:
            with self._changed:
                self._changed.wait_for(partial(self._news, position), self._silence)
                oldest = self._number - len(self._kept)
                dropped = position < oldest
                events = [] if dropped else list(self._kept)[position - oldest :]
                now, number, closed = self._clock(), self._number, self._closed
            if dropped:
                yield {"id": number, "time": now, "type": "dropped"}
                return
            if closed and not events:
                return
            yield from events or ({},)
            position += len(events)
