"""What dnsmasq's log says of machines (pure). Written for dnsmasq 2.90 and 2.91."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Asked", "Event", "Fetched", "Trouble", "parse"]

_DHCP = re.compile(
    r"dnsmasq-dhcp(?:\[\d+\])?: (?:\d+ )?(?P<kind>DHCP[A-Z]+|PXE)\((?P<interface>[^)]+)\) "
    r"(?:(?P<address>\d+(?:\.\d+){3}) )?(?P<mac>[0-9a-f]{2}(?::[0-9a-f]{2}){5})\b ?(?P<rest>.*)"
)
_SENT = re.compile(r"dnsmasq-tftp(?:\[\d+\])?: sent (?P<file>/.*) to (?P<address>\S+)")


@dataclass(frozen=True)
class Asked:
    """A machine asked by DHCP; `address` is the one it was given, or "" as long as it has none from here."""

    mac: str
    address: str = ""


@dataclass(frozen=True)
class Fetched:
    """A machine fetched a file by TFTP; its name is below the root."""

    address: str
    file: str


@dataclass(frozen=True)
class Trouble:
    """Something that keeps a machine from booting."""

    mac: str
    text: str


Event = Asked | Fetched | Trouble


def parse(line: str, tftp_root: str) -> Event | None:
    """Return what a line says, None for the many that say nothing of interest."""
    if match := _DHCP.search(line):
        kind, mac, rest = match["kind"], match["mac"], match["rest"]
        if "no address" in rest:
            return Trouble(mac, "there are no addresses left to give: a larger --range")
        if kind in ("DHCPDISCOVER", "DHCPACK", "PXE"):
            return Asked(mac, (match["address"] or "") if kind == "DHCPACK" else "")
        return None
    if match := _SENT.search(line):
        return Fetched(match["address"], match["file"].removeprefix(f"{tftp_root.rstrip('/')}/"))
    return None
