"""The antlets' network as libvirt network XML, and what of a defined one differs (libvirt formatnetwork).

libvirt makes the bridge, gives it the gateway's address and runs dnsmasq on it. In `open` forward mode it
adds no firewall rules of its own, which would reject what hostd's accept.
"""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET
from pathlib import Path

from edgelinux_hostd.antlets.numbers import FIRST, LAST, NETWORK, address, gateway, host_name, mac, subnet

__all__ = ["BRIDGE_MAC", "HOSTS_DIRECTORY", "drift", "render"]

# Where names.py writes, and dnsmasq looks whenever a file there changes.
HOSTS_DIRECTORY = Path("/var/lib/edgelinux/dns")

# Antlets keep it in their ARP tables, so it stays the same; 1 is nobody's number.
BRIDGE_MAC = "b2:61:6e:73:6c:01"

_DNSMASQ = "http://libvirt.org/schemas/network/dnsmasq/1.0"

# The host's own names are not the antlets' business (dnsmasq(8)).
_OPTIONS = ("no-hosts",)


def render(base_ip: str, *, uuid: str = "", hosts: Path = HOSTS_DIRECTORY) -> str:
    """Render the network for a base IP; `uuid` is the one that libvirt gave it before.

    There is an address for each antlet number and for nobody else. Names are files in the directory `hosts`,
    so that a new antlet changes nothing here. Raises InvalidError for a bad base IP.
    """
    ET.register_namespace("dnsmasq", _DNSMASQ)
    network = ET.Element("network")
    ET.SubElement(network, "name").text = NETWORK
    if uuid:
        ET.SubElement(network, "uuid").text = uuid
    ET.SubElement(network, "forward", mode="open")
    ET.SubElement(network, "bridge", name=NETWORK, stp="off", delay="0")
    ET.SubElement(network, "mac", address=BRIDGE_MAC)
    ET.SubElement(network, "domain", name=NETWORK, localOnly="yes")
    ET.SubElement(network, "dns", forwardPlainNames="no")
    netmask = str(ipaddress.IPv4Network(subnet(base_ip)).netmask)
    ip = ET.SubElement(network, "ip", address=gateway(base_ip), netmask=netmask)
    dhcp = ET.SubElement(ip, "dhcp")
    for number in range(FIRST, LAST + 1):
        ET.SubElement(dhcp, "host", mac=mac(number), name=host_name(number), ip=address(base_ip, number))
    options = ET.SubElement(network, f"{{{_DNSMASQ}}}options")
    for option in (*_OPTIONS, f"hostsdir={hosts}"):
        ET.SubElement(options, f"{{{_DNSMASQ}}}option", value=option)
    ET.indent(network)
    return ET.tostring(network, encoding="unicode") + "\n"


def drift(found: str, wanted: str) -> tuple[str, ...]:
    """Say in what a network's XML, as libvirt gives it, differs from the wanted one; nothing when it fits."""
    old, new = _facts(found), _facts(wanted)
    said = []
    for what, value in new.items():
        if old[what] == value:
            continue
        if isinstance(value, frozenset) or isinstance(old[what], frozenset):
            said.append(f"{what} differ")
        else:
            said.append(f"{what} is {old[what] or 'none'}, not {value or 'none'}")
    return tuple(said)


def _facts(text: str) -> dict[str, str | frozenset[str]]:
    # libvirt adds a uuid and defaults and may order attributes otherwise, so texts cannot be compared.
    network = ET.fromstring(text)  # noqa: S314 - libvirt's own, or ours

    def attribute(path: str, name: str) -> str:
        element = network.find(path)
        return "" if element is None else element.get(name, "")

    return {
        "forward mode": attribute("forward", "mode"),
        "bridge": attribute("bridge", "name"),
        "STP": attribute("bridge", "stp"),
        "bridge MAC": attribute("mac", "address"),
        "domain": attribute("domain", "name"),
        "gateway": attribute("ip", "address"),
        "netmask": attribute("ip", "netmask"),
        "addresses": frozenset(
            f"{host.get('mac')} {host.get('name')} {host.get('ip')}"
            for host in network.iterfind("ip/dhcp/host")
        ),
        "address ranges": frozenset(
            f"{item.get('start')}-{item.get('end')}" for item in network.iterfind("ip/dhcp/range")
        ),
        "dnsmasq options": frozenset(
            item.get("value", "") for item in network.iterfind(f"{{{_DNSMASQ}}}options/{{{_DNSMASQ}}}option")
        ),
    }
