"""Writing a text file so that whoever reads it, at any moment, sees the old or the new one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["write_whole"]

# Two writers of one file would share its scratch file, of a fixed name so that none pile up after crashes.
_ONE_AT_A_TIME = threading.Lock()


def write_whole(path: Path, text: str, mode: int, *, durable: bool = True) -> bool:
    """Write a file with its mode, making its directory; true when that changed it. Raises EdgeLinuxError.

    `durable`: it is on disk when this returns; not needed for what is made anew when hostd starts.
    """
    with _ONE_AT_A_TIME:
        return _write(path, text, mode, durable=durable)


def _write(path: Path, text: str, mode: int, *, durable: bool) -> bool:
    scratch = path.with_name(f".{path.name}.new")
    try:
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
            path.chmod(mode)
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # Before the rename, since the file's reader may come at once.
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        raise EdgeLinuxError(f"cannot write {path}: {error.strerror}") from error
    return True
