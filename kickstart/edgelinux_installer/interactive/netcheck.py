"""The live check of the network: what is typed is tried in the live system, part by part."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer.interactive.answers import Answers
from edgelinux_installer.interactive.world import Card

__all__ = ["Finding", "check_network", "device_of", "findings", "profile_argv", "query", "try_out"]

_PROFILE = "edgelinux-setup"
_UP_SECONDS = 30
_DNS_SECONDS = 3.0
_DNS_PORT = 53
_ARP_SECONDS = 3.0
_DISCARD_PORT = 9


@dataclass(frozen=True)
class Finding:
    """One part of the check: whether it works, and a line about it."""

    works: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok' if self.works else 'NO'}  {self.text}"


def check_network(answers: Answers, card: Card) -> tuple[Finding, ...]:
    """Set the card up as typed, in the live system only, and look. Takes up to a minute."""
    problem = try_out(answers, card)
    if problem:
        return (Finding(False, problem), *findings(card.name))
    static = answers.method == "static"
    servers = answers.nameservers.replace(",", " ").split() if static else []
    return tuple(
        findings(device_of(answers, card), gateway=answers.gateway.strip() if static else "", servers=servers)
    )


def device_of(answers: Answers, card: Card) -> str:
    """Name the device that gets the address."""
    return f"vlan{answers.vlan.strip()}" if answers.vlan.strip() else card.name


def try_out(answers: Answers, card: Card) -> str:
    """Have NetworkManager set the card up until the next start; says what went wrong, or ""."""
    if answers.method == "dhcp" and not answers.vlan.strip() and _addresses(card.name):
        return ""
    try:
        run(["nmcli", "connection", "delete", _PROFILE], check=False, timeout=_UP_SECONDS)
        run(profile_argv(answers, card), timeout=_UP_SECONDS)
        up = ["nmcli", "--wait", str(_UP_SECONDS), "connection", "up", _PROFILE]
        done = run(up, check=False, timeout=2 * _UP_SECONDS)
    except EdgeLinuxError as error:
        return f"cannot be set up: {' '.join(error.message.split())}"
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines() or ["NetworkManager said nothing"]
    return f"no connection: {said[0].removeprefix('Error: ')}"


def profile_argv(answers: Answers, card: Card) -> list[str]:
    """Give the nmcli(1) command for a profile that lasts until the next start."""
    argv = ["nmcli", "connection", "add", "save", "no", "con-name", _PROFILE, "autoconnect", "no"]
    device = device_of(answers, card)
    if device != card.name:
        argv += ["type", "vlan", "ifname", device, "dev", card.name, "id", answers.vlan.strip()]
    else:
        argv += ["type", "ethernet", "ifname", card.name]
    if answers.method == "dhcp":
        return [*argv, "ipv4.method", "auto", "ipv6.method", "ignore"]
    argv += ["ipv4.method", "manual", "ipv4.addresses", answers.address.strip(), "ipv6.method", "ignore"]
    if gateway := answers.gateway.strip():
        argv += ["ipv4.gateway", gateway]
    servers = [one for one in answers.nameservers.replace(",", " ").split() if ":" not in one]
    return [*argv, "ipv4.dns", " ".join(servers)] if servers else argv


def findings(device: str, *, gateway: str = "", servers: Sequence[str] = ()) -> Iterator[Finding]:
    """Look at a device: carrier, address, gateway, name servers. Without the latter, those it got by DHCP."""
    if not _carrier(device):
        yield Finding(False, f"{device} has no link: is the cable in, and the other end on?")
        return
    yield Finding(True, f"{device} has a link")
    addresses = _addresses(device)
    if not addresses:
        yield Finding(False, "no IPv4 address: no DHCP server has answered")
        return
    yield Finding(True, f"address {', '.join(addresses)}")
    gateway = gateway or _gateway(device)
    if not gateway:
        yield Finding(False, "no gateway: only the local network can be reached")
    else:
        works = _reaches(device, gateway)
        yield Finding(works, f"gateway {gateway} {'answers' if works else 'does not answer'}")
    servers = servers or _name_servers(device)
    if not servers:
        yield Finding(False, "no name server: names cannot be looked up")
    for server in servers:
        trouble = query(server)
        yield Finding(not trouble, f"name server {server} {trouble or 'answers'}")


def query(server: str, *, port: int = _DNS_PORT, seconds: float = _DNS_SECONDS) -> str:
    """Ask a name server for the root's servers (RFC 1035, section 4.1); says what is wrong, or ""."""
    number = os.urandom(2)
    # Recursion desired, one question: the root (an empty name), NS, IN.
    question = number + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"\x00\x00\x02\x00\x01"
    family = socket.AF_INET6 if ipaddress.ip_address(server).version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(seconds)
            sock.connect((server, port))
            sock.send(question)
            answer = sock.recv(4096)
    except TimeoutError:
        return "does not answer"
    except OSError as error:
        return f"does not answer: {error.strerror or error}"
    if len(answer) < 12 or answer[:2] != number:
        return "does not answer as a name server does"
    code = answer[3] & 15
    return "" if code == 0 else f"answers, but looks nothing up (DNS error {code})"


def _carrier(device: str) -> bool:
    try:
        return Path(f"/sys/class/net/{device}/carrier").read_text(encoding="ascii").strip() == "1"
    except OSError:
        # The kernel gives no carrier of a device that is down.
        return False


def _addresses(device: str) -> list[str]:
    shown = _ip("-4", "address", "show", "dev", device, "scope", "global")
    return [f"{one['local']}/{one['prefixlen']}" for link in shown for one in link.get("addr_info", ())]


def _gateway(device: str) -> str:
    return next(
        (
            str(route["gateway"])
            for route in _ip("-4", "route", "show", "default", "dev", device)
            if "gateway" in route
        ),
        "",
    )


def _reaches(device: str, address: str) -> bool:
    """Say whether a neighbour answers ARP, which every router does; many answer no ping."""
    run(["ip", "neigh", "flush", "to", address, "dev", device], check=False, timeout=10)
    end = time.monotonic() + _ARP_SECONDS
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            sock.sendto(b"", (address, _DISCARD_PORT))
        if any("lladdr" in one for one in _ip("neigh", "show", address, "dev", device)):
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.2)


def _name_servers(device: str) -> list[str]:
    try:
        shown = run(["nmcli", "--get-values", "IP4.DNS", "device", "show", device], check=False, timeout=10)
    except EdgeLinuxError:
        return []
    words = shown.stdout.replace("|", " ").split() if shown.returncode == 0 else []
    return [word for word in words if word.count(".") == 3]


def _ip(*arguments: str) -> list[dict[str, Any]]:
    done = run(["ip", "-json", *arguments], check=False, timeout=10)
    try:
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
    except ValueError:
        return []
