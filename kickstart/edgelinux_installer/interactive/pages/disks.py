"""The screen of the disks."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import urwid
from edgelinux_hostd.disks import Disk

from edgelinux_installer.interactive.answers import check
from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.widgets import Row, buttons, note, tick
from edgelinux_installer.interactive.world import World

__all__ = ["DisksPage", "details_of", "holds", "title_of"]

_GIB = 1024**3


class DisksPage:
    """Which disks, and mirror or single."""

    title = "1 of 5: Disks"

    def __init__(self, app: App) -> None:
        self.app = app
        self._boxes: dict[str, urwid.CheckBox] = {}
        self._single: urwid.RadioButton | None = None

    def rows(self) -> list[Row]:
        """Give what is on it."""
        world, answers = self.app.world, self.app.answers
        rows = [note("Which disks become the host's pool? All that they hold will be erased."), note()]
        self._boxes = {}
        for disk in world.disks:
            refusal = world.refusal(disk)
            if refusal:
                rows.append(note(f"--- {title_of(disk)}"))
                rows.append(_below(f"{details_of(disk)}cannot be used: {refusal}"))
                continue
            box = urwid.CheckBox(title_of(disk), disk.name in answers.disks)
            self._boxes[disk.name] = box
            rows.append(Row(tick(box)))
            rows.append(_below(f"{details_of(disk)}{holds(disk)}"))
        if not world.disks:
            rows.append(note("This machine has no disk.", "error"))
        go_on = ("Continue", self._go_on)
        rows += [Row(urwid.Divider(), "disks"), *self._layout()]
        rows += [
            note(),
            buttons(("Back", self.back), ("Look again", self._look_again), go_on, focus=2),
        ]
        return rows

    def back(self) -> None:
        """Go to the screen before."""
        self._read()
        self.app.go(-1)

    def _layout(self) -> list[Row]:
        single = self.app.answers.layout == "single"
        group: list[urwid.RadioButton] = []
        mirror = urwid.RadioButton(group, "mirror: two to four disks, each boots the host", not single)
        self._single = urwid.RadioButton(group, "single: one disk, which nothing protects", single)
        return [Row(tick(mirror)), Row(tick(self._single))]

    def _read(self) -> None:
        layout: Literal["mirror", "single"] = "single" if self._single and self._single.state else "mirror"
        chosen = tuple(name for name, box in self._boxes.items() if box.state)
        self.app.answers = replace(self.app.answers, disks=chosen, layout=layout)

    def _look_again(self) -> None:
        self._read()
        self.app.work("Looking at the disks", self.app.doing.look, self._found, "disks")

    def _found(self, world: World) -> None:
        app = self.app
        app.world = world
        usable = [disk.name for disk in world.disks if not world.refusal(disk)]
        app.answers = replace(app.answers, disks=tuple(name for name in app.answers.disks if name in usable))
        app.refresh()

    def _go_on(self) -> None:
        self._read()
        errors = check(self.app.answers, self.app.world, "disks")
        if errors:
            self.app.errors(errors)
        else:
            self.app.go(1)


def title_of(disk: Disk) -> str:
    """Write a disk in one line: name, size and model."""
    return "  ".join(word for word in (disk.path, f"{disk.size / _GIB:.1f} GiB", disk.model) if word)


def details_of(disk: Disk) -> str:
    """Write what else tells a disk from others: its serial number, and how it is connected."""
    words = (disk.serial and f"serial {disk.serial}", disk.transport.upper())
    found = ", ".join(word for word in words if word)
    return f"{found}; " if found else ""


def holds(disk: Disk) -> str:
    """Say what lies on a disk."""
    return f"holds: {', '.join(disk.contents)}" if disk.contents else "blank: nothing on it was recognized"


def _below(text: str) -> Row:
    return Row(urwid.Padding(urwid.Text(text), left=6))
