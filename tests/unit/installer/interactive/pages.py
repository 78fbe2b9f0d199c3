"""The way through the text installer's pages, by keys."""

from __future__ import annotations

from collections.abc import Callable

from tests.screen import Terminal

Forms = Callable[..., Terminal]
"""The fixture `forms`: starts the installer on a terminal."""


def to_disks(terminal: Terminal) -> None:
    terminal.wait_for("Continue")
    terminal.choose("Continue")
    terminal.wait_for("1 of 5")


def choose_disks(terminal: Terminal, *names: str) -> None:
    for name in names:
        terminal.go_to(name)
        terminal.type("space")
    terminal.choose("Continue")


def to_network(terminal: Terminal) -> None:
    to_disks(terminal)
    choose_disks(terminal, "/dev/nvme0n1", "/dev/nvme1n1")
    terminal.wait_for("2 of 5")


def to_access(terminal: Terminal) -> None:
    to_network(terminal)
    terminal.choose("Continue")
    terminal.wait_for("3 of 5")
    terminal.choose("Continue")
    terminal.wait_for("4 of 5")


def passwords(terminal: Terminal, first: str, second: str) -> None:
    terminal.go_to("Password of root")
    terminal.type(first, "tab", second)


def to_summary(terminal: Terminal) -> None:
    to_access(terminal)
    passwords(terminal, "correct horse", "correct horse")
    terminal.choose("Continue")
    terminal.wait_for("5 of 5")


def install(terminal: Terminal) -> None:
    to_summary(terminal)
    terminal.go_to("Type erase to install")
    terminal.type("erase")
    terminal.choose("Install")


def line_after(screen: str, text: str) -> str:
    lines = screen.splitlines()
    number = next(number for number, line in enumerate(lines) if text in line)
    return lines[number + 1].strip()
