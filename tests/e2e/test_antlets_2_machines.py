"""Machines on the installed host; where that is emulated they are emulated twice: slow, but real."""

from __future__ import annotations

import re

import pytest

from tests.e2e.antlets import BOX, Antlets, eventually, mac, python

pytestmark = pytest.mark.parametrize("pair", ["uefi"], indirect=True)

# The kernel, its initramfs, DHCP and the SSH server, emulated twice.
BOOT_SECONDS = 400


@pytest.fixture
def box1(antlets: Antlets) -> str:
    """A running machine."""
    antlets.need("box1", "--template", "tiny", "--number", str(BOX))
    return "box1"


def test_made_by_command(antlets: Antlets, box1: str) -> None:
    found = antlets.show(box1)
    assert (found["dtype"], found["state"], found["ip"]) == ("kvm", "Running", f"10.1.1.{BOX}")
    assert antlets.host.check_output("virsh list --name").split() == ["box1"]
    xml = antlets.host.check_output("virsh dumpxml box1")
    assert f"address='{mac(BOX)}'" in xml
    assert "file='/antlets/box1/disks/disk0.raw'" in xml


def test_without_kvm_it_is_emulated_and_the_host_says_so(antlets: Antlets, box1: str) -> None:
    """The build host's emulation has no virtualization of its own to offer: see `qemu.machine`."""
    has_kvm = antlets.host.file("/dev/kvm").exists
    domain = antlets.host.check_output("virsh dumpxml box1").split("\n", 1)[0]
    assert f"type='{'kvm' if has_kvm else 'qemu'}'" in domain
    said = antlets.call("GET", "/api/host")[1]["machines"]
    assert ("by emulation" in said) != has_kvm
    assert said in antlets.antlet("host", "status").stdout


def test_console(antlets: Antlets, box1: str) -> None:
    path = antlets.call("POST", f"/api/antlets/{box1}/console")[1]["socket"]
    seen = antlets.host.check_output(python(PROMPT, path, str(BOOT_SECONDS)))
    assert re.search(r"\blogin: *$", seen.strip()), seen


def test_the_key_of_its_seed_lets_in(antlets: Antlets, box1: str) -> None:
    antlets.wait_for_ssh(box1, BOOT_SECONDS)
    shown = antlets.ssh(box1, "hostname; ip -4 -o addr show eth0; cat /sys/class/net/eth0/address").stdout
    assert shown.split()[0] == box1
    assert f"inet 10.1.1.{BOX}/24" in shown
    assert mac(BOX) in shown


def test_its_memory_and_processors(antlets: Antlets, box1: str) -> None:
    shown = antlets.ssh(box1, "grep MemTotal /proc/meminfo; grep -c ^processor /proc/cpuinfo").stdout.split()
    assert 64 * 1024 < int(shown[1]) <= antlets.show(box1)["ram"] * 1024
    assert int(shown[3]) == 1


def test_clean_stop(antlets: Antlets, box1: str) -> None:
    """It hears its power button, and what it wrote is on its disk."""
    assert antlets.ssh(box1, "echo kept > /root/kept").rc == 0
    job = antlets.ask("stop", box1, "--timeout", "180")[0]
    assert "by force" not in antlets.antlet("job", "log", job["id"]).stdout
    assert antlets.state(box1) == "Stopped"
    assert antlets.host.check_output("virsh list --all --name").strip() == ""
    # Its file system begins after the first MiB.
    read = "debugfs -R 'cat /root/kept' '/antlets/box1/disks/disk0.raw?offset=1048576'"
    assert antlets.host.run(read).stdout.strip() == "kept"


def test_by_the_http_interface(antlets: Antlets) -> None:
    wanted = {"dname": "box2", "template": "tiny", "antlet-num": BOX + 1, "ram": 96}
    status, made = antlets.call("POST", "/api/antlets", {**wanted, "start": True})
    assert (status, made["state"]) == (201, "Running"), made
    answers = f"ping -c 1 -W 5 10.1.1.{BOX + 1}"
    eventually("box2 answers", lambda: antlets.host.run(answers).rc == 0, BOOT_SECONDS)
    neighbour = antlets.host.check_output(f"ip neigh show 10.1.1.{BOX + 1}")
    assert mac(BOX + 1) in neighbour
    assert antlets.call("DELETE", "/api/antlets/box2")[0] == 400, "it runs"
    assert antlets.call("DELETE", "/api/antlets/force/box2") == (204, None)
    assert "box2" not in antlets.all()
    assert antlets.host.check_output("virsh list --all --name").strip() == ""


# Presses Enter on a console's socket until there is a prompt, and prints what came.
PROMPT = r"""
import socket, sys, time
console = socket.socket(socket.AF_UNIX)
console.connect(sys.argv[1])
console.settimeout(5)
seen, until = b"", time.monotonic() + float(sys.argv[2])
while time.monotonic() < until and not seen.rstrip().endswith(b"login:"):
    try:
        seen += console.recv(4096)
    except TimeoutError:
        console.sendall(b"\r")
print(seen.decode(errors="replace"))
"""
