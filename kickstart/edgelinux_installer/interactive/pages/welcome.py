"""The first screen: what the installer does."""

from __future__ import annotations

from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.widgets import Row, buttons, note

__all__ = ["WelcomePage"]

_TEXT = """\
This installs {product} on this machine's disks. It asks for

  1  the disks, and whether they mirror each other
  2  the network, and the host's name
  3  time zone and keyboard
  4  how root logs in

and then shows what would be erased. Until that has been confirmed by typing a \
word, nothing on any disk is changed.

This machine: {cpu}, {firmware}, {disks} disk(s), {cards} network card(s).
"""


class WelcomePage:
    """What the installer does."""

    title = "Welcome"

    def __init__(self, app: App) -> None:
        self.app = app

    def rows(self) -> list[Row]:
        """Give what is on it."""
        world = self.app.world
        text = _TEXT.format(
            product=f"{world.image.product} {world.image.version}",
            cpu=world.machine.cpu_level,
            firmware="UEFI" if world.machine.firmware == "uefi" else "BIOS",
            disks=len(world.disks),
            cards=len(world.cards),
        )
        go_on = ("Continue", lambda: self.app.go(1))
        return [note(text), buttons(go_on, ("Leave to a shell", self.app.ask_to_leave))]

    def back(self) -> None:
        """Ask whether to leave."""
        self.app.ask_to_leave()
