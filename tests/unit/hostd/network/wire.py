"""A host with its bridges and rules, two antlets, a LAN and an internet, each a network namespace."""

from __future__ import annotations

import ctypes
import itertools
import os
import select
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgelinux_hostd import firewall
from edgelinux_hostd.antlets.numbers import NETWORK, address, gateway, mac, port
from edgelinux_hostd.network import bblv, filters

from tests.unit.hostd.network.frames import Station, ipv4, udp

BASE = "10.1.1."
HOST = Station(bblv.BRIDGE_MAC, gateway(BASE))
ONE = Station(mac(25), address(BASE, 25))
TWO = Station(mac(26), address(BASE, 26))
# Outside; a block for documentation (RFC 5737).
UPLINK, INTERNET = "192.0.2.1", "192.0.2.2"
LAN = "198.51.100."
CUSTOM = filters.Card(port(26, 1), "52:54:00:00:00:01")
PORTS_ON_NETWORK = (port(25), port(26), "stray0")

NOBODY = "0.0.0.0"  # noqa: S104 - a sender without an address

SYSCTL = Path(__file__).parents[4] / "hostd/sysctl/60-edgelinux.conf"

_CLONE_NEWNET = 0x40000000
_ALL = 0x0003  # ETH_P_ALL
_LIBC = ctypes.CDLL(None, use_errno=True)


def impossible() -> str:
    """Say why these namespaces cannot be made here; nothing when they can."""
    if os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"):
        return "needs root, nft and ip"
    done = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return "network namespaces are not allowed here" if done.returncode else ""


def ip(*words: str, namespace: str = "") -> None:
    where = ("-n", namespace) if namespace else ()
    subprocess.run(["ip", *where, *words], check=True, capture_output=True, text=True)


class Wire:
    """The namespaces are called by role: host, one, two, stray, lan, internet."""

    def __init__(self) -> None:
        self.prefix = f"edgelinux-{os.getpid()}-"
        self.sentinels = itertools.count()
        self.opened: dict[tuple[str, str], socket.socket] = {}

    def name(self, role: str) -> str:
        return self.prefix + role

    def execute(self, role: str, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = ["ip", "netns", "exec", self.name(role), *argv]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    @contextmanager
    def inside(self, role: str) -> Iterator[None]:
        """Sockets that are opened inside stay there."""
        mine, theirs = Path("/proc/thread-self/ns/net"), Path("/run/netns", self.name(role))
        with mine.open() as back, theirs.open() as there:
            assert _LIBC.setns(there.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert _LIBC.setns(back.fileno(), _CLONE_NEWNET) == 0

    def packets(self, role: str, device: str = "eth0") -> socket.socket:
        """Give the socket for whole frames of a device, with nothing waiting in it.

        It is opened once, since closing one takes the kernel long.
        """
        if (role, device) in self.opened:
            found = self.opened[role, device]
            while waiting(found):
                found.recv(4096)
            return found
        with self.inside(role):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        opened.bind((device, _ALL))
        opened.settimeout(10)
        self.opened[role, device] = opened
        return opened

    def socket(self, role: str, kind: int, bind: tuple[str, int] | None = None) -> socket.socket:
        with self.inside(role):
            opened = socket.socket(socket.AF_INET, kind)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.settimeout(10)
        if bind:
            opened.bind(bind)
        return opened

    def arrives(
        self,
        token: bytes,
        frame: bytes,
        at: str,
        *,
        device: str = "eth0",
        role: str = "one",
        via: str = "eth0",
    ) -> bool:
        """Send a frame and then an honest one; say whether the first came before the second."""
        sender = Station(own_mac(role, via), address(BASE, 26 if role == "two" else 25))
        sentinel = f"sentinel {next(self.sentinels)}".encode()
        far, near = self.packets(at, device), self.packets(role, via)
        near.send(frame)
        near.send(ipv4(sender, udp(sentinel)))
        seen = False
        while True:
            received = far.recv(4096)
            seen = seen or token in received
            if sentinel in received:
                return seen

    def load(self, *, filtered: bool = True) -> None:
        self.execute("host", "nft", "-f", "-", stdin=firewall.render(services=["ssh"], ports=["7000/udp"]))
        none = f"table {filters.TABLE}\ndelete table {filters.TABLE}\n"
        text = self.adapted(filters.render(BASE, [CUSTOM])) if filtered else none
        self.execute("host", "nft", "-f", "-", stdin=text)

    def adapted(self, text: str) -> str:
        """Have the test's ports say themselves where they are, on kernels that lack the expression for it."""
        names = ", ".join(f'"{name}"' for name in PORTS_ON_NETWORK)
        known = self.bridge_is_known()
        return text if known else text.replace(f'meta ibrname "{NETWORK}"', f"iifname {{ {names} }}")

    def bridge_is_known(self) -> bool:
        rule = (
            'table bridge t { chain c { type filter hook prerouting priority 0; meta ibrname "x" drop; }; }'
        )
        command = ["ip", "netns", "exec", self.name("host"), "nft", "-c", "-f", "-"]
        return (
            subprocess.run(command, input=rule, text=True, capture_output=True, check=False).returncode == 0
        )


def own_mac(role: str, device: str) -> str:
    number = 26 if role == "two" else 25
    if device == "eth0":
        return mac(number)
    return CUSTOM.mac if role == "two" else mac(number, 1)


@contextmanager
def wire() -> Iterator[Wire]:
    """Build it all, and take it all away."""
    made = Wire()
    roles = ("host", "one", "two", "stray", "lan", "internet")
    # Frames that one sender sends one after the other stay in order on one processor.
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        for role in roles:
            ip("netns", "add", made.name(role))
            # No neighbour discovery in between.
            made.execute(role, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
            ip("link", "set", "lo", "up", namespace=made.name(role))
        for bridge in (NETWORK, "br0"):
            ip("link", "add", bridge, "type", "bridge", "forward_delay", "0", namespace=made.name("host"))
        ip("link", "set", NETWORK, "address", HOST.mac, namespace=made.name("host"))
        plug(made, "one", port(25), NETWORK, ONE.mac, f"{ONE.ip}/24")
        plug(made, "two", port(26), NETWORK, TWO.mac, f"{TWO.ip}/24")
        plug(made, "stray", "stray0", NETWORK, "52:54:00:00:00:99", f"{BASE}9/24")
        plug(made, "one", port(25, 1), "br0", mac(25, 1), f"{LAN}25/24", device="eth1")
        plug(made, "two", port(26, 1), "br0", CUSTOM.mac, f"{LAN}26/24", device="eth1")
        plug(made, "lan", "lan0", "br0", "52:54:00:00:00:02", f"{LAN}2/24")
        plug(made, "internet", "wan0", "", "52:54:00:00:00:03", f"{INTERNET}/24")
        for device, own in ((NETWORK, HOST.ip), ("br0", f"{LAN}1"), ("wan0", UPLINK)):
            ip("address", "add", f"{own}/24", "dev", device, namespace=made.name("host"))
            ip("link", "set", device, "up", namespace=made.name("host"))
        for role in ("one", "two"):
            ip("route", "add", "default", "via", HOST.ip, namespace=made.name(role))
        # An attacker outside who knows the way in.
        ip("route", "add", f"{BASE}0/24", "via", UPLINK, namespace=made.name("internet"))
        # Without the loose check of sources, so that the firewall's own is what is tried.
        made.execute("host", "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", *kernel_settings())
        made.load()
        yield made
    finally:
        os.sched_setaffinity(0, processors)
        for opened in made.opened.values():
            opened.close()
        for role in roles:
            subprocess.run(["ip", "netns", "delete", made.name(role)], check=False, capture_output=True)


def plug(made: Wire, role: str, name: str, bridge: str, own: str, cidr: str, device: str = "eth0") -> None:
    there = made.name(role)
    peer = ("peer", "name", device, "address", own, "netns", there)
    ip("link", "add", name, "type", "veth", *peer, namespace=made.name("host"))
    if bridge:
        ip("link", "set", name, "master", bridge, namespace=made.name("host"))
    ip("link", "set", name, "up", namespace=made.name("host"))
    ip("address", "add", cidr, "dev", device, namespace=there)
    ip("link", "set", device, "up", namespace=there)


def kernel_settings() -> list[str]:
    """Take from the package's own file what decides about routing and bridging, if this kernel has it."""
    lines = (line.lstrip("-").replace(" ", "") for line in SYSCTL.read_text(encoding="utf-8").splitlines())
    wanted = [line for line in lines if line.startswith(("net.ipv4.ip_forward", "net.bridge."))]
    return [line for line in wanted if Path("/proc/sys", *line.partition("=")[0].split(".")).exists()]


def waiting(opened: socket.socket) -> bool:
    """Say whether something can be read or accepted right now."""
    return bool(select.select([opened], [], [], 0)[0])
