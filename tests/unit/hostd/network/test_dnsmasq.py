"""Addresses and names as antlets get them: dnsmasq with what the network's XML tells libvirt to tell it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_hostd.network import bblv, names

from tests.unit.hostd.network.frames import Station, dhcp, ipv4, udp
from tests.unit.hostd.network.wire import BASE, HOST, INTERNET, NOBODY, ONE, TWO, Wire, impossible, wire

REASON = impossible() or ("" if shutil.which("dnsmasq") else "needs dnsmasq")
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

OFFER, ACK = 2, 5


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # Not below a directory of root's alone: dnsmasq gives its rights up and must still find the names.
    made = Path(tempfile.mkdtemp(prefix="edgelinux-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def net(directory: Path) -> Iterator[Wire]:
    names.prepare(directory / "dns")
    names.write(BASE, [("web1", 25)], directory / "dns/antlets")
    world = ["no-resolv", f"listen-address={INTERNET}", "address=/example.org/192.0.2.80"]
    (directory / "resolv.conf").write_text(f"nameserver {INTERNET}\n")
    with (
        wire() as made,
        dnsmasq(made, "internet", directory / "world", world),
        dnsmasq(made, "host", directory / "host", configuration(directory)),
    ):
        yield made


def configuration(directory: Path) -> list[str]:
    """Translate the network as libvirt's bridge driver does (seen in /var/lib/libvirt/dnsmasq/bblv.conf)."""
    network = ET.fromstring(bblv.render(BASE, hosts=directory / "dns"))  # noqa: S314
    hosts = [f"{host.get('mac')},{host.get('ip')},{host.get('name')}" for host in network.iter("host")]
    (directory / "hosts").write_text("\n".join(hosts))
    options = [str(item.get("value")) for item in network.iter() if item.tag.endswith("}option")]
    libvirts = f"""
        strict-order local=/bblv/ domain=bblv expand-hosts domain-needed local=// except-interface=lo
        bind-dynamic interface=bblv dhcp-range={HOST.ip},static dhcp-no-override dhcp-authoritative
        dhcp-hostsfile={directory}/hosts dhcp-leasefile={directory}/leases resolv-file={directory}/resolv.conf
    """
    return [*libvirts.split(), *options]


@contextmanager
def dnsmasq(made: Wire, role: str, path: Path, lines: list[str]) -> Iterator[None]:
    """Run dnsmasq, which returns when it is ready."""
    pid = path.with_suffix(".pid")
    path.write_text("\n".join([*lines, f"pid-file={pid}", "user=nobody"]) + "\n")
    (path.parent / "leases").touch()
    shutil.chown(path.parent / "leases", "nobody")
    made.execute(role, "dnsmasq", f"--conf-file={path}")
    try:
        yield
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)


def exchange(net: Wire, role: str, station: Station, kind: int, options: bytes = b"") -> tuple[int, str]:
    """Send a DHCP message; gives the answer's kind and the address in it."""
    transaction = os.urandom(4)
    opened = net.packets(role)
    message = dhcp(station.mac, kind, transaction, options)
    opened.send(ipv4(replace(station, ip=NOBODY), udp(message, 68, 67)))
    while True:
        frame = opened.recv(4096)
        if frame[34:36] == b"\0\x43" and frame[46:50] == transaction:
            return frame[42 + 242], socket.inet_ntoa(frame[42 + 16 : 42 + 20])


@pytest.mark.parametrize(("role", "station"), [("one", ONE), ("two", TWO)])
def test_an_antlet_gets_the_address_of_its_number(net: Wire, role: str, station: Station) -> None:
    assert exchange(net, role, station, 1) == (OFFER, station.ip)
    wanted = bytes((50, 4)) + socket.inet_aton(station.ip) + bytes((54, 4)) + socket.inet_aton(HOST.ip)
    assert exchange(net, role, station, 3, wanted) == (ACK, station.ip)


def test_an_address_of_another_base_ip_is_refused_at_once(net: Wire) -> None:
    nak = 6
    old = bytes((50, 4)) + socket.inet_aton("10.9.9.25")
    assert exchange(net, "one", ONE, 3, old)[0] == nak


def ask(net: Wire, name: str, kind: int = 1) -> str | None:
    """Ask the gateway for a name's address (RFC 1035); None when there is none."""
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    with net.socket("one", socket.SOCK_DGRAM) as client:
        client.sendto(
            struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1),
            (HOST.ip, 53),
        )
        answer = client.recv(512)
    return socket.inet_ntoa(answer[-4:]) if struct.unpack("!H", answer[6:8])[0] else None


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("host.bblv", HOST.ip),
        ("antlet25.bblv", ONE.ip),
        ("web1.bblv", ONE.ip),
        ("web1", ONE.ip),
        ("antlet200.bblv", BASE + "200"),
        ("antlet9.bblv", None),
        ("unknown.bblv", None),
        ("www.example.org", "192.0.2.80"),
    ],
)
def test_names(net: Wire, name: str, address: str | None) -> None:
    assert ask(net, name) == address


def test_names_come_and_go_without_the_network_noticing(net: Wire, directory: Path) -> None:
    for own, gone in (("db1", "web1"), ("web1", "db1")):
        names.write(BASE, [(own, 26)], directory / "dns/antlets")
        deadline = time.monotonic() + 10
        while ask(net, f"{own}.bblv") is None:
            assert time.monotonic() < deadline, f"{own}.bblv is not known"
        assert ask(net, f"{own}.bblv") == TWO.ip
        assert ask(net, f"{gone}.bblv") is None
