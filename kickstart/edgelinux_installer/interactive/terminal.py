"""The terminal that the forms are on: its size, its signs, and a screen of urwid's for it."""

from __future__ import annotations

import codecs
import fcntl
import locale
import logging
import os
import struct
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urwid
from edgelinux_hostd.errors import EdgeLinuxError
from urwid.display import raw

__all__ = ["COLUMNS", "PALETTE", "ROWS", "Terminal", "describe", "open_terminal"]

COLUMNS, ROWS = 80, 24
"""What the forms are made for (VT220); smaller terminals scroll."""

# name, foreground, background, and what monochrome terminals show: nothing is told by colour alone.
PALETTE = [
    ("bar", "black", "light gray", "standout"),
    ("error", "light red,bold", "default", "bold"),
    ("focus", "black", "light gray", "standout"),
    ("strong", "default,bold", "default", "bold"),
    ("danger", "light red,bold", "default", "bold"),
]
# What TERM says of terminals that are known to have colours, by its beginning.
_COLOURED = ("linux", "xterm", "screen", "tmux", "rxvt")
# Hardware terminals, and what systemd calls the other end of a serial line: nobody knows what it shows.
_PLAIN = ("vt1", "vt2", "ansi", "dumb", "unknown")


@dataclass(frozen=True)
class Terminal:
    """What the other end can show, and its name for messages."""

    name: str
    unicode: bool
    colours: int

    @property
    def serial(self) -> bool:
        """Whether it is somewhere else, with a keyboard of its own."""
        return not self.name.startswith("/dev/tty") or "S" in self.name

    @property
    def line(self) -> str:
        """Give the sign that horizontal lines are made of."""
        return "─" if self.unicode else "-"


def describe(name: str, env: Mapping[str, str], codeset: str) -> Terminal:
    """Decide what a terminal can show, from TERM and the locale's character set."""
    term = env.get("TERM", "dumb")
    plain = term.startswith(_PLAIN)
    try:
        utf8 = codecs.lookup(codeset).name == "utf-8"
    except LookupError:
        utf8 = False
    return Terminal(name, utf8 and not plain, 16 if term.startswith(_COLOURED) else 1)


def open_terminal(stdin: int = 0, stdout: int = 1) -> tuple[Terminal, Any]:
    """Give the terminal at standard input and output, and its screen. Raises EdgeLinuxError without one."""
    if not (os.isatty(stdin) and os.isatty(stdout)):
        raise EdgeLinuxError(
            "there is no terminal to ask at", hint="run it on a console; a kickstart needs none"
        )
    # It would log every key, and so every password.
    logging.getLogger("urwid").setLevel(logging.WARNING)
    locale.setlocale(locale.LC_CTYPE, "")
    terminal = describe(os.ttyname(stdin), os.environ, locale.nl_langinfo(locale.CODESET))
    urwid.set_encoding("utf-8" if terminal.unicode else "ascii")
    _give_size(stdout)
    screen = raw.Screen()
    screen.set_terminal_properties(colors=terminal.colours, bright_is_bold=True, has_underline=False)
    # Ctrl-C asks, and Ctrl-Z or Ctrl-\ would leave a console with nobody on it.
    screen.tty_signal_keys(*["undefined"] * 5)
    return terminal, screen


def _give_size(fd: int) -> None:
    """Give a serial line, which has no size, that of the terminals it is made for (tty_ioctl(4))."""
    rows, columns, *_ = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))
    if not rows or not columns:
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
