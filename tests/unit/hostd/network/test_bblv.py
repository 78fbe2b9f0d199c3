"""The antlets' network as libvirt XML, and how it is compared."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.network import bblv

DNSMASQ = "{http://libvirt.org/schemas/network/dnsmasq/1.0}"


def network(base_ip: str = "10.1.1.", uuid: str = "") -> ET.Element:
    return ET.fromstring(bblv.render(base_ip, uuid=uuid))  # noqa: S314


def test_every_number_has_its_address_and_nobody_else_any() -> None:
    dhcp = network().find("ip/dhcp")
    assert dhcp is not None
    hosts = {host.attrib["name"]: (host.attrib["mac"], host.attrib["ip"]) for host in dhcp.iterfind("host")}
    assert len(hosts) == 245
    assert hosts["antlet10"] == ("b2:61:6e:73:6c:0a", "10.1.1.10")
    assert hosts["antlet25"] == ("b2:61:6e:73:6c:19", "10.1.1.25")
    assert hosts["antlet254"] == ("b2:61:6e:73:6c:fe", "10.1.1.254")
    assert dhcp.find("range") is None


def test_libvirt_adds_no_rules_of_its_own() -> None:
    forward = network().find("forward")
    assert forward is not None
    assert forward.attrib == {"mode": "open"}


def test_bridge_gateway_and_domain() -> None:
    found = network("192.168.7.")
    said = {element.tag: element.attrib for element in found}
    assert said["bridge"] == {"name": "bblv", "stp": "off", "delay": "0"}
    assert said["mac"] == {"address": "b2:61:6e:73:6c:01"}
    assert said["ip"] == {"address": "192.168.7.1", "netmask": "255.255.255.0"}
    assert said["domain"] == {"name": "bblv", "localOnly": "yes"}


def test_names_come_from_files_that_are_watched() -> None:
    found = ET.fromstring(bblv.render("10.1.1.", hosts=Path("/some/where")))  # noqa: S314
    options = [option.get("value") for option in found.iterfind(f"{DNSMASQ}options/{DNSMASQ}option")]
    assert options == ["no-hosts", "hostsdir=/some/where"]


def test_keeps_the_uuid_that_libvirt_gave() -> None:
    assert network().find("uuid") is None
    assert network(uuid="0b1c").findtext("uuid") == "0b1c"


def test_a_bad_base_ip() -> None:
    with pytest.raises(InvalidError, match="is not a base IP"):
        bblv.render("8.8.8.")


def test_what_libvirt_adds_is_no_difference() -> None:
    wanted = bblv.render("10.1.1.")
    found = wanted.replace("<name>", "<uuid>1</uuid><name>").replace('delay="0"', "delay='0' zone='x'")
    assert bblv.drift(found, wanted) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('mode="open"', 'mode="nat"', "forward mode is nat, not open"),
        ('stp="off"', 'stp="on"', "STP is on, not off"),
        ('name="antlet25"', 'name="other"', "addresses differ"),
        ("<dhcp>", '<dhcp><range start="10.1.1.2" end="10.1.1.9"/>', "address ranges differ"),
        ("no-hosts", "no-resolv", "dnsmasq options differ"),
        ('<mac address="b2:61:6e:73:6c:01" />', "", "bridge MAC is none, not b2:61:6e:73:6c:01"),
    ],
)
def test_what_differs_is_named(old: str, new: str, said: str) -> None:
    wanted = bblv.render("10.1.1.")
    assert bblv.drift(wanted.replace(old, new), wanted) == (said,)


def test_another_base_ip_differs() -> None:
    said = bblv.drift(bblv.render("10.1.1."), bblv.render("10.9.9."))
    assert said == ("gateway is 10.1.1.1, not 10.9.9.1", "addresses differ")
