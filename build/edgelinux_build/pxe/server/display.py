"""Showing the machines while the server runs: a live table on a terminal, a line for each event elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from edgelinux_build.pxe.server.journal import Happening
from edgelinux_build.pxe.server.ledger import Ledger
from edgelinux_build.pxe.server.machines import printable
from edgelinux_build.pxe.server.table import render

__all__ = ["Display", "LiveDisplay", "PlainDisplay", "make_display"]

_TIMES_A_SECOND = 2


class Display(Protocol):
    """Shows machines from its making until it is closed."""

    def close(self) -> None:
        """Show the last state, and nothing more."""


class LiveDisplay:
    """A table that is drawn anew, twice a second."""

    def __init__(self, ledger: Ledger, console: Console) -> None:
        self._ledger = ledger
        self._console = console
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=_TIMES_A_SECOND, transient=False
        )
        self._live.start()

    def _draw(self) -> RenderableType:
        ledger = self._ledger
        return render(ledger.machines(), ledger.warnings(), time.time(), self._console.width)

    def close(self) -> None:
        """Leave the last table on the screen."""
        self._live.stop()


class PlainDisplay:
    """One line to an event; what a machine says twice is said once."""

    def __init__(self, ledger: Ledger, out: TextIO) -> None:
        self._out = out
        self._said: dict[str, str] = {}
        ledger.listen(self._show)

    def _show(self, happening: Happening) -> None:
        text = printable(happening.text)
        warning = printable(str(happening.details.get("warning", "")))
        if warning and self._said.get(f"{happening.mac} !") != warning:
            self._said[f"{happening.mac} !"] = warning
            text += "" if happening.event == "warning" else f" (warning: {warning})"
        elif self._said.get(happening.mac) == text:
            return
        self._said[happening.mac] = text
        clock = time.strftime("%H:%M:%S", time.localtime(happening.time))
        what = "" if happening.mac or happening.event != "warning" else "warning: "
        print(f"{clock} {happening.mac or '-'} {what}{text}", file=self._out, flush=True)

    def close(self) -> None:
        """Do nothing: what happened has been said."""


def make_display(ledger: Ledger) -> Display:
    """Return what suits standard output."""
    console = Console(highlight=False)
    return LiveDisplay(ledger, console) if console.is_terminal else PlainDisplay(ledger, sys.stdout)
