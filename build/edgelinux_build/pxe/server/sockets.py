"""Listening at a port, with an error that says what to do when it cannot be had."""

from __future__ import annotations

import errno
import shlex
import socket
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.pxe.holder import holder
from edgelinux_build.pxe.server.config import PortInUseError, PortRightError
from edgelinux_build.rights import sudo_command

__all__ = ["listen"]

_FIRST_FREE = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_BACKLOG = 256


def listen(address: str, port: int, what: str, option: str, arguments: Sequence[str] = ()) -> socket.socket:
    """Listen at an IPv4 address and port.

    In messages, `what` is the port's purpose, `option` sets it, and `arguments` are what `edgelinux` was
    started with.

    Raises PortInUseError, PortRightError, and EdgeLinuxError, as for an address that this machine has not.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Else a restart would have to wait for connections of the last run to be forgotten.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{address}:{port}"
        if error.errno == errno.EADDRINUSE:
            who = holder("tcp", port) or "another program"
            raise PortInUseError(
                f"port in use: {who} listens at {where}, which {what} needs",
                hint=f"stop that, or {option} with another port",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise PortRightError(
                f"no right to listen at {where} for {what}",
                hint=f"{_as_root(arguments)}; or {option} {_first_free()} or higher",
            ) from error
        if error.errno == errno.EADDRNOTAVAIL:
            raise EdgeLinuxError(
                f"cannot listen at {where}: this machine has no address {address}",
                hint="`ip address` lists them",
            ) from error
        raise EdgeLinuxError(f"cannot listen at {where}: {error.strerror or error}") from error
    except OverflowError as error:
        listener.close()
        raise EdgeLinuxError(f"there is no port {port}", hint="1 to 65535", exit_code=2) from error
    return listener


def _as_root(arguments: Sequence[str]) -> str:
    return f"run: {shlex.join(sudo_command(arguments, ask=True))}" if arguments else "run it as root"


def _first_free() -> int:
    try:
        return int(_FIRST_FREE.read_text())
    except (OSError, ValueError):
        return 1024
