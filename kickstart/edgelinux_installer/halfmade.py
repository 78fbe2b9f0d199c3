"""Remembers the pool that this live system made, so that a second attempt may put away what the first left.

Only that pool: it is known by its GUID, which is kept in memory (/run) and thus never outlives this boot.
"""

from __future__ import annotations

import logging
from pathlib import Path

from edgelinux_hostd import zfs
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.layout import POOL
from edgelinux_hostd.run import run

__all__ = ["forget", "put_away", "remember"]

log = logging.getLogger(__name__)

_NOTE = "half-made-pool"


def remember(run_dir: Path, guid: int) -> None:
    """Note that this live system has created the pool with this GUID."""
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / _NOTE).write_text(f"{guid}\n", encoding="ascii")


def forget(run_dir: Path) -> None:
    """Note that the pool is finished, or gone."""
    (run_dir / _NOTE).unlink(missing_ok=True)


def put_away(run_dir: Path, target: Path) -> bool:
    """Unmount and export the pool that a failed attempt left imported, if there is one.

    Returns whether the pool is out of the way now.
    """
    try:
        guid = int((run_dir / _NOTE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return True
    try:
        if POOL in zfs.pools() and zfs.pool_guid(POOL) == guid:
            run(["umount", "--recursive", target], check=False)
            run(["zpool", "export", "-f", POOL])
    except EdgeLinuxError as error:
        log.warning("the pool of the failed installation stays imported: %s", error)
        return False
    forget(run_dir)
    return True
