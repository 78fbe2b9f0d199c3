"""Ethernet frames as bytes, honest ones and others (RFC 826, 791, 768, 2131, 4861)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

__all__ = [
    "BROADCAST",
    "Station",
    "arp",
    "dhcp",
    "ethernet",
    "ipv4",
    "ipv6_router_advertisement",
    "tagged",
    "udp",
]

BROADCAST = "ff:ff:ff:ff:ff:ff"
IP, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
REQUEST, REPLY = 1, 2
UDP, ICMPV6 = 17, 58


@dataclass(frozen=True)
class Station:
    """A MAC and an IPv4 address."""

    mac: str
    ip: str


def binary(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(source: str, payload: bytes, kind: int = IP, to: str = BROADCAST) -> bytes:
    return binary(to) + binary(source) + struct.pack("!H", kind) + payload


def tagged(frame: bytes, kind: int = 0x8100, vlan: int = 7) -> bytes:
    """Put a VLAN tag into a frame."""
    return frame[:12] + struct.pack("!HH", kind, vlan) + frame[12:]


def arp(sender: Station, target: str, token: bytes, *, source: str = "", operation: int = REQUEST) -> bytes:
    """Ask for an address, or claim one; `source` is the frame's own MAC when it is another."""
    body = struct.pack("!HHBBH", 1, IP, 6, 4, operation)
    body += binary(sender.mac) + socket.inet_aton(sender.ip) + bytes(6) + socket.inet_aton(target)
    return ethernet(source or sender.mac, body + token, ARP)


def ipv4(
    sender: Station,
    payload: bytes,
    *,
    to: str = "255.255.255.255",
    protocol: int = UDP,
    fragment: int = 0,
    destination: str = BROADCAST,
) -> bytes:
    """`fragment` is the field of flags and offset."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 4711, fragment, 64, protocol, 0)
    head += socket.inet_aton(sender.ip) + socket.inet_aton(to)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(sender.mac, head + payload, to=destination)


def udp(payload: bytes, sport: int = 5000, dport: int = 5000) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def dhcp(mac: str, kind: int, transaction: bytes, options: bytes = b"", token: bytes = b"") -> bytes:
    """Build the message of a client that says its MAC is `mac`; kind 1 is DISCOVER, 3 is REQUEST."""
    head = struct.pack("!BBBB", 1, 1, 6, 0) + transaction + struct.pack("!HH", 0, 0x8000) + bytes(16)
    message = head + binary(mac) + bytes(10 + 64 + 128) + bytes.fromhex("63825363")
    return message + bytes((53, 1, kind)) + options + b"\xff" + token


def ipv6_router_advertisement(source: str, token: bytes) -> bytes:
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + token
    sender, everyone = (
        socket.inet_pton(socket.AF_INET6, "fe80::1"),
        socket.inet_pton(socket.AF_INET6, "ff02::1"),
    )
    head = struct.pack("!IHBB", 6 << 28, len(body), ICMPV6, 255) + sender + everyone
    return ethernet(source, head + body, IPV6, "33:33:00:00:00:01")
