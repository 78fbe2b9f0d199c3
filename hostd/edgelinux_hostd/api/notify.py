"""What systemd hands to a service and wants to hear from it (sd_listen_fds(3), sd_notify(3))."""

from __future__ import annotations

import os
import socket

__all__ = ["notify", "passed_sockets"]

# SD_LISTEN_FDS_START
_FIRST = 3


def passed_sockets() -> list[socket.socket]:
    """Take the sockets that systemd passed to this process; none when it was started otherwise."""
    ours = os.environ.pop("LISTEN_PID", "") == str(os.getpid())
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if not ours or not count.isdecimal():
        return []
    found = []
    for descriptor in range(_FIRST, _FIRST + int(count)):
        os.set_inheritable(descriptor, False)
        found.append(socket.socket(fileno=descriptor))
    return found


def notify(state: str) -> None:
    """Tell systemd a state ("READY=1"); does nothing where nobody listens."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        # "@" stands for the abstract name space.
        sender.sendto(state.encode(), "\0" + where[1:] if where.startswith("@") else where)
