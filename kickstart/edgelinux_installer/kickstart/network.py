"""The `network` lines of a kickstart."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from edgelinux_installer.kickstart.include import Expanded
from edgelinux_installer.kickstart.model import Network
from edgelinux_installer.kickstart.netoptions import bond_options, bridge_options

__all__ = ["hostname", "networks"]

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
# Linux allows 15 characters.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_MAC = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")

Refuse = Callable[..., Exception]


def hostname(lines: Sequence[Any], source: Expanded) -> str:
    """Give the host name that the lines set, or ""."""
    names = {data.hostname: data.lineno for data in lines if data.hostname}
    if len(names) > 1:
        raise source.error(max(names.values()), f"two host names: {', '.join(names)}")
    for name, line in names.items():
        if not _HOSTNAME.fullmatch(name) or len(name) > 64:
            raise source.error(line, f"{name!r} is not a host name")
        return str(name)
    return ""


def networks(lines: Sequence[Any], source: Expanded) -> tuple[Network, ...]:
    """Give the devices that the lines configure; a line with nothing but a host name configures none."""
    found = tuple(_network(data, source) for data in lines if _configures(data))
    owners: dict[tuple[str, int], Network] = {}
    for network in found:
        # A device and the VLANs on it have a line each.
        key = (network.device, 0 if network.ports or network.bond_ports else network.vlan)
        if key in owners:
            first = source.name(owners[key].line, network.line)
            raise source.error(
                network.line, f"device {network.device} is configured twice (first on {first})"
            )
        owners[key] = network
    _check_ports(found, source)
    links = [network for network in found if "link" in (network.device, *network.ports, *network.bond_ports)]
    if len(found) > 1 and links:
        raise source.error(
            links[0].line, "`link` leaves open which NIC it is", "name each device when there are several"
        )
    return found


def _check_ports(found: Sequence[Network], source: Expanded) -> None:
    """A port belongs to one device, and has no address of its own."""
    virtual = {network.device for network in found if network.ports or network.bond_ports}
    cards: dict[str, Network] = {network.device: network for network in found if not network.vlan} | {
        network.vlan_name or f"{network.device}.{network.vlan}": network for network in found if network.vlan
    }
    taken: dict[str, int] = {}
    for network in found:
        for port in (*network.ports, *network.bond_ports):
            first = taken.setdefault(port, network.line)
            if first != network.line or (*network.ports, *network.bond_ports).count(port) > 1:
                raise source.error(
                    network.line,
                    f"device {port} is configured twice (first on {source.name(first, network.line)})",
                )
            own = cards.get(port)
            if own and (own.ipv4 == "static" or ":" in own.ipv6):
                raise source.error(
                    own.line,
                    f"{port} is part of {network.device}, and cannot have an address of its own",
                    f"give the address to {network.device}",
                )
            if own and port not in virtual and not own.vlan:
                before, after = sorted((own.line, network.line))
                first_line = source.name(before, after)
                raise source.error(after, f"device {port} is configured twice (first on {first_line})")


def _configures(data: Any) -> bool:
    return bool(
        data.device
        or data.ip
        or data.netmask
        or data.gateway
        or data.bridgeslaves
        or data.bondslaves
        or data.vlanid
        or data.ipv6
        or data.noipv4
        or data.bootProto != "dhcp"
        or not data.hostname
    )


def _network(data: Any, source: Expanded) -> Network:
    def refuse(message: str, hint: str = "") -> Exception:
        return source.error(data.lineno, message, hint)

    device = _device(data.device or "link", refuse)
    ports = tuple(_device(port, refuse) for port in data.bridgeslaves.split(",") if port)
    bond_ports = tuple(_device(port, refuse) for port in data.bondslaves.split(",") if port)
    _check_virtual(data, device, ports, bond_ports, refuse)
    ipv4 = _ipv4(data, refuse)
    ipv6 = _ipv6(data, refuse)
    return Network(
        device=device,
        ports=ports,
        bridge_options=bridge_options(data.bridgeopts or "", refuse) if ports else (),
        bond_ports=bond_ports,
        bond_options=bond_options(data.bondopts or "", refuse),
        vlan=_number(data.vlanid, "--vlanid", 1, 4094, refuse),
        vlan_name=data.interfacename,
        ipv4=ipv4,
        ip=data.ip if ipv4 == "static" else "",
        netmask=data.netmask,
        gateway=data.gateway,
        dhcp_class=_plain(data.dhcpclass, "--dhcpclass", refuse),
        ipv6=ipv6,
        ipv6_gateway=_ipv6_gateway(data.ipv6gateway, ipv6, refuse),
        nameservers=_nameservers(data.nameserver, refuse),
        ipv4_search=_domains(data.ipv4_dns_search, refuse),
        ipv6_search=_domains(data.ipv6_dns_search, refuse),
        ipv4_own_dns=bool(data.nodns or data.ipv4_ignore_auto_dns),
        ipv6_own_dns=bool(data.nodns or data.ipv6_ignore_auto_dns),
        default_route=not data.nodefroute,
        # IPv4 needs 68 bytes (RFC 791), and no Ethernet carries more than 65535.
        mtu=_number(data.mtu, "--mtu", 68, 65535, refuse),
        onboot=data.onboot is not False,
        line=data.lineno,
    )


def _device(name: str, refuse: Refuse) -> str:
    if name == "ibft":
        raise refuse("network --device=ibft is not supported", "link, bootif, or a MAC address")
    if _MAC.fullmatch(name):
        return name.lower()
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise refuse(f"{name!r} is not a network device", "a name, a MAC address, link, or bootif")
    return name


def _check_virtual(
    data: Any, device: str, ports: tuple[str, ...], bond_ports: tuple[str, ...], refuse: Refuse
) -> None:
    kind = "bridge" if ports else "bond" if bond_ports else ""
    if ports and bond_ports:
        raise refuse("one line makes a bridge or a bond, not both", "a line for each of them")
    if ports and data.vlanid:
        raise refuse("one line makes a bridge or a VLAN, not both", "a line for each of them")
    if kind and (device in ("link", "bootif") or ":" in device):
        raise refuse(f"a {kind} needs a name", "--device=br0" if ports else "--device=bond0")
    if device in (*ports, *bond_ports):
        raise refuse(f"{device} cannot be a port of itself")
    if data.bondopts and not bond_ports:
        raise refuse("network --bondopts needs --bondslaves")
    if data.interfacename and not data.vlanid:
        raise refuse("network --interfacename needs --vlanid", "--device names all other devices")
    if data.interfacename and not _NAME.fullmatch(data.interfacename):
        raise refuse(f"{data.interfacename!r} is not a network device", "at most 15 letters and digits")


def _ipv4(data: Any, refuse: Refuse) -> Literal["dhcp", "static", "disabled"]:
    given = bool(data.ip or data.netmask or data.gateway)
    if data.noipv4:
        if given:
            raise refuse("an IPv4 address is given, and --noipv4", "leave one of them out")
        return "disabled"
    if data.bootProto not in ("dhcp", "static"):
        raise refuse(f"network --bootproto={data.bootProto} is not supported", "dhcp or static")
    if data.bootProto == "dhcp":
        if given:
            raise refuse("an address is given, but --bootproto is dhcp", "add --bootproto=static")
        return "dhcp"
    if not given and data.ipv6 and data.ipv6 not in ("auto", "dhcp", "ignore"):
        return "disabled"
    _check_static(data, refuse)
    return "static"


def _check_static(data: Any, refuse: Refuse) -> None:
    if not data.ip or not data.netmask:
        raise refuse("network --bootproto=static needs --ip and --netmask")
    _address(data.ip, "--ip", refuse)
    try:
        # A number alone would be read as the length of a prefix.
        if "." not in data.netmask:
            raise ValueError
        subnet = ipaddress.IPv4Interface(f"{data.ip}/{data.netmask}").network
    except ValueError:
        raise refuse(f"network --netmask={data.netmask} is not a netmask", "255.255.255.0") from None
    if data.gateway:
        _address(data.gateway, "--gateway", refuse)
        if ipaddress.IPv4Address(data.gateway) not in subnet:
            raise refuse(f"the gateway {data.gateway} is not in the subnet {subnet}")


def _ipv6(data: Any, refuse: Refuse) -> str:
    if data.noipv6:
        if data.ipv6 or data.ipv6gateway:
            raise refuse("an IPv6 address is given, and --noipv6", "leave one of them out")
        return "disabled"
    given = str(data.ipv6 or "auto")
    if given in ("auto", "dhcp", "ignore"):
        return given
    try:
        return ipaddress.IPv6Interface(given if "/" in given else f"{given}/64").with_prefixlen
    except ValueError:
        raise refuse(
            f"network --ipv6={given} is not an IPv6 address", "2001:db8::10/64, auto, dhcp or ignore"
        ) from None


def _ipv6_gateway(gateway: str, ipv6: str, refuse: Refuse) -> str:
    if not gateway:
        return ""
    if ":" not in ipv6:
        raise refuse("network --ipv6gateway needs an address", "--ipv6=2001:db8::10/64")
    try:
        return str(ipaddress.IPv6Address(gateway))
    except ValueError:
        raise refuse(f"network --ipv6gateway={gateway} is not an IPv6 address") from None


def _nameservers(text: str, refuse: Refuse) -> tuple[str, ...]:
    servers = tuple(word.strip() for word in (text or "").split(",") if word.strip())
    for server in servers:
        try:
            ipaddress.ip_address(server)
        except ValueError:
            raise refuse(f"network --nameserver={server} is not an IP address") from None
    return servers


def _domains(text: str | None, refuse: Refuse) -> tuple[str, ...]:
    domains = tuple(word.strip().rstrip(".") for word in (text or "").split(",") if word.strip())
    for domain in domains:
        if not _HOSTNAME.fullmatch(domain):
            raise refuse(f"{domain!r} is not a search domain", "a.example,b.example")
    return domains


def _address(text: str, option: str, refuse: Refuse) -> None:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise refuse(f"network {option}={text} is not an IP address") from None


def _number(text: str, option: str, least: int, most: int, refuse: Refuse) -> int:
    if not text:
        return 0
    if not (str(text).isascii() and str(text).isdigit() and least <= int(text) <= most):
        raise refuse(f"network {option}={text} is not a number from {least} to {most}")
    return int(text)


def _plain(text: str, option: str, refuse: Refuse) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:/+-]*", text or ""):
        raise refuse(f"network {option}={text!r} is not one plain word")
    return text or ""
