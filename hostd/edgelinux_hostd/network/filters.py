"""What an antlet may send: the nftables table `bridge edgelinux`, on the antlets' ports (nft(8)).

An antlet's port is named after its number, its MAC and address follow from it. So the table holds all antlets
there can be, is constant for a base IP, and nothing is added or removed when one starts or stops; only
network cards with a MAC of their own are named to it.

On bblv an antlet sends IPv4 and ARP with its own MAC and address and nothing else: no IPv6 (the network has
none, so no router advertisements), no VLAN tags, no other protocol. It may ask DHCP for itself and answer
nobody. On other bridges it has its own MAC, no VLAN tags, and any address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edgelinux_hostd.antlets.numbers import (
    FIRST,
    LAST,
    NETWORK,
    address,
    mac,
    port,
)
from edgelinux_hostd.antlets.spec import Nic
from edgelinux_hostd.labels import label_rules
from edgelinux_hostd.run import run
from edgelinux_hostd.whole import write_whole

__all__ = ["PATH", "TABLE", "Card", "cards", "ensure", "loaded", "present", "render"]

TABLE = "bridge edgelinux"

# Loaded by edgelinux-antlet-filter.service when the host boots, before anything can start an antlet.
PATH = Path("/var/lib/edgelinux/antlet-filter.nft")

# As many cards of each antlet are known by the MAC that follows from their place.
_CARDS = 4


@dataclass(frozen=True)
class Card:
    """A network card whose MAC does not follow from its place: the host's port, and the MAC."""

    port: str
    mac: str


def cards(number: int, nics: Sequence[Nic]) -> tuple[Card, ...]:
    """Name the cards of an antlet that the table must be told about; most antlets have none."""
    return tuple(
        Card(port(number, place), nic.mac or mac(number, place))
        for place, nic in enumerate(nics)
        if place >= _CARDS or (nic.mac or mac(number, place)) != mac(number, place)
    )


_CHAINS = f"""\
    chain prerouting {{
        type filter hook prerouting priority dstnat; policy accept;
        meta ibrname "{NETWORK}" goto on_network
        iifname "antlet*" goto on_bridge
    }}
    # Every port of the network, so that nothing else can be plugged in beside the antlets. The type is read
    # from the frame, where a VLAN tag comes first.
    chain on_network {{
        iifname . ether saddr != @cards drop
        ether type vmap {{ ip : goto ipv4, arp : goto arps }}
        drop
    }}
    # A client asks for itself, before it has an address and after: the MAC is also in the DHCP message, where
    # a fragment could hide it.
    chain ipv4 {{
        udp sport 67 drop
        udp dport 67 goto dhcp
        iifname . ether saddr . ip saddr @antlets accept
        drop
    }}
    chain dhcp {{
        ip frag-off & 0x3fff != 0 drop
        iifname . @th,288,48 != @clients drop
        udp sport 68 ip saddr 0.0.0.0 accept
        iifname . ether saddr . ip saddr @antlets accept
        drop
    }}
    # Sender 0.0.0.0 is how a client asks whether its address is free (RFC 5227).
    chain arps {{
        arp htype != 1 drop
        arp ptype != ip drop
        arp hlen != 6 drop
        arp plen != 4 drop
        iifname . arp saddr ether . arp saddr ip @antlets accept
        arp operation request arp saddr ip 0.0.0.0 iifname . arp saddr ether @cards accept
        drop
    }}
    chain on_bridge {{
        ether type {{ 8021q, 8021ad }} drop
        iifname . ether saddr != @cards drop
        ether type arp iifname . arp saddr ether != @cards drop
    }}
"""


def render(base_ip: str, custom: Iterable[Card] = ()) -> str:
    """Render the file that replaces the table; `custom` is what `cards` names, of all antlets there are."""
    return _render(base_ip, tuple(custom))


# The same again for each antlet that comes or goes, but for those with cards of their own.
@lru_cache(maxsize=2)
def _render(base_ip: str, custom: tuple[Card, ...]) -> str:
    numbers = range(FIRST, LAST + 1)
    macs = {port(number, place): mac(number, place) for number in numbers for place in range(_CARDS)}
    macs.update({card.port: card.mac for card in sorted(custom, key=lambda card: card.port)})
    antlets = [f'"{port(number)}" . {mac(number)} . {address(base_ip, number)}' for number in numbers]
    # A stretch of the packet has no type but integer.
    clients = [f'"{port(number)}" . 0x{mac(number).replace(":", "")}' for number in numbers]
    body = (
        _set("cards", "iifname . ether saddr", [f'"{name}" . {value}' for name, value in macs.items()])
        + _set("antlets", "iifname . ether saddr . ip saddr", antlets)
        + _set("clients", "iifname . @th,288,48", clients)
        + _CHAINS
    )
    return (
        "#!/usr/sbin/nft -f\n"
        "# Written by edgeLinux; loaded by edgelinux-antlet-filter.service before antlets start.\n"
        # Declared first, so that there is always one to delete; all in one transaction.
        f"table {TABLE}\ndelete table {TABLE}\n"
        f"table {TABLE} {{\n"
        f'    comment "{_mark(body)}"\n'
        f"{body}"
        "}\n"
    )


def _set(name: str, kind: str, elements: Sequence[str]) -> str:
    lines = "".join(f"            {element},\n" for element in elements)
    return f"    set {name} {{\n        typeof {kind}\n        elements = {{\n{lines}        }}\n    }}\n"


def _mark(body: str) -> str:
    # Tells whether a table in the kernel is this one without reading a thousand elements back.
    return f"edgeLinux {hashlib.sha256(body.encode()).hexdigest()[:16]}"


def loaded(text: str) -> bool:
    """Say whether the kernel has the table that `render` gave."""
    mark = next((line.strip() for line in text.splitlines() if line.strip().startswith("comment ")), "")
    done = run(["nft", "--terse", "list", "table", *TABLE.split()], check=False)
    return done.returncode == 0 and bool(mark) and mark in done.stdout


def present() -> bool:
    """Say whether the kernel has a table of this name, whatever is in it."""
    return run(["nft", "--terse", "list", "table", *TABLE.split()], check=False).returncode == 0


def ensure(base_ip: str, custom: Iterable[Card] = (), path: Path = PATH) -> bool:
    """Have the table in the kernel, and in the file for the next boot; true when it was not there before.

    Must come before the network and before an antlet with a MAC of its own starts. Raises EdgeLinuxError.
    """
    text = render(base_ip, custom)
    missing = not loaded(text)
    if missing:
        # Loaded before it is written: what the kernel refuses must not wait in the file for the next boot.
        run(["nft", "-f", "-"], stdin=text)
    write_whole(path, text, 0o600)
    label_rules(path)
    return missing
