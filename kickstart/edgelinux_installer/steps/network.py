"""Writes the network profiles, for NetworkManager's keyfile plugin (nm-settings-keyfile(5))."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping, Sequence

from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.interfaces import Interface
from edgelinux_installer.kickstart import Network

__all__ = ["STEP", "configure", "profiles"]

_DIRECTORY = "etc/NetworkManager/system-connections"

Group = tuple[str, dict[str, str]]


def configure(ctx: Context) -> None:
    """Write one profile for each interface; NetworkManager reads none that others can read."""
    for name, text in profiles(ctx.plan.networks).items():
        write(ctx.target / _DIRECTORY / f"{name}.nmconnection", text, 0o600)


def profiles(interfaces: Sequence[Interface]) -> dict[str, str]:
    """Give the profile of each interface, by its name.

    Cards are recognized by their permanent MAC address, never by name: a disk or card that goes missing can
    change the names of the others. For the same reason ports and VLANs name what they belong to by UUID.
    """
    uuids = {interface.name: str(uuid.uuid4()) for interface in interfaces}
    kinds = {interface.name: interface.kind for interface in interfaces}
    return {
        interface.name: _keyfile(
            [
                ("connection", _connection(interface, uuids, kinds)),
                *_device(interface, uuids),
                *_addresses(interface),
            ]
        )
        for interface in interfaces
    }


def _connection(interface: Interface, uuids: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, str]:
    settings = {
        "id": interface.name,
        "uuid": uuids[interface.name],
        "type": interface.kind,
        "autoconnect": "true" if interface.onboot else "false",
    }
    if interface.kind != "ethernet":
        settings["interface-name"] = interface.name
    if interface.controller:
        settings |= {"controller": uuids[interface.controller], "port-type": kinds[interface.controller]}
    return settings


def _device(interface: Interface, uuids: Mapping[str, str]) -> list[Group]:
    """Give the settings of the kind of device, and those that all share (`ethernet`)."""
    own = dict(interface.options)
    ethernet = {"mtu": str(interface.mtu)} if interface.mtu else {}
    mac = {"mac-address": interface.nic.mac} if interface.nic else {}
    if interface.kind == "ethernet":
        return [("ethernet", mac | ethernet)]
    if interface.kind == "bridge":
        # It takes the card's address, so that DHCP servers know the host by what is printed on it.
        return [("bridge", own | mac), ("ethernet", ethernet)]
    if interface.kind == "vlan":
        own = {"id": str(interface.vlan), "parent": uuids[interface.parent]}
    return [(interface.kind, own), ("ethernet", ethernet)]


def _addresses(interface: Interface) -> list[Group]:
    if interface.controller:
        return []
    if interface.network is None:
        return [("ipv4", {"method": "disabled"}), ("ipv6", {"method": "disabled"})]
    return [("ipv4", _ipv4(interface.network)), ("ipv6", _ipv6(interface.network))]


def _ipv4(network: Network) -> dict[str, str]:
    if network.ipv4 == "disabled":
        return {"method": "disabled"}
    settings = {"method": "auto"}
    if network.ipv4 == "static":
        address = ipaddress.IPv4Interface(f"{network.ip}/{network.netmask}")
        settings = {"method": "manual", "address1": address.with_prefixlen}
        if network.gateway:
            settings["gateway"] = network.gateway
    if network.dhcp_class:
        settings["dhcp-vendor-class-identifier"] = network.dhcp_class
    dns = [server for server in network.nameservers if ":" not in server]
    return settings | _shared(network, dns, network.ipv4_search, own_dns=network.ipv4_own_dns)


def _ipv6(network: Network) -> dict[str, str]:
    if network.ipv6 in ("disabled", "ignore"):
        return {"method": network.ipv6}
    settings = {"method": network.ipv6}
    if ":" in network.ipv6:
        settings = {"method": "manual", "address1": network.ipv6}
        if network.ipv6_gateway:
            settings["gateway"] = network.ipv6_gateway
    dns = [server for server in network.nameservers if ":" in server]
    return settings | _shared(network, dns, network.ipv6_search, own_dns=network.ipv6_own_dns)


def _shared(network: Network, dns: Sequence[str], search: Sequence[str], *, own_dns: bool) -> dict[str, str]:
    """Give the settings that IPv4 and IPv6 have alike."""
    settings = {}
    if dns:
        settings["dns"] = "".join(f"{server};" for server in dns)
    if search:
        settings["dns-search"] = "".join(f"{domain};" for domain in search)
    if own_dns:
        settings["ignore-auto-dns"] = "true"
    if not network.default_route:
        settings["never-default"] = "true"
    return settings


def _keyfile(groups: Sequence[Group]) -> str:
    parts = ["# Written by the edgeLinux installer.\n"]
    for name, settings in groups:
        if settings:
            parts.append(f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in settings.items()))
    return "\n".join(parts)


STEP = Step("Configuring the network", 1, configure)
