"""The live check of the network, in network namespaces: a host, and across a cable its router."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from edgelinux_installer.interactive import netcheck
from edgelinux_installer.interactive.answers import Answers
from edgelinux_installer.interactive.netcheck import profile_argv
from edgelinux_installer.interactive.world import Card

CARD = Card("eno1", "52:54:00:00:00:01", carrier=True)
ROOT = Path(__file__).resolve().parents[4]

# A name server that answers every question with one DNS error code, or with none.
SERVER = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    data, sender = sock.recvfrom(4096)
    sock.sendto(data[:2] + bytes([0x81, 0x80 | int(sys.argv[2])]) + data[4:], sender)
"""
LOOK = """
import sys
from edgelinux_installer.interactive.netcheck import findings
for finding in findings("eno1", gateway=sys.argv[1], servers=sys.argv[2:]):
    print(finding)
"""


def test_a_fixed_address_and_a_vlan_are_tried_as_typed() -> None:
    typed = Answers(method="static", address="192.0.2.9/24", gateway="192.0.2.1", nameservers="192.0.2.2 ::1")
    begin = "nmcli connection add save no con-name edgelinux-setup autoconnect no"
    end = "ipv4.method manual ipv4.addresses 192.0.2.9/24 ipv6.method ignore ipv4.gateway 192.0.2.1 ipv4.dns"
    argv = profile_argv(typed, CARD)
    assert " ".join(argv) == f"{begin} type ethernet ifname eno1 {end} 192.0.2.2"
    argv = profile_argv(replace(typed, vlan="30", method="dhcp"), CARD)
    assert " ".join(argv) == (
        f"{begin} type vlan ifname vlan30 dev eno1 id 30 ipv4.method auto ipv6.method ignore"
    )


def test_a_network_that_cannot_be_set_up_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Error: Connection activation failed: IP configuration could not be reserved\nHint: x\n"
    monkeypatch.setattr(netcheck, "_addresses", lambda device: [])
    monkeypatch.setattr(
        netcheck,
        "run",
        lambda argv, **_: subprocess.CompletedProcess(argv, 4 if "up" in argv else 0, "", said),
    )
    first, *_ = netcheck.check_network(Answers(), CARD)
    assert (
        str(first)
        == "NO  no connection: Connection activation failed: IP configuration could not be reserved"
    )


@dataclass
class Wire:
    """Two namespaces with a cable: `host` has eno1, `router` has the other end."""

    host: str
    router: str

    def on(self, where: str, *argv: str) -> str:
        whole = ["ip", "netns", "exec", where, *argv]
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("kickstart", "hostd")),
        }
        return subprocess.run(whole, check=True, capture_output=True, text=True, env=env).stdout

    def findings(self, gateway: str, *servers: str) -> list[str]:
        return self.on(self.host, sys.executable, "-c", LOOK, gateway, *servers).splitlines()


@pytest.fixture
def wire() -> Iterator[Wire]:
    tag = uuid.uuid4().hex[:6]
    found = Wire(f"el-h-{tag}", f"el-r-{tag}")
    made: list[str] = []
    try:
        for name in (found.host, found.router):
            done = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
            if done.returncode:
                pytest.skip("no right to make network namespaces here")
            made.append(name)
        found.on(
            found.host,
            *["ip", "link", "add", "eno1", "type", "veth", "peer", "name", "r0", "netns"],
            found.router,
        )
        found.on(found.router, "ip", "address", "add", "192.0.2.1/24", "dev", "r0")
        yield found
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], check=True)


def test_each_part_says_whether_it_works(wire: Wire) -> None:
    assert wire.findings("") == ["NO  eno1 has no link: is the cable in, and the other end on?"]
    wire.on(wire.host, "ip", "link", "set", "eno1", "up")
    wire.on(wire.router, "ip", "link", "set", "r0", "up")
    assert wire.findings("") == ["ok  eno1 has a link", "NO  no IPv4 address: no DHCP server has answered"]
    wire.on(wire.host, "ip", "address", "add", "192.0.2.9/24", "dev", "eno1")
    found = wire.findings("")
    assert "ok  address 192.0.2.9/24" in found
    assert "NO  no gateway: only the local network can be reached" in found
    assert "NO  no name server: names cannot be looked up" in found
    assert "NO  gateway 192.0.2.77 does not answer" in wire.findings("192.0.2.77")
    wire.on(wire.host, "ip", "route", "add", "default", "via", "192.0.2.1")
    assert "ok  gateway 192.0.2.1 answers" in wire.findings("")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("0", "ok  name server 192.0.2.1 answers"),
        ("5", "looks nothing up (DNS error 5)"),
        ("", "does not answer"),
    ],
)
def test_name_servers(wire: Wire, code: str, said: str) -> None:
    wire.on(wire.host, "ip", "link", "set", "eno1", "up")
    wire.on(wire.router, "ip", "link", "set", "r0", "up")
    wire.on(wire.host, "ip", "address", "add", "192.0.2.9/24", "dev", "eno1")
    argv = ["ip", "netns", "exec", wire.router, sys.executable, "-c", SERVER, "192.0.2.1", code or "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            assert server.stdout.readline() == "ready\n"
            if not code:
                server.kill()
                server.wait()
            assert any(said in line for line in wire.findings("192.0.2.1", "192.0.2.1"))
        finally:
            server.kill()
