"""How far writing a stick is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import Protocol

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

__all__ = ["Meter", "PlainMeter", "RichMeter", "SilentMeter", "make_meter"]

_LINE_SECONDS = 10.0


class Meter(Protocol):
    """Told what is done, and how many bytes of it."""

    def begin(self, what: str, total: int) -> None:
        """Something of `total` bytes begins; what was before has ended."""

    def advance(self, size: int) -> None:
        """So many bytes more are done."""

    def close(self) -> None:
        """Nothing more will come."""


class SilentMeter:
    """Says nothing."""

    def begin(self, what: str, total: int) -> None:
        """Do nothing."""

    def advance(self, size: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class PlainMeter:
    """A line for each beginning and one every ten seconds, on standard error."""

    def __init__(self) -> None:
        self._what, self._total, self._done, self._said = "", 0, 0, 0.0

    def begin(self, what: str, total: int) -> None:
        """Print what begins."""
        self._what, self._total, self._done, self._said = what, total, 0, time.monotonic()
        click.echo(f"{what}: {total / 1e6:.0f} MB", err=True)

    def advance(self, size: int) -> None:
        """Print how far it is, if that was not said of late."""
        self._done += size
        if time.monotonic() - self._said >= _LINE_SECONDS:
            self._said = time.monotonic()
            percent = 100 * self._done // self._total
            click.echo(f"{self._what}: {self._done / 1e6:.0f} MB, {percent}%", err=True)

    def close(self) -> None:
        """Do nothing."""


class RichMeter:
    """A bar with bytes, speed, and the time that is left, on standard error."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False),
        )
        self._progress.start()

    def begin(self, what: str, total: int) -> None:
        """Add a bar below those of what is done."""
        self._task = self._progress.add_task(what, total=total)

    def advance(self, size: int) -> None:
        """Move the bar."""
        self._progress.advance(self._task, size)

    def close(self) -> None:
        """Leave the bars as they are."""
        self._progress.stop()


def make_meter() -> Meter:
    """Return what suits standard error."""
    return RichMeter() if Console(stderr=True).is_terminal else PlainMeter()
