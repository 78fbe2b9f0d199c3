"""The `network` lines of a kickstart."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Any

from edgelinux_installer.kickstart.errors import KickstartError
from edgelinux_installer.kickstart.model import Network

__all__ = ["hostname", "networks"]

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
# An interface name, `link` (the first NIC with a carrier) or a MAC address. Linux allows 15 characters.
_DEVICE = re.compile(r"[A-Za-z0-9_.-]{1,15}|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")


def hostname(lines: Sequence[Any], file: str) -> str:
    """Give the host name that the lines set, or ""."""
    names = {data.hostname: data.lineno for data in lines if data.hostname}
    if len(names) > 1:
        raise KickstartError(file, max(names.values()), f"two host names: {', '.join(names)}")
    for name, line in names.items():
        if not _HOSTNAME.fullmatch(name) or len(name) > 64:
            raise KickstartError(file, line, f"{name!r} is not a host name")
        return str(name)
    return ""


def networks(lines: Sequence[Any], file: str) -> tuple[Network, ...]:
    """Give the devices that the lines configure; a line with nothing but a host name configures none."""
    found = tuple(_network(data, file) for data in lines if _configures(data))
    seen: dict[str, int] = {}
    for network in found:
        for device in (network.device, *network.ports):
            if device in seen:
                raise KickstartError(
                    file, network.line, f"device {device} is configured twice (first on line {seen[device]})"
                )
            seen[device] = network.line
    if len(found) > 1 and "link" in seen:
        raise KickstartError(
            file,
            seen["link"],
            "`link` leaves open which NIC it is",
            hint="name each device when there are several",
        )
    return found


def _configures(data: Any) -> bool:
    return bool(
        data.device
        or data.ip
        or data.netmask
        or data.gateway
        or data.bridgeslaves
        or data.bootProto != "dhcp"
        or not data.hostname
    )


def _network(data: Any, file: str) -> Network:
    def refuse(message: str, hint: str = "") -> KickstartError:
        return KickstartError(file, data.lineno, message, hint=hint)

    device = data.device or "link"
    ports = tuple(port for port in data.bridgeslaves.split(",") if port)
    for name in (device, *ports):
        if not _DEVICE.fullmatch(name):
            raise refuse(f"{name!r} is not a network device")
    if len(ports) > 1:
        raise refuse("a bridge over several NICs is not supported", hint="--bridgeslaves=link")
    if ports and device == "link":
        raise refuse("a bridge needs a name", hint="--device=br0")
    if data.bootProto not in ("dhcp", "static"):
        raise refuse(f"network --bootproto={data.bootProto} is not supported", hint="dhcp or static")
    nameservers = tuple(word.strip() for word in (data.nameserver or "").split(",") if word.strip())
    for server in nameservers:
        _address(server, refuse, "--nameserver")
    if data.bootProto == "dhcp" and (data.ip or data.netmask or data.gateway):
        raise refuse("an address is given, but --bootproto is dhcp", hint="add --bootproto=static")
    if data.bootProto == "static":
        _check_static(data, refuse)
    return Network(
        device=device.lower() if ":" in device else device,
        ports=ports,
        stp=_stp(data.bridgeopts, refuse),
        bootproto="static" if data.bootProto == "static" else "dhcp",
        ip=data.ip,
        netmask=data.netmask,
        gateway=data.gateway,
        nameservers=nameservers,
        ipv6=not data.noipv6,
        onboot=data.onboot is not False,
        line=data.lineno,
    )


def _check_static(data: Any, refuse: Any) -> None:
    if not data.ip or not data.netmask:
        raise refuse("network --bootproto=static needs --ip and --netmask")
    _address(data.ip, refuse, "--ip")
    try:
        subnet = ipaddress.IPv4Interface(f"{data.ip}/{data.netmask}").network
    except ValueError:
        raise refuse(f"network --netmask={data.netmask} is not a netmask", hint="255.255.255.0") from None
    if data.gateway:
        _address(data.gateway, refuse, "--gateway")
        if ipaddress.IPv4Address(data.gateway) not in subnet:
            raise refuse(f"the gateway {data.gateway} is not in the subnet {subnet}")


def _address(text: str, refuse: Any, option: str) -> None:
    try:
        if option == "--nameserver":
            ipaddress.ip_address(text)
        else:
            ipaddress.IPv4Address(text)
    except ValueError:
        raise refuse(f"network {option}={text} is not an IP address") from None


def _stp(text: str, refuse: Any) -> bool:
    value = False
    for option in filter(None, (text or "").split(",")):
        key, _, setting = option.partition("=")
        if key != "stp" or setting not in ("yes", "no"):
            raise refuse(f"network --bridgeopts={option} is not supported", hint="stp=yes or stp=no")
        value = setting == "yes"
    return value
