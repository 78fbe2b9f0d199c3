"""Which machine this is: the addresses of its network cards, and the serial number and UUID of its firmware.

Files that are meant for one machine are named by a key: `uuid-<UUID>`, `serial-<SERIAL>`, a MAC address with
hyphens (`aa-bb-cc-dd-ee-ff`), or `default` for every other machine.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "DEFAULT_KEY",
    "Identity",
    "normalise_mac",
    "normalise_serial",
    "normalise_uuid",
    "parse_key",
    "this_machine",
]

DEFAULT_KEY = "default"

_ETHERNET = "1"  # ARPHRD_ETHER in linux/if_arp.h
_NO_MAC = {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"}

# What makers leave in the place of a serial number.
_NO_SERIAL = {
    "",
    "0",
    "default string",
    "empty",
    "n/a",
    "none",
    "not applicable",
    "not available",
    "not specified",
    "oem",
    "serial number",
    "system serial number",
    "to be filled by o.e.m.",
    "unknown",
}

# All zeros and all ones mean "none" (SMBIOS 3.7, 7.2.1); the third one is on many boards alike.
_NO_UUID = {
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
}


@dataclass(frozen=True)
class Identity:
    """A machine, as it can be told from others; "" and no MACs where nothing is known.

    MACs are in lower case with colons, in the order of the cards' names; the UUID is in lower case.
    """

    macs: tuple[str, ...] = ()
    serial: str = ""
    uuid: str = ""

    @classmethod
    def of(cls, macs: Iterable[str] = (), serial: str = "", uuid: str = "") -> Identity:
        """Make one of what is said of a machine; what is no MAC, serial number or UUID is left out."""
        known = (normalise_mac(mac) for mac in macs)
        return cls(tuple(dict.fromkeys(filter(None, known))), normalise_serial(serial), normalise_uuid(uuid))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of files that are meant for this machine, the one that counts most first."""
        return (
            *([f"uuid-{self.uuid}"] if self.uuid else []),
            *([f"serial-{_serial_key(self.serial)}"] if self.serial else []),
            *(mac.replace(":", "-") for mac in self.macs),
            DEFAULT_KEY,
        )


def this_machine(sys: Path = Path("/sys")) -> Identity:
    """Say which machine this runs on, from sysfs. Serial number and UUID are readable by root only."""
    cards = sorted((sys / "class/net").glob("*"), key=lambda card: _natural(card.name))
    dmi = sys / "class/dmi/id"
    return Identity.of(
        [_address(card) for card in cards], _text(dmi / "product_serial"), _text(dmi / "product_uuid")
    )


def normalise_mac(text: str) -> str:
    """Write a MAC address in lower case with colons; "" when it is none. Hyphens may stand for colons."""
    mac = text.strip().lower().replace("-", ":")
    return mac if re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac) and mac not in _NO_MAC else ""


def normalise_serial(text: str) -> str:
    """Give a serial number without blanks around it; "" for what makers write when there is none."""
    serial = " ".join(text.split())
    same = len(set(serial)) == 1 and not serial.isalnum()
    return "" if serial.lower() in _NO_SERIAL or same or set(serial) <= {"0"} else serial


def normalise_uuid(text: str) -> str:
    """Write a UUID in lower case; "" when it is none, or one that many machines have."""
    word = text.strip().lower()
    try:
        found = str(uuid.UUID(word))
    except ValueError:
        return ""
    return found if found == word and found not in _NO_UUID else ""


def parse_key(name: str) -> str:
    """Give the key in the one way in which it is written; raises ValueError, saying what is wrong.

    Serial numbers are compared without regard to case, and what cannot stand in every file name (a blank, a
    slash) is a hyphen in the key.
    """
    kind, _, rest = name.strip().partition("-")
    if name.strip().lower() == DEFAULT_KEY:
        return DEFAULT_KEY
    if kind.lower() == "serial":
        serial = normalise_serial(rest)
        if not serial:
            raise ValueError(f"{rest!r} is no serial number: machines that have none carry it")
        return f"serial-{_serial_key(serial)}"
    if kind.lower() == "uuid":
        found = normalise_uuid(rest)
        if not found:
            raise ValueError(f"{rest!r} is no UUID of one machine")
        return f"uuid-{found}"
    mac = normalise_mac(name)
    if not mac:
        raise ValueError(f"{name!r} names no machine")
    return mac.replace(":", "-")


def _serial_key(serial: str) -> str:
    return re.sub(r"[^a-z0-9._+-]", "-", serial.lower())


def _address(card: Path) -> str:
    """Give a card's own address; "" for what is no Ethernet card."""
    if not (card / "device").exists() or _text(card / "type") != _ETHERNET:
        return ""
    # A port of a bond has the bond's address, and its own one there.
    return _text(card / "bonding_slave/perm_hwaddr") or _text(card / "address")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name) if part]
