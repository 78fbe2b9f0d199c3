"""A machine's network boot as its firmware does it: DHCP, a proxy's second answer, TFTP, HTTP.

Sources: RFC 2131, RFC 4578, PXE specification 2.1 (2.2, 2.4: discovery control, boot server, menu), UEFI
specification 24.7 (HTTP Boot), RFC 1350 and RFC 2348 (TFTP). Frames are made by hand, as a machine without
an address has to.
"""

from __future__ import annotations

import http.client
import os
import socket
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.e2e.wire import Lan, ip

__all__ = ["BIOS", "HTTP_BOOT", "IPXE", "IPXE_UEFI", "UEFI", "Boot", "Firmware", "Machine"]

_COOKIE = b"\x63\x82\x53\x63"
_DISCOVER, _OFFER, _REQUEST, _ACK = 1, 2, 3, 5
_UUID = bytes(range(16))
NONE = "0.0.0.0"  # noqa: S104  (no address)


@dataclass(frozen=True)
class Firmware:
    """What a client says it is."""

    arch: int
    vendor: str = "PXEClient"
    ipxe: bool = False

    def options(self) -> list[tuple[int, bytes]]:
        return [
            (55, bytes((1, 3, 6, 12, 43, 54, 60, 66, 67, 97, 175))),
            (57, struct.pack("!H", 1500)),
            (60, f"{self.vendor}:Arch:{self.arch:05d}:UNDI:003016".encode()),
            (93, struct.pack("!H", self.arch)),
            (94, bytes((1, 3, 16))),
            (97, b"\0" + _UUID),
            *([(77, b"iPXE"), (175, b"\xb1\x05\x01\x1a\xf4\x10\x00")] if self.ipxe else []),
        ]


BIOS, UEFI, HTTP_BOOT = Firmware(0), Firmware(7), Firmware(16, "HTTPClient")
IPXE, IPXE_UEFI = Firmware(0, ipxe=True), Firmware(7, ipxe=True)


@dataclass(frozen=True)
class Reply:
    """A DHCP message from a server."""

    address: str
    server: str
    next_server: str
    file: str
    options: dict[int, bytes]

    @property
    def kind(self) -> int:
        return self.options[53][0]

    @property
    def vendor(self) -> str:
        return self.options.get(60, b"").decode()


@dataclass(frozen=True)
class Boot:
    """What the firmware would start next."""

    address: str
    server: str
    file: str


class Machine:
    """A machine with one card, `eth0` in a namespace."""

    def __init__(self, net: Lan, namespace: str, mac: str) -> None:
        self.net, self.namespace, self.mac = net, namespace, mac
        self.xid = os.urandom(4)
        with net.inside(namespace):
            self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.wire.bind(("eth0", 0x0800))

    def boot(self, firmware: Firmware) -> Boot:
        """Get an address, and what to start."""
        self.xid = os.urandom(4)
        given, proxy = self._discover(firmware)
        wanted = [(50, socket.inet_aton(given.address)), (54, socket.inet_aton(given.server))]
        self._broadcast(_REQUEST, firmware.options() + wanted)
        acknowledged = self._receive(lambda reply: reply.kind == _ACK, 10)
        assert acknowledged, "no acknowledgement"
        ip("address", "replace", f"{given.address}/24", "dev", "eth0", namespace=self.namespace)
        if proxy is None:
            assert firmware.vendor != "HTTPClient" or acknowledged.vendor == "HTTPClient"
            return Boot(given.address, acknowledged.next_server, acknowledged.file)
        if firmware.ipxe or firmware.vendor == "HTTPClient":
            assert proxy.vendor == firmware.vendor
            return Boot(given.address, proxy.next_server, proxy.file)
        second = self._second(firmware, given, proxy)
        return Boot(given.address, second.next_server, second.file)

    def _discover(self, firmware: Firmware) -> tuple[Reply, Reply | None]:
        """Collect the offer of an address, and the proxy's, which has no address."""
        for _ in range(4):
            self._broadcast(_DISCOVER, firmware.options())
            given = self._receive(lambda reply: reply.kind == _OFFER and reply.address != NONE, 4)
            if given is None:
                continue
            if given.file:
                return given, None
            for late in (self.proxy, self._receive(lambda reply: reply.address == NONE, 4)):
                if late is not None:
                    return given, late
            return given, None
        raise AssertionError("no offer")

    def _second(self, firmware: Firmware, given: Reply, proxy: Reply) -> Reply:
        """Ask the proxy at port 4011: BIOS for the first entry of its menu, UEFI just so."""
        asked: list[tuple[int, bytes]] = []
        if firmware.arch == 0:
            entries = _parse(proxy.options[43])
            assert not entries[6][0] & 8, "there is a menu, and yet it says to take the file's name at once"
            # Menu item: type (2 bytes), length of the text, text.
            asked = [(43, bytes((71, 4)) + entries[9][:2] + bytes(2) + b"\xff")]
        message = self._message(_REQUEST, firmware.options() + asked, socket.inet_aton(given.address))
        with self.net.inside(self.namespace):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with udp:
            udp.bind((given.address, 68))
            udp.settimeout(10)
            udp.sendto(message, (proxy.server, 4011))
            return _read(udp.recv(4096))

    proxy: Reply | None = None

    def _receive(self, wanted: object, seconds: float) -> Reply | None:
        """The first reply that is wanted; a proxy's on the way is remembered."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.wire.settimeout(left)
            try:
                packet = self.wire.recv(4096)[14:]
            except TimeoutError:
                return None
            datagram = packet[(packet[0] & 15) * 4 :]
            if packet[9] != 17 or datagram[2:4] != b"\0\x44" or datagram[12:16] != self.xid:
                continue
            reply = _read(datagram[8:])
            if reply.address == NONE and reply.kind == _OFFER:
                self.proxy = reply
            if callable(wanted) and wanted(reply):
                return reply
        return None

    def _message(self, kind: int, options: list[tuple[int, bytes]], address: bytes = bytes(4)) -> bytes:
        head = struct.pack("!BBBB4sHH", 1, 1, 6, 0, self.xid, 0, 0 if any(address) else 0x8000)
        own = bytes.fromhex(self.mac.replace(":", ""))
        head += address + bytes(12) + own.ljust(16, b"\0") + bytes(192) + _COOKIE
        body = b"".join(bytes((code, len(value))) + value for code, value in [(53, bytes((kind,))), *options])
        return head + body + b"\xff"

    def _broadcast(self, kind: int, options: list[tuple[int, bytes]]) -> None:
        self.proxy = None
        message = self._message(kind, options).ljust(300, b"\0")
        datagram = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
        head = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4
        )
        total = sum(struct.unpack("!10H", head))
        total = (total & 0xFFFF) + (total >> 16)
        head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
        own = bytes.fromhex(self.mac.replace(":", ""))
        self.wire.send(b"\xff" * 6 + own + b"\x08\0" + head + datagram)

    def tftp(self, server: str, name: str) -> bytes:
        """Fetch a file by TFTP."""
        with self.net.inside(self.namespace):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with udp:
            udp.settimeout(10)
            udp.sendto(b"\0\x01" + name.encode() + b"\0octet\0blksize\0" + b"1400\0", (server, 69))
            content, size = b"", 512
            while True:
                packet, sender = udp.recvfrom(4096)
                code, block = struct.unpack("!HH", packet[:4])
                if code == 6:  # the option is taken
                    size = 1400
                    udp.sendto(b"\0\x04\0\0", sender)
                    continue
                assert code == 3, packet[4:]
                content += packet[4:]
                udp.sendto(struct.pack("!HH", 4, block), sender)
                if len(packet) - 4 < size:
                    return content

    def http(self, url: str) -> bytes:
        """Fetch a file by HTTP."""
        parts = urlsplit(url)
        with self.net.inside(self.namespace):
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=20)
            connection.connect()
        with connection.sock:
            connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
            answer = connection.getresponse()
            assert answer.status == 200, f"{url}: {answer.status}"
            return answer.read()


def _read(message: bytes) -> Reply:
    options = _parse(message[240:])
    address, next_server = (socket.inet_ntoa(message[at : at + 4]) for at in (16, 20))
    file = options.get(67, message[108:236]).split(b"\0")[0].decode()
    server = socket.inet_ntoa(options[54]) if 54 in options else next_server
    return Reply(address, server, next_server, file, options)


def _parse(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data and data[0] != 255:
        if data[0] == 0:
            data = data[1:]
            continue
        found[data[0]] = data[2 : 2 + data[1]]
        data = data[2 + data[1] :]
    return found
