"""The consoles of this machine: each of them is told what happens, and gets a shell when it fails."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.run import run
from edgelinux_hostd.terminals import console_names, write_to_terminal

__all__ = ["Consoles", "console_names", "is_attended", "start_forms", "start_shells"]

log = logging.getLogger("edgelinux.installer")


def is_attended() -> bool:
    """Say whether a person has started this and sits at standard output: systemd sets INVOCATION_ID."""
    return "INVOCATION_ID" not in os.environ or sys.stdout.isatty()


class Consoles:
    """Writes lines to all consoles, and to standard output if a person started the installer."""

    def __init__(self, names: Sequence[str], *, stdout: bool, dev: Path = Path("/dev")) -> None:
        self._stdout = stdout
        self._paths = [dev / name for name in names]
        if stdout and sys.stdout.isatty():
            # That terminal may be a console, which must not get every line twice.
            here = Path(os.ttyname(sys.stdout.fileno()))
            names_here = {here, dev / "tty0"} if here.name.startswith("tty1") else {here}
            self._paths = [path for path in self._paths if path not in names_here]

    def say(self, line: str) -> None:
        """Write one line everywhere. A console that cannot take it must not stop an installation."""
        if line:
            log.info("%s", line)
        if self._stdout:
            print(line, flush=True)
        for path in self._paths:
            write_to_terminal(path, f"\r{line}\r\n", patience=0.0)


def start_shells(names: Sequence[str]) -> None:
    """Start a root shell on each console."""
    _start("edgelinux-shell", names)


def start_forms(names: Sequence[str]) -> None:
    """Start the text installer on each console; it goes on where a key is pressed first."""
    _start("edgelinux-setup", names)


def _start(unit: str, names: Sequence[str]) -> None:
    # /dev/tty0 stands for the screen, whose first terminal is tty1.
    for tty in dict.fromkeys("tty1" if name == "tty0" else name for name in names):
        run(["systemctl", "--no-block", "start", f"{unit}@{tty}.service"], check=False)
