"""How much memory ZFS may take for its cache (ARC)."""

from __future__ import annotations

__all__ = ["arc_max_bytes"]

# OpenZFS ignores a zfs_arc_max below 64 MiB (zfs(4)).
_FLOOR = 64 * 1024**2
_CEILING = 16 * 1024**3


def arc_max_bytes(ram_bytes: int) -> int:
    """Give `zfs_arc_max` in bytes: an eighth of RAM, since antlets want the rest, and at most 16 GiB."""
    return min(max(ram_bytes // 8, _FLOOR), _CEILING)
