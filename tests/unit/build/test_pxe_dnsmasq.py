"""dnsmasq's configuration, whole; its log as 2.90 and 2.91 write it; interfaces and ranges; DHCP offers."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest
from edgelinux_build.pxe import dhcpprobe
from edgelinux_build.pxe.dnsmasq import DnsmasqConfig, render
from edgelinux_build.pxe.dnsmasqlog import Asked, Event, Fetched, Trouble, parse
from edgelinux_build.pxe.network import AddressRange, Interface, parse_range, suggest_range
from edgelinux_build.pxe.server.neighbours import neighbour
from edgelinux_build.pxe.supervise import argv, unprivileged
from edgelinux_hostd.errors import EdgeLinuxError

GOLDEN = Path(__file__).parent / "golden_pxe"
IF = Interface("br0", "52:54:00:00:00:99", IPv4Interface("192.0.2.1/24"))
ROOT, LEASES = Path("/run/x/tftp"), Path("/run/x/leases")
ADDRESSES = AddressRange(IPv4Address("192.0.2.100"), IPv4Address("192.0.2.199"))
URL = "http://192.0.2.1:8080"
CONFIGS = {
    "dhcp.conf": DnsmasqConfig(
        IF, ADDRESSES, URL, ROOT, LEASES, "192.0.2.254", ("192.0.2.53", "198.51.100.53")
    ),
    "dhcp-alone.conf": DnsmasqConfig(IF, ADDRESSES, URL, ROOT, LEASES),
    "proxy.conf": DnsmasqConfig(IF, None, URL, ROOT, LEASES),
}
MAC = "52:54:00:12:34:56"


@pytest.mark.parametrize("name", CONFIGS)
def test_the_configuration(name: str) -> None:
    assert render(CONFIGS[name]) == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")
def test_dnsmasq_takes_the_configuration(name: str) -> None:
    command = ["dnsmasq", "--test", f"--conf-file={GOLDEN / name}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (f"dnsmasq-dhcp[7]: 4881 DHCPDISCOVER(pxe0) {MAC} ", Asked(MAC)),
        (f"dnsmasq-dhcp: DHCPDISCOVER(pxe0) 192.0.2.9 {MAC}", Asked(MAC)),
        (f"dnsmasq-dhcp[7]: 4881 DHCPACK(pxe0) 192.0.2.100 {MAC} name", Asked(MAC, "192.0.2.100")),
        (f"dnsmasq-dhcp[7]: 4881 PXE(pxe0) {MAC} proxy", Asked(MAC)),
        (f"dnsmasq-dhcp[7]: 4881 PXE(pxe0) 192.0.2.60 {MAC} bios/core.0", Asked(MAC)),
        (f"dnsmasq-dhcp[7]: 4881 DHCPOFFER(pxe0) 192.0.2.100 {MAC} ", None),
        (
            f"dnsmasq-dhcp[7]: 4881 DHCPDISCOVER(pxe0) {MAC} no address available",
            Trouble(MAC, "there are no addresses left to give: a larger --range"),
        ),
        (
            "dnsmasq-tftp[7]: sent /run/x/tftp/bios/core.0 to 192.0.2.100",
            Fetched("192.0.2.100", "bios/core.0"),
        ),
        ("dnsmasq-tftp[7]: failed sending /run/x/tftp/bios/core.0 to 192.0.2.100", None),
        ("dnsmasq-tftp[7]: file /run/x/tftp/grub/a b not found for 192.0.2.100", None),
        ("dnsmasq-dhcp[7]: 4881 vendor class: PXEClient:Arch:00007:UNDI:003016", None),
        ("dnsmasq[7]: started, version 2.90 DNS disabled", None),
    ],
)
def test_the_log(line: str, event: Event | None) -> None:
    assert parse(line, str(ROOT)) == event


@pytest.mark.parametrize(
    ("own", "suggested"),
    [
        ("192.0.2.1/24", "192.0.2.155,192.0.2.254"),
        ("192.0.2.254/24", "192.0.2.154,192.0.2.253"),
        ("192.0.2.2/30", "192.0.2.1,192.0.2.1"),
        ("192.0.2.200/24", "192.0.2.100,192.0.2.199"),
        ("10.200.0.1/8", "10.255.255.155,10.255.255.254"),
        ("10.255.255.200/8", "10.255.255.100,10.255.255.199"),
        ("10.0.0.1/8", "10.255.255.155,10.255.255.254"),
    ],
)
def test_ranges_that_are_suggested_can_be_taken(own: str, suggested: str) -> None:
    interface = Interface("br0", "", IPv4Interface(own))
    assert str(suggest_range(interface)) == suggested
    assert str(parse_range(suggested, interface)) == suggested


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("192.0.2.9", "is not FIRST,LAST"),
        ("192.0.2.9,192.0.2.300", "is not FIRST,LAST"),
        ("192.0.2.9,192.0.2.3", "ends before it begins"),
        ("192.0.3.9,192.0.3.10", "192.0.3.9 is no machine's address in br0's network 192.0.2.0/24"),
        ("192.0.2.9,192.0.2.255", "192.0.2.255 is no machine's address"),
        ("192.0.2.0,192.0.2.9", "192.0.2.0 is no machine's address"),
    ],
)
def test_ranges_that_cannot_be(text: str, said: str) -> None:
    with pytest.raises(EdgeLinuxError, match=said) as caught:
        parse_range(text, IF)
    assert caught.value.exit_code == 2
    assert "such as 192.0.2.155,192.0.2.254" in str(caught.value)


def test_who_has_an_address(tmp_path: Path) -> None:
    table = tmp_path / "arp"
    table.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        f"192.0.2.7        0x1         0x2         {MAC.upper()}     *        pxe0\n"
        "192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        pxe0\n"
    )
    assert neighbour("192.0.2.7", table) == MAC
    assert neighbour("192.0.2.8", table) == neighbour("192.0.2.9", table) == ""
    assert neighbour("192.0.2.7", tmp_path / "nothing") == ""


def test_dnsmasq_never_runs_as_root_and_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: f"/usr/sbin/{name}")
    command = argv(Path("/run/x/dnsmasq.conf"), unprivileged())
    assert command[0] == "setpriv"
    assert "--pdeathsig=TERM" in command
    assert "--reuid=0" not in command
    assert command[command.index("--") + 1 :] == [
        "/usr/sbin/dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/run/x/dnsmasq.conf",
    ]  # fmt: skip


def test_without_dnsmasq_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    with pytest.raises(EdgeLinuxError, match=r"dnsmasq is not installed .*dnsmasq-base"):
        argv(Path("/x"), unprivileged())


def offer(xid: bytes, *, kind: int = 2, address: str = "192.0.2.60", port: int = 68) -> bytes:
    message = struct.pack("!BBBB4sHH", 2, 1, 6, 0, xid, 0, 0) + bytes(4) + socket.inet_aton(address)
    message += bytes(8 + 16 + 192) + b"\x63\x82\x53\x63" + bytes((0, 53, 1, kind, 54, 4, 192, 0, 2, 50, 255))
    datagram = struct.pack("!HHHH", 67, port, 8 + len(message), 0) + message
    return (
        bytes(14)
        + bytes((0x45,))
        + bytes(8)
        + bytes((17,))
        + bytes(2)
        + bytes((10, 0, 0, 1))
        + bytes(4)
        + datagram
    )


def test_offers_are_told_from_everything_else() -> None:
    xid = b"abcd"
    assert dhcpprobe.read_offer(offer(xid), xid) == dhcpprobe.DhcpServer("192.0.2.50", "192.0.2.60")
    for other in (
        offer(b"efgh"),
        offer(xid, kind=5),
        offer(xid, address="0.0.0.0"),  # noqa: S104  (a proxy's offer)
        offer(xid, port=67),
        b"",
        bytes(300),
        *(offer(xid)[:length] for length in range(0, 280, 7)),
    ):
        assert dhcpprobe.read_offer(other, xid) is None


def test_the_question_is_a_whole_frame() -> None:
    frame = dhcpprobe.discover(MAC, b"abcd")
    assert frame[:14] == b"\xff" * 6 + bytes.fromhex("525400123456") + b"\x08\0"
    head = frame[14:34]
    total = sum(struct.unpack("!10H", head))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF  # RFC 1071
    assert struct.unpack("!H", head[2:4])[0] == len(frame) - 14
