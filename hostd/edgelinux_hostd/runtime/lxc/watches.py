"""Paths that are watched by inotify(7), which the standard library lacks."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Collection
from pathlib import Path

__all__ = ["CONTENT", "ENTRIES", "Watches"]

# sys/inotify.h
_MODIFY, _CREATE, _DELETE, _ONLYDIR = 0x2, 0x100, 0x200, 0x01000000
_OVERFLOW = 0x4000
_IGNORED = 0x8000

CONTENT = _MODIFY  # of a file
ENTRIES = _CREATE | _DELETE | _ONLYDIR  # of a directory

_EVENT = struct.Struct("iIII")
_BUFFER = 65536


class Watches:
    """Watched paths, on one descriptor that can be read when something happened. Not for several threads."""

    def __init__(self) -> None:
        """Raise OSError when there are too many of these on the host."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = _checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._numbers: dict[Path, int] = {}
        self._paths: dict[int, Path] = {}

    def fileno(self) -> int:
        """Give the descriptor, for an event loop."""
        return self._descriptor

    @property
    def paths(self) -> Collection[Path]:
        """Give what is watched."""
        return self._numbers.keys()

    def watch(self, path: Path, mask: int) -> None:
        """Watch what is at `path` now, instead of what was there before; nothing when nothing is there.

        Raises OSError, with ENOSPC when there are too many watches on the host.
        """
        number = None
        try:
            number = _checked(
                self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), ctypes.c_uint32(mask)), path
            )
        except (FileNotFoundError, NotADirectoryError):
            pass
        finally:
            if self._numbers.get(path) != number:
                self._forget(path)
                if number is not None:
                    self._numbers[path], self._paths[number] = number, path

    def changed(self) -> list[Path | None]:
        """Take what happened since the last call: the paths that came, went or have another content.

        None stands for changes that the kernel could not keep. Never waits.
        """
        found: list[Path | None] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                data = os.read(self._descriptor, _BUFFER)
                position = 0
                while position < len(data):
                    number, mask, _cookie, length = _EVENT.unpack_from(data, position)
                    name = data[position + _EVENT.size :][:length].rstrip(b"\0")
                    position += _EVENT.size + length
                    path = self._paths.get(number)
                    if mask & _OVERFLOW:
                        found.append(None)
                    elif path is not None and mask & _IGNORED:
                        self._forget(path)  # the kernel did
                    elif path is not None:
                        found.append(path / os.fsdecode(name) if name else path)
        return found

    def close(self) -> None:
        """End all watches."""
        os.close(self._descriptor)

    def _forget(self, path: Path) -> None:
        number = self._numbers.pop(path, None)
        if number is not None:
            del self._paths[number]
            # What was deleted stays in the kernel's memory for as long as it is watched.
            self._libc.inotify_rm_watch(self._descriptor, number)


def _checked(result: int, path: Path | None = None) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path) if path else None)
    return result
