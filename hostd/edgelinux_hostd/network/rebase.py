"""Giving the antlets' network another base IP: what stands against it, and what is done in which order."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass

from edgelinux_hostd.antlets.numbers import NETWORK, check_base_ip, subnet
from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.network.check import on_network
from edgelinux_hostd.run import run
from edgelinux_hostd.runtime.base import State

__all__ = ["SETTING", "Rebase", "check_free", "plan", "taken"]

# hostd's settings keep it under this key; absent it is numbers.DEFAULT_BASE_IP.
SETTING = "base_ip"


@dataclass(frozen=True)
class Rebase:
    """Antlets to stop, then the new base IP, then antlets to start: the same, the other way round."""

    base_ip: str
    stop: tuple[str, ...]
    start: tuple[str, ...]


def plan(antlets: Sequence[Antlet], old: str, new: str, *, restart: bool) -> Rebase:
    """Plan the change; raises InvalidError for a bad base IP, RefusedError while antlets on the network run.

    Antlets whose specification cannot be read count as on the network.
    """
    check_base_ip(new)
    if new == old:
        return Rebase(new, (), ())
    running = [
        antlet
        for antlet in antlets
        if antlet.state in {State.RUNNING, State.PAUSED} and (not antlet.spec or on_network(antlet.spec.nics))
    ]
    # As they are started at boot, lowest order first, and stopped at shutdown, the other way round.
    running.sort(key=lambda antlet: (antlet.spec.order if antlet.spec else 999, antlet.name))
    names = tuple(antlet.name for antlet in running)
    if names and not restart:
        raise RefusedError(
            f"antlets on {NETWORK} run: {', '.join(names)}",
            hint="stop them, or have them restarted with --restart",
            items=names,
        )
    return Rebase(new, names[::-1], names)


def taken(ip_json: str) -> dict[str, str]:
    """Read which networks the host's devices are in, but the antlets' own, from `ip --json -4 address`."""
    return {
        str(ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}").network): device["ifname"]
        for device in json.loads(ip_json)
        if device["ifname"] != NETWORK
        for address in device.get("addr_info", ())
    }


def check_free(base_ip: str, networks: dict[str, str] | None = None) -> None:
    """Check that the host is not in the antlets' network by another device; raises RefusedError.

    What `taken` reads is read from the host when it is None.
    """
    if networks is None:
        networks = taken(run(["ip", "--json", "-4", "address"]).stdout)
    wanted = ipaddress.ip_network(subnet(base_ip))
    for network, device in sorted(networks.items()):
        if wanted.overlaps(ipaddress.ip_network(network)):
            raise RefusedError(
                f"{wanted} is not free: {device} is in {network}",
                hint="give the antlets' network another base IP",
                items=(device,),
            )
