"""The screen of the installation itself, and how it ended."""

from __future__ import annotations

import queue
import threading
from typing import Any

import urwid
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.context import LOG
from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.threads import background, notifier
from edgelinux_installer.interactive.widgets import Row, buttons, note
from edgelinux_installer.progress import Told, read_line
from edgelinux_installer.steps import READING

__all__ = ["InstallingPage"]

_KEPT_LINES = 200
_BAR = 50


class InstallingPage:
    """Steps, percent, and what the installer says."""

    title = "Installing"

    def __init__(self, app: App, text: str) -> None:
        self.app = app
        self._text = text
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._told: Told | None = None
        self._lines: list[str] = []
        self._ended: EdgeLinuxError | str | None = None
        self._head = urwid.Text("")
        self._log = urwid.Text("")
        self._started = False

    def rows(self) -> list[Row]:
        """Give what is on it, and begin when it is shown first."""
        if not self._started:
            self._started = True
            self._begin()
        return [Row(self._head), note(), Row(self._log)]

    def back(self) -> None:
        """There is no way back."""

    def ask_to_stop(self) -> None:
        """Ask whether to stop: what was begun cannot be taken back."""
        app = self.app
        if self._ended is not None or app.form_title == _STOPPING:
            return

        def stop() -> None:
            app.close()
            self._stop.set()
            app.hint("Stopping ...")

        rows = [
            note("The installation is under way. If it is stopped, this machine has no system that boots;"),
            note("what its disks held is lost."),
            note(),
            buttons(("Go on installing", app.close), ("Stop it", stop)),
        ]
        app.dialog(_STOPPING, rows)

    def _begin(self) -> None:
        app = self.app
        notify = notifier(app.loop, self._show_said)

        def say(line: str) -> None:
            self._said.put(line)
            notify()

        def install() -> None:
            app.doing.install(self._text, app.world, say, self._stop.is_set)

        background(app.loop, install, self._finished)

    def _show_said(self) -> None:
        while not self._said.empty():
            line = self._said.get()
            if not line:
                continue
            self._told = read_line(line) or self._told
            self._lines.append(line.removeprefix("edgeLinux installer").strip())
        self._lines = self._lines[-_KEPT_LINES:]
        if self._told:
            full = self._told.percent * _BAR // 100
            bar = "#" * full + "." * (_BAR - full)
            head = f"Step {self._told.step} of {self._told.steps}: {self._told.text}"
            self._head.set_text(f"{head}\n\n[{bar}] {self._told.percent} %  after {self._told.seconds} s")
        self._log.set_text("\n".join(self._lines[-(self.app.height - 5) :]))

    def _finished(self, _: object, error: EdgeLinuxError | None) -> None:
        self._show_said()
        app = self.app
        self._ended = error or ""
        if error is None:
            done = self._lines[-1] if self._lines else "Installation complete"
            app.show(
                _End(app, "Installed", done, "", [("Restart now", self._restart), ("A shell", self._shell)])
            )
            return
        untouched = self._told is None or self._told.name in READING
        said = f"INSTALLATION FAILED: {error}"
        if untouched:
            rest = f"No disk was touched. The log: {LOG}"
            choices = [("Back to the forms", lambda: app.go(0))]
        else:
            rest = f"This machine was not made bootable and does not restart by itself. The log: {LOG}"
            choices = []
        leave = ("A shell", lambda: app.leave(error.exit_code, said, rest))
        app.show(_End(app, "Failed", said, rest, [*choices, leave]))

    def _restart(self) -> None:
        self.app.doing.reboot()
        self.app.leave(0, "Restarting ...")

    def _shell(self) -> None:
        self.app.leave(0, "Installed. Restart with: systemctl reboot")


class _End:
    """How it ended, and what to do now."""

    def __init__(self, app: App, title: str, said: str, rest: str, choices: list[tuple[str, Any]]) -> None:
        self.app = app
        self.title = title
        self._rows = [note(said, "strong"), note(), note(rest), note(), buttons(*choices)]

    def rows(self) -> list[Row]:
        """Give what is on it."""
        return self._rows

    def back(self) -> None:
        """There is no way back."""

    def ask_to_stop(self) -> None:
        """There is nothing left to stop."""


_STOPPING = "Stop the installation?"
