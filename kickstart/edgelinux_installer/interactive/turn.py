"""Whose turn it is: the forms are on several consoles, and one of them at a time answers."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["Turn"]


class Turn:
    """A lock that the first console takes where a key is pressed, with that console's name in it.

    It ends with the process, whatever ends it.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Opens the lock's file. Raises EdgeLinuxError."""
        self._name = name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EdgeLinuxError(f"cannot open {path}: {error.strerror}", hint="run it as root") from error
        self.mine = False

    def take(self) -> bool:
        """Take the turn, if nobody has it; says whether it is ours."""
        if not self.mine and self._lock():
            self.mine = True
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, self._name.encode(), 0)
        return self.mine

    def taken_by(self) -> str:
        """Name the other console that has it; "" when it is free or ours."""
        if self.mine:
            return ""
        if self._lock():
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            return ""
        return os.pread(self._fd, 256, 0).decode("utf-8", "replace") or "another console"

    def close(self) -> None:
        """Give the turn back."""
        os.close(self._fd)
        self.mine = False

    def _lock(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
