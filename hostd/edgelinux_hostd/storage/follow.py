"""Follows the pools' events for as long as hostd runs: a program that is asleep until one comes."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, cast

from edgelinux_hostd.storage.zevents import COMMAND, PoolEvent, parse_events

__all__ = ["PoolEvents"]

_log = logging.getLogger(__name__)

# Before the program is started again, in seconds.
_PAUSE = 10.0


class PoolEvents:
    """Calls `told` with each event, in a thread of its own.

    The first ones are those that the kernel still holds, from before. `following` is false while events may
    be missed.
    """

    def __init__(self, told: Callable[[PoolEvent], None], command: Sequence[str] = COMMAND) -> None:
        self.told = told
        self._command = list(command)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self.following = False

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="pool-events", daemon=True).start()

    def stop(self) -> None:
        """End the program."""
        self._stopping.set()
        process = self._process
        if process is not None:
            process.kill()

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                self._follow()
            except Exception:  # whatever it is, hostd goes on without events
                _log.exception("events of pools")
            finally:
                self.following = False
            if not self._stopping.is_set() and time.monotonic() - started > _PAUSE:
                _log.warning("%s ended; it is started again", " ".join(self._command))
            self._stopping.wait(_PAUSE)

    def _follow(self) -> None:
        with subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
        ) as process:
            self._process = process
            if self._stopping.is_set():
                process.kill()
            self.following = True
            try:
                for event in parse_events(cast("IO[str]", process.stdout)):
                    self.told(event)
            finally:
                process.kill()
