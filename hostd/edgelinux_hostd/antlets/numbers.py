"""An antlet's number, and what follows from it: MAC, address, host names, the name of the host's port.

Antlet N (10 to 254) has MAC b2:61:6e:73:6c:<N in hex> and the address <base IP>N. Further network cards of
the same antlet have the MAC b2:61:6e:73:<6c + card>:<N>.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache

from edgelinux_hostd.errors import InvalidError, RefusedError

__all__ = [
    "DEFAULT_BASE_IP",
    "FIRST",
    "LAST",
    "NETWORK",
    "address",
    "check_base_ip",
    "check_number",
    "gateway",
    "host_name",
    "iphex",
    "mac",
    "next_free",
    "number_of_mac",
    "port",
    "subnet",
]

FIRST = 10
LAST = 254
DEFAULT_BASE_IP = "10.1.1."

# The antlets' network: a libvirt network, a bridge and a DNS domain of this name.
NETWORK = "bblv"

_MAC_PREFIX = "b2:61:6e:73"
_FIRST_CARD = 0x6C
_CARDS = 0x100 - _FIRST_CARD


def check_number(number: int) -> int:
    """Return an antlet's number; raises InvalidError."""
    if not FIRST <= number <= LAST:
        raise InvalidError(f"antlet number {number} is out of range", hint=f"{FIRST} to {LAST}")
    return number


def next_free(used: Collection[int]) -> int:
    """Give the lowest free number; raises RefusedError when all are taken."""
    for number in range(FIRST, LAST + 1):
        if number not in used:
            return number
    raise RefusedError(f"all antlet numbers from {FIRST} to {LAST} are taken", hint="delete an antlet")


def iphex(number: int) -> str:
    """Give a number as the two hexadecimal digits that end its MAC (`iphex` in templates)."""
    return f"{check_number(number):02x}"


def mac(number: int, card: int = 0) -> str:
    """Give the MAC of an antlet's network card, counted from 0; raises InvalidError."""
    if not 0 <= card < _CARDS:
        raise InvalidError(f"network card {card} is one too many", hint=f"at most {_CARDS}")
    return f"{_MAC_PREFIX}:{_FIRST_CARD + card:02x}:{iphex(number)}"


def number_of_mac(text: str) -> int | None:
    """Give the number of the antlet that has this MAC as its first card's, or None."""
    match = re.fullmatch(rf"{_MAC_PREFIX}:{_FIRST_CARD:02x}:([0-9a-f]{{2}})", text.lower())
    number = int(match[1], 16) if match else 0
    return number if FIRST <= number <= LAST else None


@lru_cache(maxsize=16)
def check_base_ip(text: str) -> str:
    """Return a base IP like "10.1.1.": three octets of a private network and a dot (RFC 1918).

    Raises InvalidError.
    """
    try:
        found = ipaddress.IPv4Address(f"{text}0")
    except ValueError:
        found = None
    if found is None or not text.endswith(".") or not found.is_private or found.is_loopback:
        raise InvalidError(
            f"{text!r} is not a base IP", hint="three octets of a private network, like 10.1.1."
        )
    return text


def address(base_ip: str, number: int) -> str:
    """Give an antlet's IPv4 address."""
    return f"{check_base_ip(base_ip)}{check_number(number)}"


def gateway(base_ip: str) -> str:
    """Give the host's own address on the antlets' network."""
    return f"{check_base_ip(base_ip)}1"


def subnet(base_ip: str) -> str:
    """Give the antlets' network as CIDR ("10.1.1.0/24")."""
    return f"{check_base_ip(base_ip)}0/24"


def host_name(number: int) -> str:
    """Give the host name that follows from a number ("antlet25")."""
    return f"antlet{check_number(number)}"


def port(number: int, card: int = 0) -> str:
    """Name the host's end of an antlet's network card: "antlet25", further ones "antlet25-1" (15 at most)."""
    return host_name(number) if card == 0 else f"{host_name(number)}-{card}"
