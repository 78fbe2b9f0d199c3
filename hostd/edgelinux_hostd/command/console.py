"""The terminal at a console: attaches standard input and output to a console's socket."""

from __future__ import annotations

import os
import select
import socket
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["LEAVE", "attach"]

# Ctrl-], as in telnet(1) and virsh(1).
LEAVE = b"\x1d"

_CHUNK = 16384


def attach(socket_path: str, *, stdin: int | None = None, stdout: int | None = None) -> None:
    """Be at a console until Ctrl-] is pressed, input ends, or the console does.

    The terminal is raw meanwhile, and afterwards as it was before, whatever happens. Raises EdgeLinuxError.
    """
    source = sys.stdin.fileno() if stdin is None else stdin
    target = sys.stdout.fileno() if stdout is None else stdout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
        try:
            console.connect(socket_path)
        except OSError as error:
            raise EdgeLinuxError(
                f"cannot reach the console at {socket_path}: {error.strerror}",
                hint="a console is good for one connection within a minute",
            ) from error
        with _raw(source):
            _carry(console, source, target)


def _carry(console: socket.socket, source: int, target: int) -> None:
    while True:
        ready, _, _ = select.select([console.fileno(), source], [], [])
        if console.fileno() in ready:
            try:
                shown = console.recv(_CHUNK)
            except ConnectionError:
                return
            if not shown:
                return
            while shown:
                shown = shown[os.write(target, shown) :]
        if source in ready:
            typed = os.read(source, _CHUNK)
            before, leave, _ = typed.partition(LEAVE)
            try:
                console.sendall(before)
            except ConnectionError:
                return
            if leave or not typed:
                return


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """Have a terminal hand over each key as it is pressed; leaves alone what is no terminal."""
    if not os.isatty(terminal):
        yield
        return
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        # Whatever was shown last is drained first, unread keys are dropped.
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
