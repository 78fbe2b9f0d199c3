"""Whether an antlet's network cards can be: asked when it is created or changed, and when it starts."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.antlets.numbers import NETWORK, mac
from edgelinux_hostd.antlets.spec import Nic
from edgelinux_hostd.errors import InvalidError, RefusedError

__all__ = ["bridges", "check_bridges", "check_nics", "on_network"]

_DEVICES = Path("/sys/class/net")


def on_network(nics: Sequence[Nic]) -> bool:
    """Say whether one of the cards is on the antlets' network."""
    return any(nic.type == "network" for nic in nics)


def check_nics(number: int, nics: Sequence[Nic]) -> None:
    """Check the cards of one antlet, as far as that needs no host; raises InvalidError.

    On the antlets' network an antlet has its first card, whose MAC and address follow from its number.
    """
    for place, nic in enumerate(nics):
        where = f"network card {place}"
        if nic.type == "network":
            if nic.source != NETWORK:
                raise InvalidError(f"{where}: there is no network {nic.source!r}", hint=f"it is {NETWORK}")
            if place > 0:
                raise InvalidError(
                    f"{where} cannot be on {NETWORK}", hint="the first card can; others are on a bridge"
                )
            if nic.mac not in {None, mac(number)} or nic.address or nic.gateway:
                raise InvalidError(
                    f"{where}: on {NETWORK} MAC and address follow from the antlet's number",
                    hint="give the antlet another number, or put the card on a bridge",
                )
            continue
        if nic.source == NETWORK:
            raise InvalidError(
                f"{where}: {NETWORK} is a network, not a bridge of the host's", hint="use type network"
            )
        _check_mac(nic, where)
        _check_address(nic, where)
    macs = [nic.mac or mac(number, place) for place, nic in enumerate(nics)]
    if len(set(macs)) < len(macs):
        raise InvalidError("two network cards have the same MAC")


def _check_mac(nic: Nic, where: str) -> None:
    first = int(nic.mac[:2], 16) if nic.mac else 0
    if first & 1 or nic.mac == "00:00:00:00:00:00":
        raise InvalidError(f"{where}: {nic.mac} is not the MAC of one card", hint="like 52:54:00:12:34:56")


def _check_address(nic: Nic, where: str) -> None:
    if nic.address is None:
        if nic.gateway:
            raise InvalidError(
                f"{where}: a gateway without an address", hint="give both, or leave it to DHCP"
            )
        return
    try:
        own = ipaddress.ip_interface(nic.address)
    except ValueError:
        own = None
    if own is None or "/" not in nic.address:
        raise InvalidError(
            f"{where}: {nic.address!r} is not an address with its network", hint="like 192.168.1.40/24"
        )
    if nic.gateway is None:
        return
    try:
        inside = ipaddress.ip_address(nic.gateway) in own.network
    except ValueError:
        inside = False
    if not inside:
        raise InvalidError(f"{where}: the gateway {nic.gateway!r} is not an address in {own.network}")


def bridges(devices: Path = _DEVICES) -> tuple[str, ...]:
    """List the host's own bridges, sorted."""
    return tuple(sorted(entry.name for entry in devices.glob("*") if (entry / "bridge").is_dir()))


def check_bridges(nics: Sequence[Nic], devices: Path = _DEVICES) -> None:
    """Check that the bridges of an antlet's cards are there; raises RefusedError."""
    there = bridges(devices)
    for nic in nics:
        if nic.type == "bridge" and nic.source not in there:
            others = ", ".join(name for name in there if name != NETWORK)
            raise RefusedError(
                f"the host has no bridge {nic.source}",
                hint=f"it has {others}" if others else "make it with `nmcli connection add type bridge`",
                items=(nic.source,),
            )
