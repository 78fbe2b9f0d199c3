"""`edgelinux pxe serve` on a wire: a real dnsmasq, and machines that boot as firmware does."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_build.pxe.options import Options
from edgelinux_build.pxe.tree import make_tree

from tests.e2e.wire import Lan, impossible, lan
from tests.unit.build.fakes import make_project, make_repository
from tests.unit.build.pxe_client import BIOS, HTTP_BOOT, IPXE, IPXE_UEFI, UEFI, Boot, Firmware, Machine
from tests.unit.build.standin import make_results, make_standin

pytestmark = pytest.mark.skipif(
    bool(impossible() or not shutil.which("dnsmasq")), reason=impossible() or "dnsmasq is not installed"
)

ALL = [BIOS, UEFI, Firmware(9), IPXE, IPXE_UEFI, HTTP_BOOT]
MAC = "52:54:00:00:00:01"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pxe")
    project = make_project(make_repository(folder / "repository"), folder / "out")
    iso = make_standin(project, make_results(folder / "results"), folder)
    make_tree(iso, folder / "tree")
    return folder / "tree"


@pytest.fixture
def net() -> Iterator[Lan]:
    with lan() as made:
        yield made


def edgelinux(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "edgelinux_build.cli", *(str(word) for word in words)]


class Serving:
    """`edgelinux pxe serve` in the server's namespace, and what it says."""

    def __init__(self, net: Lan, tree: Path, state: Path, *words: str, probe: float) -> None:
        where = ("--interface", net.interface, "--tree", tree, "--state", state)
        argv = edgelinux("pxe", "serve", *where, "--probe-seconds", str(probe), *words)
        self.process = net.popen(*argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = ""

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """Wait until it has said something; returns all that it said."""
        assert self.process.stdout
        end = time.monotonic() + seconds
        while text not in self.said:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536).decode() if ready else ""
            assert more, f"not said: {text!r}, but: {self.said}"
            self.said += more
        return self.said

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode


@contextlib.contextmanager
def serving(net: Lan, tree: Path, state: Path, *words: str, probe: float = 0.2) -> Iterator[Serving]:
    """`probe`: seconds to look for other DHCP servers. dnsmasq takes three to make sure of an address."""
    started = Serving(net, tree, state, *words, probe=probe)
    try:
        started.wait_for("sites:")
        yield started
    finally:
        if started.process.poll() is None:
            assert started.end() == 0, started.said


def dnsmasqs(net: Lan) -> list[int]:
    """Processes called dnsmasq in the server's namespace."""
    pids = subprocess.run(["ip", "netns", "pids", net.name], capture_output=True, text=True).stdout.split()
    names = {int(pid): Path("/proc", pid, "comm") for pid in pids}
    return [pid for pid, comm in names.items() if comm.exists() and comm.read_text().strip() == "dnsmasq"]


@contextlib.contextmanager
def other_dhcp(net: Lan, role: str, number: int, tmp_path: Path) -> Iterator[None]:
    """Another DHCP server on the wire, as in any office."""
    there = net.add_station(role, f"{net.network}{number}")
    words = (
        "--keep-in-foreground", "--log-facility=-", "--port=0", "--conf-file=/dev/null", "--interface=eth0",
        "--bind-dynamic", "--user=root", f"--dhcp-leasefile={tmp_path}/{role}.leases", "--no-ping",
        f"--dhcp-range={net.network}{number + 10},{net.network}{number + 19},1h",
    )  # fmt: skip
    process = net.popen(shutil.which("dnsmasq") or "", *words, namespace=there, stderr=subprocess.PIPE)
    try:
        assert process.stderr
        while "sockets bound" not in (line := process.stderr.readline()):
            assert line, "the other DHCP server did not start"
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)


def start(machine: Machine, boot: Boot, server: str) -> bytes:
    """Fetch what a machine was told to start."""
    if boot.file.startswith("http"):
        return machine.http(boot.file)
    assert boot.server == server
    return machine.tftp(boot.server, boot.file)


def expected(firmware: Firmware, tree: Path, net: Lan) -> bytes:
    if firmware.ipxe:
        return f"chain --replace --autofree http://{net.address}:8080/boot/ipxe?mac=".encode()
    return (tree / ("bios/core.0" if firmware.arch == 0 else "EFI/BOOT/BOOTX64.EFI")).read_bytes()


@pytest.mark.parametrize("proxy", [False, True], ids=["dhcp", "proxy"])
def test_all_kinds_of_firmware_find_their_boot_loader(
    net: Lan, tree: Path, tmp_path: Path, proxy: bool
) -> None:
    client = net.add_station("client", mac=MAC)
    words = ("--proxy",) if proxy else ("--range", f"{net.network}100,{net.network}149")
    with contextlib.ExitStack() as stack:
        if proxy:
            stack.enter_context(other_dhcp(net, "office", 50, tmp_path))
        server = stack.enter_context(serving(net, tree, tmp_path / "state", *words))
        assert "warning" not in server.said
        machine = Machine(net, client, MAC)
        for firmware in ALL:
            boot = machine.boot(firmware)
            number = int(boot.address.rpartition(".")[2])
            assert number in (range(60, 70) if proxy else range(100, 150))
            assert boot.file.startswith("http") == (firmware == HTTP_BOOT)
            content = start(machine, boot, net.address)
            wanted = expected(firmware, tree, net)
            assert wanted in content if firmware.ipxe else wanted == content, firmware
        # Shim looks for GRUB beside itself, GRUB for its configuration, by whichever way they came.
        http = f"http://{net.address}:8080"
        for name in ("EFI/BOOT/grubx64.efi", "medium/boot/vmlinuz"):
            assert machine.http(f"{http}/{name}") == (tree / name).read_bytes()
        assert (
            machine.tftp(net.address, "EFI/BOOT/grubx64.efi") == (tree / "EFI/BOOT/grubx64.efi").read_bytes()
        )
        first = machine.tftp(net.address, "grub/grub.cfg").decode()
        assert machine.http(f"{http}/grub/grub.cfg").decode() == first
        second = re.search(r"\((http,\S+)\)(/boot/grub\.cfg\?mac=)\$net_default_mac", first)
        assert second
        assert second[1] == f"http,{net.address}:8080"
        assert "exit" in machine.http(f"{http}{second[2]}{MAC}").decode()
        # What dnsmasq saw is known where the machines are kept.
        server.wait_for(MAC)
        server.wait_for("bios/core.0")


def test_a_lease_is_kept_by_the_next_server(net: Lan, tree: Path, tmp_path: Path) -> None:
    client = net.add_station("client", mac=MAC)
    addresses = []
    for _ in range(2):
        with serving(net, tree, tmp_path / "state", "--range", f"{net.network}100,{net.network}149"):
            addresses.append(Machine(net, client, MAC).boot(BIOS).address)
    assert addresses[0] == addresses[1]
    assert addresses[0] in (tmp_path / "state/leases").read_text()
    assert not Options(net.interface, state=tmp_path / "state").folder.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda n: n.name)
def test_everything_ends_with_a_signal(net: Lan, tree: Path, tmp_path: Path, number: signal.Signals) -> None:
    with serving(net, tree, tmp_path / "state", "--range", f"{net.network}100,{net.network}149") as server:
        assert len(dnsmasqs(net)) == 1
        assert server.end(number) == 0
    assert dnsmasqs(net) == []


def test_no_orphan_stays_behind_a_server_that_was_killed(net: Lan, tree: Path, tmp_path: Path) -> None:
    with serving(net, tree, tmp_path / "state", "--range", f"{net.network}100,{net.network}149") as server:
        assert len(dnsmasqs(net)) == 1
        server.end(signal.SIGKILL)
    end = time.monotonic() + 20
    while dnsmasqs(net) and time.monotonic() < end:
        time.sleep(0.05)
    assert dnsmasqs(net) == []


def test_dnsmasqs_end_is_not_hidden(net: Lan, tree: Path, tmp_path: Path) -> None:
    with serving(net, tree, tmp_path / "state", "--range", f"{net.network}100,{net.network}149") as server:
        os.kill(dnsmasqs(net)[0], signal.SIGKILL)
        server.wait_for("dnsmasq ended, and so everything is stopped: it ended with signal 9")
        server.process.wait(30)
        assert server.process.returncode == 1


def test_another_dhcp_server_is_warned_of(net: Lan, tree: Path, tmp_path: Path) -> None:
    with (
        other_dhcp(net, "office", 50, tmp_path),
        serving(
            net, tree, tmp_path / "state", "--range", f"{net.network}100,{net.network}149", probe=6
        ) as server,
    ):
        assert f"warning: another DHCP server on pxe0: {net.network}50" in server.said


def test_a_proxy_with_two_dhcp_servers_and_with_none(net: Lan, tree: Path, tmp_path: Path) -> None:
    with serving(net, tree, tmp_path / "state", "--proxy") as server:
        assert "warning: no DHCP server answers on pxe0" in server.said
    with (
        other_dhcp(net, "office", 50, tmp_path),
        other_dhcp(net, "toy", 80, tmp_path),
        serving(net, tree, tmp_path / "state", "--proxy", probe=6) as server,
    ):
        said = re.search(r"warning: 2 DHCP servers on pxe0: (\S+) and (\S+);", server.said)
        assert said
        assert {said[1], said[2]} == {f"{net.network}50", f"{net.network}80"}


def test_two_networks_are_served_side_by_side_but_not_with_one_state(
    net: Lan, tree: Path, tmp_path: Path
) -> None:
    with (
        serving(net, tree, tmp_path / "state", "--range", f"{net.network}100,{net.network}149") as first,
        lan("192.168.78.") as other,
    ):
        assert other.interface == net.interface
        again = refused(other, *usual(other, tree, tmp_path), code=1)
        assert f"another `edgelinux pxe serve` has {tmp_path / 'state'}" in again
        with serving(other, tree, tmp_path / "own", "--range", f"{other.network}100,{other.network}149"):
            assert dnsmasqs(net)
            assert dnsmasqs(other)
        assert first.process.poll() is None
        assert dnsmasqs(net)


def refused(net: Lan, *words: str | Path, code: int) -> str:
    command = net.command(*edgelinux("pxe", "serve", *words))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert dnsmasqs(net) == []
    return done.stderr


def usual(net: Lan, tree: Path, tmp_path: Path) -> list[str | Path]:
    return ["--interface", net.interface, "--tree", tree, "--state", tmp_path / "state", "--range",
            f"{net.network}100,{net.network}149"]  # fmt: skip


@pytest.mark.parametrize(("port", "kind"), [(67, "udp"), (69, "udp"), (8080, "tcp"), (8443, "tcp")])
def test_a_port_that_is_in_use_is_named(net: Lan, tree: Path, tmp_path: Path, port: int, kind: str) -> None:
    with net.inside():
        holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    with holder:
        holder.bind(("", port))
        if kind == "tcp":
            holder.listen()
        said = refused(net, *usual(net, tree, tmp_path), code=1)
    assert re.search(rf"\b{port}\b", said)
    assert "in use" in said
    assert f"(process {os.getpid()})" in said


def test_a_server_of_another_interface_is_no_hindrance(net: Lan, tree: Path, tmp_path: Path) -> None:
    with net.inside():
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("", 67))
        other.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        with serving(net, tree, tmp_path / "state", "--range", f"{net.network}100,{net.network}149"):
            pass


def test_without_the_right_the_command_to_run_is_printed(net: Lan, tree: Path, tmp_path: Path) -> None:
    words = edgelinux("pxe", "serve", *usual(net, Path("/tmp/tree"), Path("/tmp")))
    command = net.command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert re.search(r"run: sudo .* pxe serve --interface pxe0 --tree /tmp/tree .* --range", done.stderr)


def test_root_without_the_right_is_told_so(net: Lan, tree: Path, tmp_path: Path) -> None:
    words = edgelinux("pxe", "serve", *usual(net, tree, tmp_path))
    command = net.command(
        "setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service", *words
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done.stderr
    assert "no right to listen at port 67/udp for DHCP (not even as root" in done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--interface", "nowhere"), "there is no interface nowhere (there are: pxe0"),
        (
            ("--range", "10.0.0.1,10.0.0.9"),
            "10.0.0.1 is no machine's address in pxe0's network 192.168.77.0/24",
        ),
        (("--range", "192.168.77.9,192.168.77.3"), "ends before it begins"),
        (("--range", "192.168.77.9"), "is not FIRST,LAST"),
        (("--range", ""), "--proxy: a DHCP server that is there; or --range 192.168.77.155,192.168.77.254"),
        (("--tree", "/nowhere"), "/nowhere is not a network boot tree"),
        (("--sites", "/nowhere"), "cannot read the site files in /nowhere"),
        (("--router", "here"), "here is not an IPv4 address"),
    ],
)
def test_what_cannot_be_served(
    net: Lan, tree: Path, tmp_path: Path, change: tuple[str, ...], said: str
) -> None:
    assert said in refused(net, *usual(net, tree, tmp_path), *change, code=2)


def test_an_interface_that_is_down_or_has_no_address(net: Lan, tree: Path, tmp_path: Path) -> None:
    net.run("ip", "address", "flush", "dev", "pxe0")
    assert "has no IPv4 address" in refused(net, *usual(net, tree, tmp_path), code=1)
    net.run("ip", "link", "set", "pxe0", "down")
    assert "is down" in refused(net, *usual(net, tree, tmp_path), code=1)


def test_the_configuration_can_be_looked_at_without_root(net: Lan) -> None:
    words = edgelinux("pxe", "serve", "--interface", "pxe0", "--proxy", "--print-config")
    text = net.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words)
    assert "dhcp-range=192.168.77.0,proxy,255.255.255.0" in text
