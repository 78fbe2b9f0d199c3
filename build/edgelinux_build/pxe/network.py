"""The interface that machines boot from: its address and network, and which addresses may be given there."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network

import psutil
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["AddressRange", "Interface", "find_interface", "parse_range", "suggest_range"]

_USAGE = 2
_SUGGESTED = 100
_NEAR = 4095
"""How far from the end of a large network."""


@dataclass(frozen=True)
class Interface:
    """A network interface with an IPv4 address."""

    name: str
    mac: str
    """Lower case, with colons."""
    ip: IPv4Interface

    @property
    def address(self) -> str:
        """Its own address."""
        return str(self.ip.ip)

    @property
    def network(self) -> IPv4Network:
        """What is directly reached through it."""
        return self.ip.network


@dataclass(frozen=True)
class AddressRange:
    """Addresses that a DHCP server gives, both ends included."""

    first: IPv4Address
    last: IPv4Address

    def __str__(self) -> str:
        return f"{self.first},{self.last}"


def find_interface(name: str) -> Interface:
    """Look at an interface; raises EdgeLinuxError when it is unknown, down or has no address."""
    states, all_addresses = psutil.net_if_stats(), psutil.net_if_addrs()
    if name not in states:
        known = ", ".join(sorted(other for other in states if other != "lo")) or "none"
        raise EdgeLinuxError(f"there is no interface {name}", hint=f"there are: {known}", exit_code=_USAGE)
    if not states[name].isup:
        raise EdgeLinuxError(
            f"the interface {name} is down or has no carrier",
            hint=f"ip link set {name} up; and look at the cable",
        )
    found = all_addresses.get(name, [])
    ips = [row for row in found if row.family == socket.AF_INET and row.netmask]
    macs = [row.address.lower().replace("-", ":") for row in found if row.family == psutil.AF_LINK]
    if not ips:
        raise EdgeLinuxError(
            f"the interface {name} has no IPv4 address",
            hint=f"give it one, such as: ip address add 192.168.77.1/24 dev {name}",
        )
    return Interface(name, macs[0] if macs else "", IPv4Interface(f"{ips[0].address}/{ips[0].netmask}"))


def suggest_range(interface: Interface) -> AddressRange:
    """Return some addresses of the interface's network that do not have its own among them."""
    network, own = interface.network, int(interface.ip.ip)
    # Networks of one or two addresses have none for themselves (RFC 3021).
    spared = network.prefixlen < 31
    end = int(network.broadcast_address) - spared
    start = max(int(network.network_address) + spared, end - _NEAR)
    above, below = range(max(own + 1, start), end + 1), range(start, min(own, end + 1))
    larger = (above if len(above) >= len(below) else below) or range(start, end + 1)
    return AddressRange(*(IPv4Address(larger[-_SUGGESTED:][at]) for at in (0, -1)))


def parse_range(text: str, interface: Interface) -> AddressRange:
    """Read `FIRST,LAST`; raises EdgeLinuxError when they are not addresses of the interface's network."""
    hint = f"such as {suggest_range(interface)}"
    try:
        first, last = (IPv4Address(word.strip()) for word in text.split(","))
    except (AddressValueError, ValueError) as error:
        raise EdgeLinuxError(f"--range {text} is not FIRST,LAST", hint=hint, exit_code=_USAGE) from error
    network = interface.network
    for end in (first, last):
        if end not in network or end in (network.network_address, network.broadcast_address):
            raise EdgeLinuxError(
                f"--range {text}: {end} is no machine's address in {interface.name}'s network {network}",
                hint=hint,
                exit_code=_USAGE,
            )
    if last < first:
        raise EdgeLinuxError(f"--range {text} ends before it begins", hint=hint, exit_code=_USAGE)
    return AddressRange(first, last)
