"""A network of the tests' own: a bridge in a network namespace, with a server, clients and tap devices.

    with lan() as net, net.tap() as fd:
        server = net.popen("edgelinux", "pxe", "serve", "--interface", net.interface, …)
        qemu … -netdev tap,id=lan,fd=FD -device virtio-net-pci,netdev=lan,romfile=     (pass_fds=[fd])

Nothing of it is seen from outside, and all of it is gone afterwards.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Lan", "impossible", "lan"]

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_LIBC = ctypes.CDLL(None, use_errno=True)


def impossible() -> str:
    """Say why namespaces cannot be made here; nothing when they can."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return "needs root and ip"
    done = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return "network namespaces are not allowed here" if done.returncode else ""


def ip(*words: str, namespace: str = "") -> None:
    """Run ip(8), in a namespace."""
    where = ("-n", namespace) if namespace else ()
    subprocess.run(["ip", *where, *words], check=True, capture_output=True, text=True)


class Lan:
    """A namespace for each station, and one for the bridge: beside a station it would answer for it."""

    interface = "pxe0"
    """The server's; its name is the same in each, since each is in a namespace of its own."""

    def __init__(self, network: str) -> None:
        self.network = network
        """The first three numbers of its addresses, with the dot behind: the server's is .1 of /24."""
        self.name = f"edgelinux-{uuid.uuid4().hex[:8]}"
        """The server's namespace."""
        self._switch = f"{self.name}-switch"
        self._namespaces: list[str] = []
        self._taps = 0

    @property
    def address(self) -> str:
        """The server's."""
        return f"{self.network}1"

    def add_station(self, role: str, address: str = "", mac: str = "") -> str:
        """Plug in another machine; its card is called `eth0`. Returns its namespace's name."""
        there = f"{self.name}-{role}"
        self._plug(there, "eth0", f"to-{role}"[:15], address, mac)
        return there

    @contextmanager
    def tap(self) -> Iterator[int]:
        """Plug in a tap device; gives its open file, to be handed to QEMU.

        Without IFF_VNET_HDR, so that every frame has its checksums.
        """
        name = f"tap{self._taps}"
        self._taps += 1
        with self.inside(self._switch):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        try:
            wanted = struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI)
            fcntl.ioctl(fd, _TUNSETIFF, wanted)
            ip("link", "set", name, "master", "lan", "up", namespace=self._switch)
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def inside(self, namespace: str = "") -> Iterator[None]:
        """Have this thread's new sockets in a namespace; default: the server's."""
        mine, theirs = Path("/proc/thread-self/ns/net"), Path("/run/netns", namespace or self.name)
        with mine.open() as back, theirs.open() as there:
            assert _LIBC.setns(there.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert _LIBC.setns(back.fileno(), _CLONE_NEWNET) == 0

    def command(self, *argv: str | Path, namespace: str = "") -> list[str]:
        """The command that runs another one in a namespace; default: the server's."""
        return ["ip", "netns", "exec", namespace or self.name, *(str(word) for word in argv)]

    def run(self, *argv: str | Path, namespace: str = "") -> str:
        """Run a program in a namespace; returns what it says."""
        command = self.command(*argv, namespace=namespace)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def popen(self, *argv: str | Path, namespace: str = "", **options: Any) -> subprocess.Popen[str]:
        """Start a program in a namespace."""
        return subprocess.Popen(self.command(*argv, namespace=namespace), text=True, **options)

    def _namespace(self, name: str) -> None:
        ip("netns", "add", name)
        self._namespaces.append(name)
        ip("link", "set", "lo", "up", namespace=name)

    def _plug(self, there: str, card: str, port: str, address: str, mac: str = "") -> None:
        self._namespace(there)
        own = ("address", mac) if mac else ()
        peer = ("peer", "name", card, *own, "netns", there)
        ip("link", "add", port, "type", "veth", *peer, namespace=self._switch)
        ip("link", "set", port, "master", "lan", "up", namespace=self._switch)
        if address:
            ip("address", "add", f"{address}/24", "dev", card, namespace=there)
        ip("link", "set", card, "up", namespace=there)

    def build(self) -> None:
        """Make the bridge, and plug in the server."""
        self._namespace(self._switch)
        ip("link", "add", "lan", "type", "bridge", "forward_delay", "0", namespace=self._switch)
        ip("link", "set", "lan", "up", namespace=self._switch)
        self._plug(self.name, self.interface, "to-server", self.address)

    def remove(self) -> None:
        """Take it all away."""
        for name in reversed(self._namespaces):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)


@contextmanager
def lan(network: str = "192.168.77.") -> Iterator[Lan]:
    """Build one, and take it away."""
    made = Lan(network)
    try:
        made.build()
        yield made
    finally:
        made.remove()
