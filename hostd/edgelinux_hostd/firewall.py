"""The host firewall as the text of one nftables table, `inet edgelinux` (nft(8)).

It says what reaches the host, what is routed from and to the antlets' network, and translates addresses.
Nothing in it depends on the network's base IP, so it is complete before hostd runs. That an antlet sends with
its own address only is the business of a second table, `bridge edgelinux` (network/filters.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgelinux_hostd.antlets.numbers import NETWORK
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["OUTGOING", "PATH", "SERVICES", "TABLE", "parse_port", "render"]

TABLE = "inet edgelinux"
PATH = "etc/edgelinux/firewall.nft"

# The chain that translates antlets' addresses.
OUTGOING = "outgoing"

# Names that kickstarts use (`firewall --service=`), as firewalld defines them.
SERVICES: dict[str, tuple[str, ...]] = {
    "cockpit": ("9090/tcp",),
    "dhcp": ("67/udp",),
    "dns": ("53/tcp", "53/udp"),
    "ftp": ("21/tcp",),
    "http": ("80/tcp",),
    "https": ("443/tcp",),
    "iscsi-target": ("3260/tcp",),
    "mdns": ("5353/udp",),
    "nfs": ("2049/tcp",),
    "ntp": ("123/udp",),
    "samba": ("139/tcp", "445/tcp"),
    "smtp": ("25/tcp",),
    "snmp": ("161/tcp", "161/udp"),
    "ssh": ("22/tcp",),
    "tftp": ("69/udp",),
}

# Declaring the table first lets `delete` succeed when there is none; nft applies the whole file as one
# transaction, so there is never a moment without rules.
_REPLACE = f"table {TABLE}\ndelete table {TABLE}\n"

# What a host must accept to work at all: replies, path-MTU and error messages, IPv6 neighbours and routers
# (RFC 4890), and the DHCP answers that connection tracking cannot match to a broadcast request.
_BASICS = """\
        iif "lo" accept
        ct state vmap { established : accept, related : accept, invalid : drop }
        icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
        icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
        icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ip6 hoplimit 255 accept
        icmpv6 type { mld-listener-query, mld-listener-report, mld2-listener-report } ip6 saddr fe80::/10 accept
        udp sport 67 udp dport 68 accept
        ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
"""  # noqa: E501

# What an antlet may ask of its host by itself: an address and names. The rest is as closed as for others.
_FROM_ANTLETS = f"""\
        iifname "{NETWORK}" udp sport 68 udp dport 67 accept
        iifname "{NETWORK}" meta l4proto {{ tcp, udp }} th dport 53 accept
"""

# The same with a disabled firewall, which is about the host's own ports. Only a packet from the antlets'
# network may have a source there, or outsiders could pose as an antlet (RFC 2827). Nothing is routed but what
# antlets begin and what a port forward lets in.
_ROUTING = f"""\
    # Port forwards: what comes for the host's own addresses goes to an antlet's address and port.
    map port_forwards {{
        typeof meta l4proto . th dport : ip daddr . th dport
    }}
    chain origin {{
        type filter hook prerouting priority raw; policy accept;
        iifname != "{NETWORK}" fib saddr oifname "{NETWORK}" drop
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state vmap {{ established : accept, related : accept, invalid : drop }}
        meta nfproto ipv4 iifname "{NETWORK}" oifname != "{NETWORK}" accept
        oifname "{NETWORK}" ct status dnat accept
    }}
    chain incoming {{
        type nat hook prerouting priority dstnat; policy accept;
        meta nfproto ipv4 fib daddr type local dnat ip to meta l4proto . th dport map @port_forwards
    }}
    chain {OUTGOING} {{
        type nat hook postrouting priority srcnat; policy accept;
        meta nfproto ipv4 iifname "{NETWORK}" oifname != "{NETWORK}" masquerade
    }}
"""

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?[/:](tcp|udp|sctp)")


def parse_port(text: str) -> tuple[str, str]:
    """Read "8006/tcp", "8006:tcp" or "5900-5999/tcp" as protocol and port or range, for nft."""
    match = _PORT.fullmatch(text.strip().lower())
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not match or not 0 < first <= last <= 65535:
        raise EdgeLinuxError(f"firewall: {text!r} is not a port", hint="like 8006/tcp or 5900-5999/tcp")
    return match[3], str(first) if first == last else f"{first}-{last}"


def render(
    *,
    enabled: bool = True,
    services: Sequence[str] = ("ssh",),
    ports: Sequence[str] = (),
    trusted: Sequence[str] = (),
) -> str:
    """Render the file that replaces the firewall: only these services and ports come in.

    From `trusted` network devices everything does.

    A disabled firewall accepts everything that is sent to the host; antlets still reach the world through it,
    and the world does not reach them.
    """
    unknown = sorted(set(services) - SERVICES.keys())
    if unknown:
        raise EdgeLinuxError(
            f"firewall: unknown service {unknown[0]!r}", hint=f"use a port, or one of {', '.join(SERVICES)}"
        )
    wanted = [port for service in services for port in SERVICES[service]] + list(ports)
    by_protocol: dict[str, list[str]] = {}
    for protocol, port in map(parse_port, wanted):
        if port not in by_protocol.setdefault(protocol, []):
            by_protocol[protocol].append(port)
    accepts = "".join(
        # One rule for each, since a set refuses ranges that overlap.
        f"        {protocol} dport {port} accept\n"
        for protocol in sorted(by_protocol)
        for port in sorted(by_protocol[protocol], key=lambda port: int(port.partition("-")[0]))
    )
    trusts = "".join(f"        iifname {_device(name)} accept\n" for name in dict.fromkeys(trusted))
    policy, rules = ("drop", _BASICS + _FROM_ANTLETS + trusts + accepts) if enabled else ("accept", "")
    return (
        "#!/usr/sbin/nft -f\n"
        "# Written by edgeLinux; loaded by edgelinux-firewall.service before the network comes up.\n"
        f"{_REPLACE}"
        f"table {TABLE} {{\n"
        "    chain input {\n"
        f"        type filter hook input priority filter; policy {policy};\n"
        f"{rules}"
        "    }\n"
        f"{_ROUTING}"
        "}\n"
    )


def _device(name: str) -> str:
    # By name, since the device may come later, or come back. Linux allows 15 characters.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", name):
        raise EdgeLinuxError(f"firewall: {name!r} is not the name of a network device")
    return f'"{name}"'
