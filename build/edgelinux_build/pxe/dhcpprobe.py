"""Asks who gives addresses on a network already: one DHCPDISCOVER, and the offers to it.

The frame goes out as a client without an address would send it, so that no address of this machine and no
program at port 68 matters. Sources: RFC 2131 (figure 1, table 5), RFC 2132 (options), RFC 768, RFC 791.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.pxe.network import Interface
from edgelinux_build.pxe.server import PortRightError

__all__ = ["DhcpServer", "discover", "find_servers", "read_offer"]

_COOKIE = b"\x63\x82\x53\x63"
_SERVER_PORT, _CLIENT_PORT = 67, 68
_MESSAGE_TYPE, _SERVER_ID, _PARAMETERS, _END = 53, 54, 55, 255
_DISCOVER, _OFFER = 1, 2
_BROADCAST = 0x8000
_ETH_IP = 0x0800


@dataclass(frozen=True)
class DhcpServer:
    """Somebody who offered an address."""

    address: str
    offered: str


def find_servers(interface: Interface, seconds: float = 3.0) -> tuple[DhcpServer, ...]:
    """Ask once more in between, wait to the end, and return all servers that offered an address.

    What this machine serves itself does not hear the question. Raises PortRightError, EdgeLinuxError.
    """
    xid = os.urandom(4)
    question = discover(interface.mac, xid)
    found: dict[str, DhcpServer] = {}
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_IP)) as wire:
            wire.bind((interface.name, _ETH_IP))
            for _ in range(2):
                wire.send(question)
                end = time.monotonic() + seconds / 2
                while (left := end - time.monotonic()) > 0:
                    wire.settimeout(left)
                    try:
                        offer = read_offer(wire.recv(4096), xid)
                    except TimeoutError:
                        break
                    if offer:
                        found.setdefault(offer.address, offer)
    except PermissionError as error:
        raise PortRightError(
            f"no right to look for DHCP servers on {interface.name}",
            hint="not even as root: run it on the host, not in a container",
        ) from error
    except OSError as error:
        raise EdgeLinuxError(f"cannot look for DHCP servers on {interface.name}: {error.strerror}") from error
    return tuple(found.values())


def discover(mac: str, xid: bytes) -> bytes:
    """Return the Ethernet frame of a DHCPDISCOVER that wants its answers broadcast."""
    own = bytes.fromhex(mac.replace(":", ""))
    options = bytes((_MESSAGE_TYPE, 1, _DISCOVER, _PARAMETERS, 2, 1, 3, _END))
    message = struct.pack("!BBBB4sHH", 1, 1, 6, 0, xid, 0, _BROADCAST) + bytes(16)
    message += own.ljust(16, b"\0") + bytes(64 + 128) + _COOKIE + options
    message = message.ljust(300, b"\0")
    # A checksum of zero is none (RFC 768).
    datagram = struct.pack("!HHHH", _CLIENT_PORT, _SERVER_PORT, 8 + len(message), 0) + message
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return b"\xff" * 6 + own + struct.pack("!H", _ETH_IP) + head + datagram


def read_offer(frame: bytes, xid: bytes) -> DhcpServer | None:
    """Return what an Ethernet frame offers to that question; None for all other frames."""
    packet = frame[14:]
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
        return None
    datagram = packet[(packet[0] & 15) * 4 :]
    message = datagram[8:]
    if datagram[2:4] != struct.pack("!H", _CLIENT_PORT) or message[4:8] != xid or len(message) < 240:
        return None
    options = _options(message[240:])
    if message[0] != 2 or options.get(_MESSAGE_TYPE) != bytes((_OFFER,)) or message[16:20] == bytes(4):
        return None
    server = options.get(_SERVER_ID, packet[12:16])
    return (
        DhcpServer(socket.inet_ntoa(server), socket.inet_ntoa(message[16:20])) if len(server) == 4 else None
    )


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data and data[0] != _END:
        if data[0] == 0:  # padding
            data = data[1:]
            continue
        if len(data) < 2:
            break
        found[data[0]] = data[2 : 2 + data[1]]
        data = data[2 + data[1] :]
    return found
