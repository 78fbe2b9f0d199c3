"""This machine's consoles, and writing to them without ever waiting for one."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["console_names", "write_to_terminal"]

_ACTIVE = Path("/sys/class/tty/console/active")
_PATIENCE_SECONDS = 2.0


def console_names(active: Path = _ACTIVE) -> tuple[str, ...]:
    """Name the terminals that the kernel writes to (from `console=`), as below /dev."""
    try:
        return tuple(active.read_text(encoding="ascii").split())
    except OSError:
        return ()


def write_to_terminal(path: Path, text: str, *, patience: float = _PATIENCE_SECONDS) -> bool:
    """Write a text to a terminal; false when it did not take all of it within `patience` seconds."""
    left = text.encode()
    end = time.monotonic() + patience
    try:
        # Not blocking: a serial line whose other end holds the flow would stop us for ever.
        terminal = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        while left:
            try:
                left = left[os.write(terminal, left) :]
            except BlockingIOError:
                if time.monotonic() >= end:
                    return False
                time.sleep(0.05)
    except OSError:
        return False
    finally:
        os.close(terminal)
    return True
