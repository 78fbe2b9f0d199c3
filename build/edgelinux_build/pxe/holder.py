"""Who has a port."""

from __future__ import annotations

import psutil

__all__ = ["holder"]


def holder(kind: str, port: int) -> str:
    """Name who has a port, `udp` or `tcp`, such as `dnsmasq (process 812)`; empty when that is not known."""
    for row in psutil.net_connections(kind=kind):
        if row.laddr and row.laddr.port == port and row.pid and (kind == "udp" or row.status == "LISTEN"):
            try:
                return f"{psutil.Process(row.pid).name()} (process {row.pid})"
            except psutil.Error:
                continue
    return ""
