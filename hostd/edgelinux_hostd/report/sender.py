"""Sends reports in the background, so that what is reported on never waits for who is told."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from edgelinux_hostd.report.target import Outcome, Target, deliver

__all__ = ["Sender"]

_Deliver = Callable[[Target, Mapping[str, Any], float], Outcome]

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10.0
_FIRST_DELAY = 1.0
_LONGEST_DELAY = 30.0
# Progress is for people who look on.
_BETWEEN_PROGRESS = 1.0
# Between attempts while somebody waits for the end.
_DELAY_AT_THE_END = 2.0
# Reports that must not be dropped are two for an installation; more than this is a defect of the caller's.
_MOST = 64


class Sender:
    """Sends to one target, in order. Nothing raises.

    Of progress reports only the newest one waits, and at most one is sent in a second. All others are tried
    again, with growing delays, until they are taken or refused, or `close` gives up.
    """

    def __init__(self, target: Target, *, deliver: _Deliver = deliver) -> None:
        self.target = target
        self._deliver = deliver
        self._waiting: deque[dict[str, Any]] = deque()
        self._changed = threading.Condition()
        self._end: float | None = None
        self._last_progress = -math.inf
        self._gave_up = False
        self._told: set[str] = set()
        self._thread: threading.Thread | None = None

    def send(self, report: dict[str, Any]) -> None:
        """Take a report to be sent; returns at once."""
        with self._changed:
            if self._end is not None or len(self._waiting) >= _MOST:
                return
            waiting = [one for one in self._waiting if one["event"] != "progress"]
            self._waiting = deque([*waiting, report])
            if self._thread is None:
                name = f"reports to {self.target.url}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def end_by(self, moment: float) -> None:
        """Have what still waits sent until then (of `time.monotonic`); nothing is taken any more."""
        with self._changed:
            self._end = moment
            self._changed.notify_all()

    def close(self, seconds: float) -> bool:
        """Wait until all is sent, `seconds` at most; true when it was."""
        end = time.monotonic() + seconds
        self.end_by(end)
        if self._thread is None:
            return True
        self._thread.join(seconds)
        done = not self._thread.is_alive() and not self._gave_up
        if not done:
            self._note(f"not everything was reported to {self.target.url}: no time is left")
        return done

    def _run(self) -> None:
        while report := self._next():
            self._bring(report)

    def _next(self) -> dict[str, Any] | None:
        """Wait for the next report; None at the end."""
        with self._changed:
            while True:
                early = 0.0
                if self._waiting:
                    if self._waiting[0]["event"] == "progress" and self._end is None:
                        early = self._last_progress + _BETWEEN_PROGRESS - time.monotonic()
                    if early <= 0:
                        return self._waiting.popleft()
                elif self._end is not None:
                    return None
                self._changed.wait(early or None)

    def _bring(self, report: dict[str, Any]) -> None:
        """Try until it is taken or refused, or not worth it any more."""
        is_progress = report["event"] == "progress"
        delay = _FIRST_DELAY
        while (timeout := self._left(_TIMEOUT_SECONDS)) > 0:
            if is_progress:
                self._last_progress = time.monotonic()
            outcome = self._deliver(self.target, report, timeout)
            if outcome.reason:
                self._note(f"not reported: {outcome.reason}")
            if outcome.state != "later":
                return
            self._pause(delay)
            delay = min(2 * delay, _LONGEST_DELAY)
            if is_progress and (self._waiting or self._end is not None):
                return
        self._gave_up = self._gave_up or not is_progress

    def _left(self, most: float) -> float:
        """Give the seconds that something may take; at the end there are fewer."""
        end = self._end
        return most if end is None else min(most, end - time.monotonic())

    def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; not for long when the end is near."""
        began = time.monotonic()
        with self._changed:
            while True:
                until = began + seconds
                if self._end is not None:
                    until = min(began + _DELAY_AT_THE_END, until, self._end)
                left = until - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def _note(self, line: str) -> None:
        """Log a line once: a server that is away stays away for many reports."""
        if line not in self._told:
            self._told.add(line)
            log.warning("%s", line)
