"""The tree that a package is packed from: the same whatever the package's format."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .packaging import Entry

__all__ = ["place", "settle"]


def place(entry: Entry, stage: Path) -> int:
    """Write one file of a package below `stage`; returns its size in bytes."""
    target = stage / entry.target.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.source:
        shutil.copyfile(entry.source, target)
    else:
        target.write_bytes(entry.data or entry.text.encode())
    target.chmod(entry.mode)
    return target.stat().st_size


def settle(stage: Path, epoch: int) -> None:
    """Give all directories one mode, and all that is there the time `epoch` (seconds since 1970)."""
    for path in [*stage.rglob("*"), stage]:
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (epoch, epoch))
