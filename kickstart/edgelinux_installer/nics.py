"""The machine's network cards, by the address that is burnt into them."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

__all__ = ["Nic", "parse_ip_link", "pick", "record_nics"]

_SYS = Path("/sys/class/net")

# Negotiating a link takes copper Ethernet up to about three seconds (IEEE 802.3, clause 28).
_CARRIER_SECONDS = 4.0


@dataclass(frozen=True)
class Nic:
    """A network card: its name now, its permanent MAC address, and whether a cable with a signal is in it.

    `booted`: this is the card that the machine was started over the network with.
    """

    name: str
    mac: str
    carrier: bool
    booted: bool = False


def record_nics() -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Give what `ip -json link` says, and the names in it that are cards.

    When there are several cards, all are switched on for a moment to see which has a link.
    """
    physical = tuple(sorted(path.name for path in _SYS.glob("*") if (path / "device").exists()))
    text = _ip_link()
    nics = parse_ip_link(text, physical)
    if len(nics) > 1 and not any(nic.carrier for nic in nics):
        for nic in nics:
            run(["ip", "link", "set", nic.name, "up"], check=False)
        end = time.monotonic() + _CARRIER_SECONDS
        while not any(nic.carrier for nic in parse_ip_link(text, physical)) and time.monotonic() < end:
            time.sleep(0.2)
            text = _ip_link()
    return json.loads(text), physical


def _ip_link() -> str:
    return run(["ip", "-json", "link", "show"]).stdout


def parse_ip_link(text: str, physical: Collection[str], bootif: str = "") -> tuple[Nic, ...]:
    """Read `ip -json link show` (ip-link(8)), keeping Ethernet devices that are hardware.

    `bootif` is the MAC address of the card that was booted with, "" if that is not known.
    """
    try:
        links = json.loads(text)
    except ValueError as error:
        raise EdgeLinuxError("cannot read the list of network devices that ip gave") from error
    return tuple(
        # permaddr is shown only where the address in use is another one.
        Nic(
            link["ifname"],
            link.get("permaddr", link["address"]).lower(),
            "LOWER_UP" in link["flags"],
            booted=bootif in (link.get("permaddr", "").lower(), link["address"].lower()) and bootif != "",
        )
        for link in links
        if link["ifname"] in physical and link.get("link_type") == "ether"
    )


def pick(device: str, nics: Sequence[Nic]) -> Nic | None:
    """Find the card that a kickstart's device means: a name, a MAC address, `link` or `bootif`.

    `link` is the first card with a carrier, or else the first one; `bootif` the one that was booted with.
    None: there is no such card.
    """
    if device == "link":
        return next((nic for nic in nics if nic.carrier), nics[0] if nics else None)
    if device == "bootif":
        return next((nic for nic in nics if nic.booted), None)
    return next((nic for nic in nics if device in (nic.name, nic.mac)), None)
