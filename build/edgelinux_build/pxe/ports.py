"""Whether the UDP ports of DHCP and TFTP can be had on an interface, and who has them."""

from __future__ import annotations

import errno
import socket
import sys

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.pxe.holder import holder
from edgelinux_build.pxe.network import Interface
from edgelinux_build.pxe.server import PortInUseError, PortRightError

__all__ = ["DHCP", "PROXY", "TFTP", "check_udp"]

DHCP = 67
TFTP = 69
PROXY = 4011
"""Where a proxy-DHCP server is asked a second time (PXE specification 2.1)."""
_ON = (1).to_bytes(4, sys.byteorder)


def check_udp(interface: Interface, port: int, what: str) -> None:
    """Try a port as seen by machines on the interface, and as dnsmasq is going to open it.

    Others may have it on other interfaces, as the servers of virtual networks do, if they share it. Raises
    PortInUseError and PortRightError.
    """
    where = {interface.name: [(socket.SO_BINDTODEVICE, interface.name.encode() + b"\0")]}
    if port != TFTP:  # dnsmasq opens these for all interfaces before it narrows them down
        where["another interface"] = [(socket.SO_REUSEADDR, _ON), (socket.SO_REUSEPORT, _ON)]
    for place, options in where.items():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                for option, value in options:
                    probe.setsockopt(socket.SOL_SOCKET, option, value)
                probe.bind(("", port))
            except OSError as error:
                raise _explained(error, f"{port}/udp", what, place, holder("udp", port)) from error


def _explained(error: OSError, port: str, what: str, place: str, who: str) -> EdgeLinuxError:
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(
            f"port {port}, needed for {what}, is in use on {place}: by {who or 'another program'}",
            hint="stop that first",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortRightError(
            f"no right to listen at port {port} for {what}",
            hint="not even as root: run it on the host, not in a container",
        )
    return EdgeLinuxError(f"cannot listen at port {port}: {error.strerror}")
