"""Connects a person's terminal with a machine's serial console."""

from __future__ import annotations

import os
import select
import socket
import sys
import termios
import tty
from pathlib import Path

__all__ = ["DETACH_KEY", "attach"]

# Ctrl-], as telnet and virsh console have it.
DETACH_KEY = b"\x1d"


def attach(console_socket: Path) -> bool:
    """Copies keys to the console and its output to the terminal.

    Returns True when the person left with Ctrl-], False when the machine ended.
    """
    stdin, stdout = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(stdin)
    with socket.socket(socket.AF_UNIX) as console:
        console.connect(str(console_socket))
        tty.setraw(stdin)
        try:
            while True:
                readable, _, _ = select.select([stdin, console], [], [])
                if console in readable:
                    data = console.recv(65536)
                    if not data:
                        return False
                    os.write(stdout, data)
                if stdin in readable:
                    keys = os.read(stdin, 1024)
                    if not keys or DETACH_KEY in keys:
                        return True
                    console.sendall(keys)
        except ConnectionError:
            return False
        finally:
            termios.tcsetattr(stdin, termios.TCSADRAIN, before)
