"""What a person sees of a build: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["PlainReporter", "Reporter", "RichReporter", "make_reporter"]


class Reporter(Protocol):
    """Told by the runner what happens; called from several threads."""

    def note(self, text: str) -> None:
        """Say something that stays on the screen."""

    def begin(self, stage: str, why: str) -> None:
        """A stage starts to run."""

    def detail(self, stage: str, text: str) -> None:
        """A running stage says what it is at."""

    def end(self, stage: str, seconds: float, *, ok: bool) -> None:
        """A stage ended."""

    def lines(self, lines: Sequence[str]) -> None:
        """Show part of a log."""

    def close(self) -> None:
        """Nothing more will come."""


class PlainReporter:
    """One line to an event, on standard error."""

    def note(self, text: str) -> None:
        """Print the text."""
        click.echo(text, err=True)

    def begin(self, stage: str, why: str) -> None:
        """Print the stage and why it runs."""
        self.note(f"{stage}: runs: {why}")

    def detail(self, stage: str, text: str) -> None:
        """Print the detail."""
        self.note(f"{stage}: {text}")

    def end(self, stage: str, seconds: float, *, ok: bool) -> None:
        """Print how long it took."""
        self.note(f"{stage}: {'done' if ok else 'failed'} after {seconds:.1f} s")

    def lines(self, lines: Sequence[str]) -> None:
        """Print the lines, indented."""
        for line in lines:
            self.note(f"    {line}")

    def close(self) -> None:
        """Do nothing."""


class RichReporter:
    """A spinner and a clock for each running stage; what is done scrolls up."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._progress.start()

    def note(self, text: str) -> None:
        """Print the text above the running stages."""
        self._console.print(text, markup=False)

    def begin(self, stage: str, why: str) -> None:
        """Add the stage to the display."""
        with self._lock:
            self._tasks[stage] = self._progress.add_task(f"{stage}: {why}", total=None)

    def detail(self, stage: str, text: str) -> None:
        """Replace the stage's description."""
        with self._lock:
            if stage in self._tasks:
                self._progress.update(self._tasks[stage], description=f"{stage}: {text}")

    def end(self, stage: str, seconds: float, *, ok: bool) -> None:
        """Take the stage off the display and keep a line about it."""
        with self._lock:
            if stage in self._tasks:
                self._progress.remove_task(self._tasks.pop(stage))
        self._console.print(f"{'[green]✓[/]' if ok else '[red]✗[/]'} {stage} [dim]{seconds:.1f} s[/]")

    def lines(self, lines: Sequence[str]) -> None:
        """Print the lines, dimmed."""
        for line in lines:
            self._console.print(f"    {line}", markup=False, style="dim")

    def close(self) -> None:
        """Stop the display."""
        self._progress.stop()


def make_reporter() -> Reporter:
    """Return what suits standard error."""
    return RichReporter() if Console(stderr=True).is_terminal else PlainReporter()
