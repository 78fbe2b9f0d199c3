"""The real rules on real frames: what antlets try on each other, their host and the world."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_hostd.antlets.numbers import mac
from edgelinux_hostd.errors import CommandError
from edgelinux_hostd.network import filters, show

from tests.unit.hostd.network import frames
from tests.unit.hostd.network.frames import Station, arp, dhcp, ethernet, ipv4, tagged, udp
from tests.unit.hostd.network.wire import (
    BASE,
    CUSTOM,
    HOST,
    INTERNET,
    LAN,
    NOBODY,
    ONE,
    TWO,
    UPLINK,
    Wire,
    impossible,
    waiting,
    wire,
)

pytestmark = pytest.mark.skipif(bool(impossible()), reason=impossible())

TOKEN = b"this is the frame"
FIRST_FRAGMENT, LATER_FRAGMENT = 0x2000, 0x0010


@pytest.fixture(scope="module")
def net() -> Iterator[Wire]:
    with wire() as made:
        yield made


DISCOVER = dhcp(ONE.mac, 1, b"\1\2\3\4", token=TOKEN)

# What antlet 25 sends on the network.
ATTACKS: dict[str, bytes] = {
    "a neighbour's MAC": ipv4(replace(ONE, mac=TWO.mac), udp(TOKEN)),
    "a neighbour's address": ipv4(replace(ONE, ip=TWO.ip), udp(TOKEN)),
    "a neighbour's MAC and address": ipv4(TWO, udp(TOKEN)),
    "the gateway's MAC": ipv4(replace(ONE, mac=HOST.mac), udp(TOKEN)),
    "the gateway's address": ipv4(replace(ONE, ip=HOST.ip), udp(TOKEN)),
    "an address outside": ipv4(replace(ONE, ip=INTERNET), udp(TOKEN)),
    "no address": ipv4(replace(ONE, ip=NOBODY), udp(TOKEN)),
    "a later fragment from a neighbour's address": ipv4(
        replace(ONE, ip=TWO.ip), TOKEN, fragment=LATER_FRAGMENT
    ),
    "another protocol from a neighbour's address": ipv4(replace(ONE, ip=TWO.ip), TOKEN, protocol=47),
    "the second card's MAC": ipv4(replace(ONE, mac=mac(25, 1)), udp(TOKEN)),
    "ARP: I am the gateway": arp(replace(ONE, ip=HOST.ip), TWO.ip, TOKEN, operation=frames.REPLY),
    "ARP: I am the neighbour": arp(replace(ONE, ip=TWO.ip), HOST.ip, TOKEN, operation=frames.REPLY),
    "ARP: who asks is the gateway": arp(replace(ONE, ip=HOST.ip), TWO.ip, TOKEN),
    "ARP: the neighbour is the gateway": arp(
        replace(TWO, ip=HOST.ip), TWO.ip, TOKEN, source=ONE.mac, operation=frames.REPLY
    ),
    "ARP: my address has another MAC": arp(replace(ONE, mac=TWO.mac), HOST.ip, TOKEN, source=ONE.mac),
    "ARP: nobody is at my MAC": arp(replace(ONE, ip=NOBODY), TWO.ip, TOKEN, operation=frames.REPLY),
    "RARP": ethernet(ONE.mac, TOKEN, 0x8035),
    "DHCP: an offer": ipv4(ONE, udp(TOKEN, 67, 68)),
    "DHCP: an offer in fragments": ipv4(ONE, udp(TOKEN, 67, 68), fragment=FIRST_FRAGMENT),
    "DHCP: for the neighbour": ipv4(
        replace(ONE, ip=NOBODY), udp(dhcp(TWO.mac, 4, b"\1\2\3\4", token=TOKEN), 68, 67)
    ),
    "DHCP: for the neighbour, with an address": ipv4(
        ONE, udp(dhcp(TWO.mac, 7, b"\1\2\3\4", token=TOKEN), 68, 67), to=HOST.ip
    ),
    "DHCP: in fragments": ipv4(ONE, udp(DISCOVER, 68, 67), fragment=FIRST_FRAGMENT),
    "DHCP: from a neighbour's address": ipv4(replace(ONE, ip=TWO.ip), udp(DISCOVER, 68, 67)),
    "DHCP: from another port without address": ipv4(replace(ONE, ip=NOBODY), udp(DISCOVER, 69, 67)),
    "IPv6: a router advertisement": frames.ipv6_router_advertisement(ONE.mac, TOKEN),
    "VLAN": tagged(ipv4(ONE, udp(TOKEN))),
    "VLAN, a neighbour's address": tagged(ipv4(replace(ONE, ip=TWO.ip), udp(TOKEN))),
    "VLAN, priority only": tagged(ipv4(ONE, udp(TOKEN)), vlan=0),
    "VLAN, service tag": tagged(ipv4(ONE, udp(TOKEN)), 0x88A8),
    "VLAN, two tags": tagged(tagged(ipv4(ONE, udp(TOKEN))), 0x88A8),
    "VLAN, ARP": tagged(arp(replace(ONE, ip=HOST.ip), TWO.ip, TOKEN)),
    "LLC": ethernet(ONE.mac, b"\x42\x42\x03" + TOKEN, 3 + len(TOKEN)),
    "PPPoE": ethernet(ONE.mac, TOKEN, 0x8863),
}

HONEST: dict[str, bytes] = {
    "IPv4": ipv4(ONE, udp(TOKEN)),
    "a later fragment": ipv4(ONE, TOKEN, fragment=LATER_FRAGMENT),
    "another protocol": ipv4(ONE, TOKEN, protocol=47),
    "multicast": ipv4(ONE, udp(TOKEN, 5353, 5353), to="224.0.0.251"),
    "ARP: a question": arp(ONE, HOST.ip, TOKEN),
    "ARP: an answer": arp(ONE, TWO.ip, TOKEN, operation=frames.REPLY),
    "ARP: is my address free": arp(replace(ONE, ip=NOBODY), ONE.ip, TOKEN),
    "DHCP: a question": ipv4(replace(ONE, ip=NOBODY), udp(DISCOVER, 68, 67)),
    "DHCP: renewal": ipv4(ONE, udp(DISCOVER, 68, 67), to=HOST.ip),
}


@pytest.mark.parametrize("frame", ATTACKS.values(), ids=ATTACKS.keys())
def test_attacks_reach_neither_neighbour_nor_host(net: Wire, frame: bytes) -> None:
    assert not net.arrives(TOKEN, frame, "two")
    assert not net.arrives(TOKEN, frame, "host", device="bblv")


@pytest.mark.parametrize("frame", HONEST.values(), ids=HONEST.keys())
def test_honest_frames_reach_neighbour_and_host(net: Wire, frame: bytes) -> None:
    assert net.arrives(TOKEN, frame, "two")
    assert net.arrives(TOKEN, frame, "host", device="bblv")


def test_without_the_table_every_attack_would_arrive(net: Wire) -> None:
    net.load(filtered=False)
    try:
        missed = [name for name, frame in ATTACKS.items() if not net.arrives(TOKEN, frame, "two")]
    finally:
        net.load()
    assert missed == []


def test_what_is_plugged_in_beside_the_antlets_is_cut_off(net: Wire) -> None:
    frame = ipv4(Station("52:54:00:00:00:99", "10.1.1.9"), udp(TOKEN))
    net.packets("stray").send(frame)
    # The sentinel is an antlet's, sent later.
    assert not net.arrives(TOKEN, HONEST["ARP: a question"].replace(TOKEN, b"-"), "two")


ON_BRIDGE = Station(mac(25, 1), LAN + "25")


def on_bridge(net: Wire, frame: bytes, role: str = "one") -> bool:
    return net.arrives(TOKEN, frame, "lan", role=role, via="eth1")


def test_on_a_bridge_an_antlet_may_have_any_address(net: Wire) -> None:
    assert on_bridge(net, ipv4(ON_BRIDGE, udp(TOKEN)))
    assert on_bridge(net, ipv4(replace(ON_BRIDGE, ip="203.0.113.9"), udp(TOKEN)))
    assert on_bridge(net, arp(replace(ON_BRIDGE, ip=LAN + "77"), LAN + "2", TOKEN))
    assert on_bridge(net, ethernet(ON_BRIDGE.mac, TOKEN, frames.IPV6))


@pytest.mark.parametrize(
    "frame",
    [
        ipv4(replace(ON_BRIDGE, mac="52:54:00:00:00:02"), udp(TOKEN)),
        arp(replace(ON_BRIDGE, mac="52:54:00:00:00:02"), LAN + "2", TOKEN, source=ON_BRIDGE.mac),
        arp(ON_BRIDGE, LAN + "2", TOKEN, source=ONE.mac),
        tagged(ipv4(ON_BRIDGE, udp(TOKEN))),
        tagged(ipv4(ON_BRIDGE, udp(TOKEN)), 0x88A8),
    ],
    ids=["MAC", "MAC in ARP", "the first card's MAC", "VLAN", "service tag"],
)
def test_on_a_bridge_another_mac_or_vlan_does_not_pass(net: Wire, frame: bytes) -> None:
    assert not on_bridge(net, frame)


def test_a_mac_of_its_own_replaces_the_one_that_follows(net: Wire) -> None:
    own = Station(CUSTOM.mac, LAN + "26")
    assert on_bridge(net, ipv4(own, udp(TOKEN)), "two")
    assert not on_bridge(net, ipv4(replace(own, mac=mac(26, 1)), udp(TOKEN)), "two")
    assert not on_bridge(net, ipv4(own, udp(TOKEN)), "one")


def test_the_world_sees_the_hosts_address(net: Wire) -> None:
    with (
        net.socket("internet", socket.SOCK_STREAM, (INTERNET, 80)) as server,
        net.socket("one", socket.SOCK_STREAM) as client,
    ):
        server.listen()
        client.connect((INTERNET, 80))
        there, peer = server.accept()
        with there:
            assert peer[0] == UPLINK
            there.send(b"hello")
            assert client.recv(9) == b"hello"


def test_the_world_does_not_reach_antlets_but_to_answer(net: Wire) -> None:
    with (
        net.socket("one", socket.SOCK_DGRAM, (ONE.ip, 7777)) as antlet,
        net.socket("one", socket.SOCK_DGRAM, (ONE.ip, 7778)) as silent,
        net.socket("internet", socket.SOCK_DGRAM, (INTERNET, 53)) as world,
        net.socket("internet", socket.SOCK_DGRAM) as stranger,
    ):
        antlet.sendto(b"question", (INTERNET, 53))
        _, asked = world.recvfrom(99)
        # Straight to the antlet's address, and to the host's with the port of the question.
        stranger.sendto(b"intruder", (ONE.ip, 7777))
        stranger.sendto(b"intruder", (ONE.ip, 7778))
        stranger.sendto(b"intruder", asked)
        world.sendto(b"answer", asked)
        assert antlet.recv(99) == b"answer"
        assert not waiting(silent)


def test_of_the_host_antlets_reach_what_it_offers(net: Wire) -> None:
    with (
        net.socket("host", socket.SOCK_STREAM, (HOST.ip, 22)) as ssh,
        net.socket("host", socket.SOCK_STREAM, (HOST.ip, 3000)) as closed,
        net.socket("one", socket.SOCK_STREAM) as first,
        net.socket("one", socket.SOCK_STREAM) as second,
    ):
        ssh.listen()
        closed.listen()
        first.setblocking(False)
        first.connect_ex((HOST.ip, 3000))
        second.connect((HOST.ip, 22))
        ssh.accept()[0].close()
        assert not waiting(closed)


def test_nobody_outside_poses_as_an_antlet(net: Wire) -> None:
    with net.socket("host", socket.SOCK_DGRAM, (UPLINK, 7000)) as host:
        near = net.packets("internet")
        outside = Station("52:54:00:00:00:03", INTERNET)
        to = own_address(net, "wan0")
        near.send(ipv4(replace(outside, ip=TWO.ip), udp(b"posing", dport=7000), to=UPLINK, destination=to))
        near.send(ipv4(outside, udp(b"honest", dport=7000), to=UPLINK, destination=to))
        assert host.recv(99) == b"honest"


def own_address(net: Wire, device: str) -> str:
    return net.execute("host", "cat", f"/sys/class/net/{device}/address").stdout.strip()


def test_a_port_forward_leads_to_an_antlet(net: Wire) -> None:
    forward = f"tcp . 8080 : {ONE.ip} . 80"
    table = ("inet", "edgelinux", "port_forwards")
    net.execute("host", "nft", "add", "element", *table, f"{{ {forward} }}")
    with (
        net.socket("one", socket.SOCK_STREAM, (ONE.ip, 80)) as server,
        net.socket("internet", socket.SOCK_STREAM) as client,
    ):
        server.listen()
        client.connect((UPLINK, 8080))
        there, peer = server.accept()
        there.close()
        assert peer[0] == INTERNET
    net.execute("host", "nft", "delete", "element", *table, f"{{ {forward} }}")


def test_loading_again_cuts_no_connection(net: Wire) -> None:
    with (
        net.socket("internet", socket.SOCK_STREAM, (INTERNET, 81)) as server,
        net.socket("one", socket.SOCK_STREAM) as client,
    ):
        server.listen()
        client.connect((INTERNET, 81))
        with server.accept()[0] as there:
            net.load()
            there.send(b"still here")
            assert client.recv(99) == b"still here"


def test_the_table_is_loaded_once_and_again_when_it_differs(
    net: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = filters.render
    monkeypatch.setattr(filters, "render", lambda *wanted: net.adapted(render(*wanted)))
    path = tmp_path / "state/antlet-filter.nft"
    with net.inside("host"):
        assert filters.ensure("10.3.3.", (), path)
        assert not filters.ensure("10.3.3.", (), path)
        assert filters.present()
        # What the next boot loads is what is loaded now.
        subprocess.run(["nft", "-f", path], check=True)
        assert filters.loaded(path.read_text())
        assert filters.ensure("10.3.3.", [CUSTOM], path)
        assert filters.ensure(BASE, [CUSTOM], path)
        path.unlink()
        assert not filters.ensure(BASE, [CUSTOM], path)
        assert path.exists()
        assert show.translates()
        assert show.is_up("lo")
    assert not net.arrives(TOKEN, ATTACKS["a neighbour's address"], "two")


def test_what_the_kernel_refuses_changes_neither_table_nor_file(
    net: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "render", lambda *_: f"delete table {filters.TABLE}\nnonsense\n")
    with net.inside("host"):
        with pytest.raises(CommandError, match="nft -f -"):
            filters.ensure("10.3.3.", (), tmp_path / "file")
        assert filters.present()
    assert not (tmp_path / "file").exists()
