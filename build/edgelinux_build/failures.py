"""Turns what can go wrong in a stage into the one line that a person reads."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from .process import StageError
from .stage import GIB

__all__ = ["NO_SPACE", "NO_SPACE_TEXT", "cannot_write", "check_space", "explain", "free_bytes", "is_full"]

NO_SPACE = 5
"""Exit code when the file system of the cache or of the outputs is full."""

NO_SPACE_TEXT = "No space left on device"
"""What programs say then (strerror(3) in the C locale)."""
_FULL = 2**20
_HINT = "free some, run `edgelinux cache prune`, or set XDG_CACHE_HOME"


def explain(
    stage: str, error: OSError | EdgeLinuxError, log: Path, folders: tuple[Path, ...]
) -> EdgeLinuxError:
    """Return the error with the stage's name and log; a full file system among `folders` explains any."""
    full = next((folder for folder in folders if is_full(folder)), None)
    if full or _says_no_space(error):
        where = full or min(folders, key=free_bytes)
        hint = f"{_HINT}; what was finished is kept"
        return EdgeLinuxError(
            f"{stage}: no space left on the file system of {where}", hint=hint, exit_code=NO_SPACE
        )
    if not isinstance(error, EdgeLinuxError):
        return EdgeLinuxError(f"{stage}: {error}")
    hint = error.hint
    if isinstance(error, StageError):
        hint = "; ".join(part for part in (hint, f"log: {error.log or log}") if part)
    return EdgeLinuxError(f"{stage}: {error.message}", hint=hint, exit_code=error.exit_code)


def _says_no_space(error: OSError | EdgeLinuxError) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOSPC
    lines = error.lines if isinstance(error, StageError) else ()
    return any(NO_SPACE_TEXT in line for line in (error.message, *lines))


def cannot_write(folder: Path, error: OSError) -> EdgeLinuxError:
    """Return the error that a directory of the cache cannot be written to, and why."""
    if error.errno == errno.ENOSPC:
        return EdgeLinuxError(f"no space left on the file system of {folder}", hint=_HINT, exit_code=NO_SPACE)
    hint = "give it back to yourself, or set XDG_CACHE_HOME"
    return EdgeLinuxError(f"cannot write to {folder}: {error.strerror or error}", hint=hint)


def check_space(folder: Path, needed: int) -> None:
    """Raise EdgeLinuxError when fewer than `needed` bytes are free."""
    free = free_bytes(folder)
    if free < needed:
        raise EdgeLinuxError(
            f"building needs {needed / GIB:.1f} GiB in {folder}, {free / GIB:.1f} GiB are free",
            hint=_HINT,
            exit_code=NO_SPACE,
        )


def is_full(folder: Path) -> bool:
    """Say whether there is next to nothing left where a directory is: what failed there failed for that."""
    return free_bytes(folder) < _FULL


def free_bytes(folder: Path) -> int:
    """Return the free bytes where a directory is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
