"""Which ZFS file systems are mounted: the one thing of them that changes without an event of the pool's."""

from __future__ import annotations

import re
import select
import threading
from pathlib import Path

__all__ = ["MountTable", "parse_mounts"]

_OCTAL = re.compile(r"\\([0-7]{3})")


def parse_mounts(text: str) -> frozenset[str]:
    """Name the datasets that the lines of /proc/self/mounts have as sources (proc_pid_mounts(5))."""
    fields = (line.split(" ") for line in text.splitlines())
    return frozenset(
        _OCTAL.sub(lambda match: chr(int(match[1], 8)), words[0])
        for words in fields
        if len(words) > 2 and words[2] == "zfs"
    )


class MountTable:
    """The kernel's table of mounts, read again only when the kernel says that it has changed."""

    def __init__(self, path: Path = Path("/proc/self/mounts")) -> None:
        self._file = path.open(encoding="utf-8", errors="replace")
        self._changed = select.poll()
        self._changed.register(self._file, select.POLLERR | select.POLLPRI)
        self._lock = threading.Lock()
        self._mounted = self._read()

    def __call__(self) -> frozenset[str]:
        """Name the datasets that are mounted now."""
        with self._lock:
            if self._changed.poll(0):
                self._mounted = self._read()
            return self._mounted

    def _read(self) -> frozenset[str]:
        self._file.seek(0)
        return parse_mounts(self._file.read())
