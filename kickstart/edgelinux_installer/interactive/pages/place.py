"""The screen of time zone and keyboard: lists that what is typed narrows down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import urwid

from edgelinux_installer.interactive.answers import check
from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.widgets import Row, button, buttons, field, note

__all__ = ["PlacePage", "matching"]

_SHOWN = 14


class PlacePage:
    """Where the host stands, and what its keyboard is like."""

    title = "3 of 5: Time zone and keyboard"

    def __init__(self, app: App) -> None:
        self.app = app

    def rows(self) -> list[Row]:
        """Give what is on it."""
        answers = self.app.answers
        return [
            note("The clock of the machine is taken to be in UTC."),
            note(),
            Row(button(f"Time zone:        {answers.timezone}", self._zone), "timezone"),
            note(),
            Row(button(f"Keyboard layout:  {answers.keyboard}", self._keyboard), "keyboard"),
            note(),
            buttons(("Back", self.back), ("Continue", self._go_on), focus=1),
        ]

    def back(self) -> None:
        """Go to the screen before."""
        self.app.go(-1)

    def _zone(self) -> None:
        _pick(self.app, "Time zone", self.app.world.timezones, self._chose_zone)

    def _chose_zone(self, name: str) -> None:
        self.app.answers = replace(self.app.answers, timezone=name)
        self.app.refresh()

    def _keyboard(self) -> None:
        _pick(self.app, "Keyboard layout", self.app.world.keyboards, self._chose_keyboard)

    def _chose_keyboard(self, name: str) -> None:
        self.app.answers = replace(self.app.answers, keyboard=name)
        self.app.refresh()
        if not self.app.terminal.serial:
            self.app.doing.use_keyboard(name)

    def _go_on(self) -> None:
        errors = check(self.app.answers, self.app.world, "place")
        if errors:
            self.app.errors(errors)
        else:
            self.app.go(1)


def matching(names: Sequence[str], typed: str) -> list[str]:
    """Give the names that have all the words typed; first those that begin with the first one."""
    words = typed.lower().replace("_", " ").split()
    if not words:
        return list(names)
    plain = {name: name.lower().replace("_", " ") for name in names}
    found = [name for name in names if all(word in plain[name] for word in words)]
    return sorted(found, key=lambda name: not plain[name].rpartition("/")[2].startswith(words[0]))


def _pick(app: App, title: str, names: Sequence[str], chosen: Callable[[str], None]) -> None:
    """Let a person choose one of many names."""
    edit, search = field("", "Search", "")

    def choose(name: str) -> None:
        app.close()
        chosen(name)

    def rows(typed: str) -> list[Row]:
        found = matching(names, typed)
        listed = [Row(button(name, partial(choose, name))) for name in found[:_SHOWN]]
        more = len(found) - len(listed)
        rest = note(f"... and {more} more: type more of the name" if more > 0 else "")
        return [search, note(), *(listed or [note("Nothing has that in its name.")]), rest]

    urwid.connect_signal(edit, "change", lambda _, typed: app.form.change(rows(typed)))
    app.dialog(title, rows(""), focus_last=False)
