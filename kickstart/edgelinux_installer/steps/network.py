"""Writes the network profiles, for NetworkManager's keyfile plugin (nm-settings-keyfile(5))."""

from __future__ import annotations

import ipaddress
import uuid

from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.kickstart import Network
from edgelinux_installer.plan import NetworkPlan

__all__ = ["STEP", "configure", "profiles"]

_DIRECTORY = "etc/NetworkManager/system-connections"


def configure(ctx: Context) -> None:
    """Write one profile for each device; NetworkManager reads none that others can read."""
    for net in ctx.plan.networks:
        for name, text in profiles(net).items():
            write(ctx.target / _DIRECTORY / f"{name}.nmconnection", text, 0o600)


def profiles(net: NetworkPlan) -> dict[str, str]:
    """Give the profiles that a `network` line becomes: the device, and for a bridge its port.

    Cards are recognized by their permanent MAC address, never by name: a disk or card that goes missing can
    change the names of the others.
    """
    network = net.network
    addresses = [*_ipv4(network), *_ipv6(network)]
    if not network.ports:
        match = {"mac-address": net.nic.mac} if net.nic else {}
        return {
            network.device: _keyfile(
                [
                    ("connection", _connection(network.device, "ethernet", network.onboot)),
                    ("ethernet", match),
                    *addresses,
                ]
            )
        }
    bridge = _connection(network.device, "bridge", network.onboot)
    bridge["interface-name"] = network.device
    # The bridge takes the card's address, so that DHCP servers know the host by what is printed on it.
    settings = {"stp": "true" if network.stp else "false"}
    if net.nic:
        settings["mac-address"] = net.nic.mac
    found = {network.device: _keyfile([("connection", bridge), ("bridge", settings), *addresses])}
    if net.nic:
        port = _connection(f"{network.device}-port", "ethernet", network.onboot)
        port |= {"controller": bridge["uuid"], "port-type": "bridge"}
        found[f"{network.device}-port"] = _keyfile(
            [("connection", port), ("ethernet", {"mac-address": net.nic.mac})]
        )
    return found


def _connection(name: str, kind: str, onboot: bool) -> dict[str, str]:
    return {
        "id": name,
        "uuid": str(uuid.uuid4()),
        "type": kind,
        "autoconnect": "true" if onboot else "false",
    }


def _ipv4(network: Network) -> list[tuple[str, dict[str, str]]]:
    dns = [server for server in network.nameservers if ":" not in server]
    settings = {"method": "auto"}
    if network.bootproto == "static":
        address = ipaddress.IPv4Interface(f"{network.ip}/{network.netmask}")
        settings = {"method": "manual", "address1": address.with_prefixlen}
        if network.gateway:
            settings["gateway"] = network.gateway
    if dns:
        settings["dns"] = "".join(f"{server};" for server in dns)
    return [("ipv4", settings)]


def _ipv6(network: Network) -> list[tuple[str, dict[str, str]]]:
    dns = [server for server in network.nameservers if ":" in server]
    settings = {"method": "auto" if network.ipv6 else "disabled"}
    if dns and network.ipv6:
        settings["dns"] = "".join(f"{server};" for server in dns)
    return [("ipv6", settings)]


def _keyfile(groups: list[tuple[str, dict[str, str]]]) -> str:
    parts = ["# Written by the edgeLinux installer.\n"]
    for name, settings in groups:
        if settings:
            parts.append(f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in settings.items()))
    return "\n".join(parts)


STEP = Step("Configuring the network", 1, configure)
