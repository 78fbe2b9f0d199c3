"""The host id that ZFS writes into its pools, so that it notices a pool which another host is using."""

from __future__ import annotations

import secrets

__all__ = ["hostid_bytes", "new_hostid", "parse_hostid"]


def new_hostid() -> int:
    """Draw a random host id. 0 means "none" to ZFS and is never drawn."""
    return secrets.randbelow(0xFFFFFFFF) + 1


def hostid_bytes(hostid: int) -> bytes:
    """Give the content of /etc/hostid (zgenhostid(8); x86 is little-endian)."""
    return hostid.to_bytes(4, "little")


def parse_hostid(content: bytes) -> int:
    """Read the content of /etc/hostid; 0 when it holds no id."""
    return int.from_bytes(content, "little") if len(content) == 4 else 0
