"""Machines on a wire of their own: a network namespace for the server, one for a machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from edgelinux_build.pxe.server import Machine, ServerConfig
from edgelinux_build.pxe.server.ledger import Ledger

from tests.unit.build.pxe_server.conftest import MAC, OTHER
from tests.unit.hostd.network.wire import impossible, ip

pytestmark = pytest.mark.skipif(bool(impossible()), reason=impossible())

SERVE = """
import sys
from pathlib import Path
from edgelinux_build.pxe.server import PxeServer, ServerConfig
from edgelinux_build.sites import load_sites

tree, sites, state = map(Path, sys.argv[1:])
server = PxeServer(ServerConfig(tree, "192.0.2.1", 80, 443, load_sites(sites), state))
server.start()
print("ready", flush=True)
sys.stdin.read()
server.stop()
"""
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode())"


@pytest.fixture
def wire() -> Iterator[tuple[str, str]]:
    """The names of two namespaces, with a cable between them; the machine's card has the address MAC."""
    server, machine = (f"edgelinux-{os.getpid()}-pxe-{role}" for role in ("server", "machine"))
    try:
        for name in (server, machine):
            ip("netns", "add", name)
        cable = ("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", machine)
        ip(*cable, namespace=server)
        ip("link", "set", "eth0", "address", MAC, namespace=machine)
        for name, address in ((server, "192.0.2.1/24"), (machine, "192.0.2.50/24")):
            ip("address", "add", address, "dev", "eth0", namespace=name)
            ip("link", "set", "eth0", "up", namespace=name)
        yield server, machine
    finally:
        for name in (server, machine):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def inside(namespace: str, *argv: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, sys.executable, "-c", *argv]


def ask(machine: str, mac: str) -> str:
    url = f"http://192.0.2.1/boot/grub.cfg?mac={mac}"
    return subprocess.run(inside(machine, ASK, url), capture_output=True, text=True, check=True).stdout


def test_a_machine_gets_its_own_boot_menu_and_no_other(wire: tuple[str, str], config: ServerConfig) -> None:
    server, machine = wire
    assert config.sites is not None
    sites = config.sites.entries[0].file.parent  # type: ignore[attr-defined]
    argv = inside(server, SERVE, str(config.tree), str(sites), str(config.state_dir))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        own, others = ask(machine, MAC), ask(machine, OTHER)
    # Port 80 has no place in GRUB's name of the server: GRUB before 2.12 takes no other.
    assert "linux (http,192.0.2.1)/medium/boot/vmlinuz " in own
    assert "inst.ks=https://192.0.2.1/ks " in own
    assert "edgelinux.token=" not in others
    ledger = Ledger(config.state_dir)
    ledger.load()
    found = ledger.get(OTHER)
    assert isinstance(found, Machine)
    assert found.message == f"boot menu asked for by 192.0.2.50, which is {MAC}"
