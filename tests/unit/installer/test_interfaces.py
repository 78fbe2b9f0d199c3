"""From `network` lines and cards to NetworkManager's profiles."""

from __future__ import annotations

import configparser

import pytest
from edgelinux_installer.interfaces import resolve
from edgelinux_installer.kickstart import KickstartError, read_kickstart
from edgelinux_installer.nics import Nic
from edgelinux_installer.steps.network import profiles

CARDS = (
    Nic("ens3", "52:54:00:00:00:01", carrier=True),
    Nic("ens4", "52:54:00:00:00:02", carrier=False),
    Nic("ens5", "52:54:00:00:00:03", carrier=True),
)

Profiles = dict[str, dict[str, dict[str, str]]]


def made(*lines: str, cards: tuple[Nic, ...] = CARDS) -> Profiles:
    """The profiles of some lines, as NetworkManager reads them: name → group → key → value."""
    found: Profiles = {}
    ks = read_kickstart("".join(f"network {line}\n" for line in lines), "ks.cfg")
    for name, text in profiles(resolve(ks, cards)).items():
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        found[name] = {group: dict(parser[group]) for group in parser.sections()}
    return found


def test_without_a_line_antlets_can_share_the_card() -> None:
    ks = read_kickstart("", "ks.cfg")
    assert [(one.name, one.kind) for one in resolve(ks, CARDS)] == [
        ("br0", "bridge"),
        ("br0-port", "ethernet"),
    ]


def test_a_bridge_takes_the_address_of_its_card() -> None:
    found = made("--device=br0 --bridgeslaves=link")
    assert list(found) == ["br0", "br0-port"]
    bridge, port = found["br0"], found["br0-port"]
    assert bridge["connection"]["type"] == "bridge"
    assert bridge["connection"]["interface-name"] == "br0"
    assert bridge["bridge"] == {"stp": "false", "mac-address": "52:54:00:00:00:01"}
    assert bridge["ipv4"] == bridge["ipv6"] == {"method": "auto"}
    assert port["connection"]["controller"] == bridge["connection"]["uuid"]
    assert port["connection"]["port-type"] == "bridge"
    assert port["ethernet"] == {"mac-address": "52:54:00:00:00:01"}
    assert "interface-name" not in port["connection"]
    assert not {"ipv4", "ipv6"} & port.keys()


def test_a_bridge_over_several_cards_with_its_options() -> None:
    found = made("--device=br0 --bridgeslaves=ens4,ens5 --bridgeopts=stp=yes,priority=7 --mtu=9000")
    assert found["br0"]["bridge"] == {"stp": "true", "priority": "7", "mac-address": "52:54:00:00:00:02"}
    assert [found[f"br0-port{n}"]["ethernet"] for n in (1, 2)] == [
        {"mac-address": "52:54:00:00:00:02", "mtu": "9000"},
        {"mac-address": "52:54:00:00:00:03", "mtu": "9000"},
    ]


def test_a_static_card() -> None:
    found = made(
        "--device=ens3 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.128 --gateway=192.0.2.1 "
        "--nameserver=192.0.2.1,2001:db8::1 --onboot=no --ipv4-dns-search=a.example,b.example --mtu=1400"
    )["ens3"]
    assert found["connection"]["autoconnect"] == "false"
    assert "interface-name" not in found["connection"]
    assert found["ethernet"] == {"mac-address": "52:54:00:00:00:01", "mtu": "1400"}
    assert found["ipv4"] == {
        "method": "manual",
        "address1": "192.0.2.10/25",
        "gateway": "192.0.2.1",
        "dns": "192.0.2.1;",
        "dns-search": "a.example;b.example;",
    }
    assert found["ipv6"] == {"method": "auto", "dns": "2001:db8::1;"}


@pytest.mark.parametrize(
    ("options", "ipv4", "ipv6"),
    [
        ("", {"method": "auto"}, {"method": "auto"}),
        ("--noipv6", {"method": "auto"}, {"method": "disabled"}),
        ("--noipv4 --ipv6=dhcp", {"method": "disabled"}, {"method": "dhcp"}),
        ("--ipv6=ignore", {"method": "auto"}, {"method": "ignore"}),
        (
            "--bootproto=static --ipv6=2001:db8::10/48 --ipv6gateway=2001:db8::1",
            {"method": "disabled"},
            {"method": "manual", "address1": "2001:db8::10/48", "gateway": "2001:db8::1"},
        ),
        ("--ipv6=2001:db8::10", {"method": "auto"}, {"method": "manual", "address1": "2001:db8::10/64"}),
        (
            "--nodefroute --ipv6=ignore",
            {"method": "auto", "never-default": "true"},
            {"method": "ignore"},
        ),
        (
            "--nodns",
            {"method": "auto", "ignore-auto-dns": "true"},
            {"method": "auto", "ignore-auto-dns": "true"},
        ),
        (
            "--ipv4-ignore-auto-dns --ipv6-dns-search=x.example",
            {"method": "auto", "ignore-auto-dns": "true"},
            {"method": "auto", "dns-search": "x.example;"},
        ),
        (
            "--dhcpclass=edge --noipv6",
            {"method": "auto", "dhcp-vendor-class-identifier": "edge"},
            {"method": "disabled"},
        ),
    ],
)
def test_addresses(options: str, ipv4: dict[str, str], ipv6: dict[str, str]) -> None:
    found = made(f"--device=ens3 {options}")["ens3"]
    assert (found["ipv4"], found["ipv6"]) == (ipv4, ipv6)


def test_a_bond() -> None:
    found = made("--device=bond0 --bondslaves=ens3,52:54:00:00:00:03 --bondopts=mode=active-backup,miimon=50")
    assert found["bond0"]["bond"] == {"mode": "active-backup", "miimon": "50"}
    assert found["bond0"]["ipv4"] == {"method": "auto"}
    ports = [found["bond0-port1"], found["bond0-port2"]]
    assert [port["ethernet"]["mac-address"] for port in ports] == ["52:54:00:00:00:01", "52:54:00:00:00:03"]
    assert {port["connection"]["controller"] for port in ports} == {found["bond0"]["connection"]["uuid"]}
    assert {port["connection"]["port-type"] for port in ports} == {"bond"}


def test_values_with_commas_in_bond_options() -> None:
    line = "--device=bond0 --bondslaves=ens3,ens4 --bondopts='mode=1;arp_ip_target=192.0.2.1,192.0.2.2'"
    assert made(line)["bond0"]["bond"] == {"mode": "1", "arp_ip_target": "192.0.2.1,192.0.2.2"}


def test_a_vlan_gets_its_card_a_profile_without_addresses() -> None:
    found = made("--device=ens3 --vlanid=100", "--device=ens3 --vlanid=200 --interfacename=storage")
    assert sorted(found) == ["ens3", "ens3.100", "storage"]
    assert found["ens3"]["ipv4"] == found["ens3"]["ipv6"] == {"method": "disabled"}
    assert found["ens3"]["ethernet"] == {"mac-address": "52:54:00:00:00:01"}
    assert found["ens3.100"]["vlan"] == {"id": "100", "parent": found["ens3"]["connection"]["uuid"]}
    assert found["storage"]["vlan"]["id"] == "200"
    assert found["storage"]["connection"]["interface-name"] == "storage"


def test_a_card_may_have_addresses_and_vlans() -> None:
    found = made("--device=ens3 --vlanid=7", "--device=52:54:00:00:00:01 --bootproto=dhcp")
    assert found["ens3"]["ipv4"] == {"method": "auto"}
    assert found["ens3.7"]["vlan"]["parent"] == found["ens3"]["connection"]["uuid"]


def test_a_bridge_over_a_vlan_over_a_bond() -> None:
    found = made(
        "--device=bond0 --bondslaves=ens3,ens4 --vlanid=30",
        "--device=br30 --bridgeslaves=bond0.30 --bootproto=static --ip=192.0.2.3 --netmask=255.255.255.0",
    )
    assert found["bond0"]["ipv4"] == {"method": "disabled"}
    vlan = found["bond0.30"]
    assert vlan["vlan"]["parent"] == found["bond0"]["connection"]["uuid"]
    assert vlan["connection"]["controller"] == found["br30"]["connection"]["uuid"]
    assert "ipv4" not in vlan
    assert found["br30"]["ipv4"]["address1"] == "192.0.2.3/24"
    assert found["br30"]["bridge"]["mac-address"] == "52:54:00:00:00:01"


def test_a_vlan_on_a_bridge() -> None:
    found = made("--device=br0 --bridgeslaves=ens3", "--device=br0 --vlanid=9")
    assert found["br0.9"]["vlan"]["parent"] == found["br0"]["connection"]["uuid"]


def test_without_a_card_there_is_only_the_bridge() -> None:
    assert list(made("--device=br0 --bridgeslaves=link", cards=())) == ["br0"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["--device=eth9"], "ks.cfg:1: there is no network card eth9; present: ens3 (52:54:00:00:00:01)"),
        (["--device=br0 --bridgeslaves=eth9"], "ks.cfg:1: there is no network card eth9"),
        (["--device=br0 --bridgeslaves=ens3.5"], "there is no network card ens3.5"),
        (["--device=ens3", "--device=52:54:00:00:00:01"], "ks.cfg:2: device ens3 is configured twice"),
        (
            ["--device=b0 --bondslaves=ens3,ens4", "--device=b1 --bondslaves=52:54:00:00:00:01,ens5"],
            "ks.cfg:2: the network card ens3 (52:54:00:00:00:01) is configured twice",
        ),
        (["--device=ens3 --vlanid=5 --interfacename=ens4"], "ens4 is the name of a network card"),
        (
            ["--device=br0 --bridgeslaves=br1", "--device=br1 --bridgeslaves=br0"],
            "lies on itself",
        ),
    ],
)
def test_what_cannot_be(lines: list[str], message: str) -> None:
    with pytest.raises(KickstartError) as caught:
        made(*lines)
    assert message in str(caught.value)


def test_a_vlan_needs_a_card() -> None:
    with pytest.raises(KickstartError, match="there is no network card for the VLAN"):
        made("--vlanid=5", cards=())
