"""An installation over the network with BIOS that fails near its end: a reason, a shell, nothing bootable."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from edgelinux_build.qemu.console import INSTALL_FAILED
from edgelinux_build.qemu.install import INSTALL_SECONDS, STARTED
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.qemu.session import Wishes

from tests.e2e import sites
from tests.e2e.lab import Lab
from tests.e2e.netboot import NETWORK_BOOT_SECONDS, NetworkBoot, network_boot
from tests.e2e.serial import SerialShell

ESP_TYPE = uuid.UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
BIOS_BOOT_TYPE = uuid.UUID("21686148-6449-6E6F-744E-656564454649")


@dataclass
class Failed:
    """The machine whose installation has failed, and what it was installed from."""

    vm: VirtualMachine
    served: NetworkBoot


@pytest.fixture(scope="module")
def attempt(lab: Lab) -> Iterator[Failed]:
    iso = lab.iso("default")
    site = {"default": sites.failing_post(lab.public_key)}
    wishes = Wishes("failing-post", firmware="bios", nic="e1000e", first_slot=1, new_disks=("12G", "12G"))
    with network_boot(lab, "failing-post", iso, site) as served:
        wishes = replace(wishes, extra=served.qemu_options("bios"))
        with lab.ledger.boot("failing-post"):
            vm = lab.start(wishes, lab.accel(iso), allowed=[INSTALL_FAILED], pass_fds=served.taps)
            try:
                vm.wait_for(STARTED, NETWORK_BOOT_SECONDS, "the installer")
                lab.note("BIOS over the network: power-on to the installer's first line", vm.seconds)
                vm.wait_for("INSTALLATION FAILED", INSTALL_SECONDS)
            except BaseException:
                vm.kill()
                raise
        with vm:
            yield Failed(vm, served)


@pytest.fixture
def failed(attempt: Failed) -> VirtualMachine:
    return attempt.vm


def partitions(disk: Path) -> dict[uuid.UUID, tuple[int, int]]:
    """Offset and length in bytes of a raw disk's partitions, by type (GPT: UEFI specification, 5.3)."""
    found = {}
    with disk.open("rb") as file:
        file.seek(512)
        header = file.read(92)
        assert header[:8] == b"EFI PART"
        first_entry, number, size = struct.unpack_from("<QII", header, 72)
        file.seek(first_entry * 512)
        for _ in range(number):
            entry = file.read(size)
            kind = uuid.UUID(bytes_le=entry[:16])
            first, last = struct.unpack_from("<QQ", entry, 32)
            if kind.int:
                found[kind] = (first * 512, (last - first + 1) * 512)
    return found


def test_embedding_gives_what_building_gives(lab: Lab) -> None:
    site = sites.failing_post(lab.public_key)
    embedded, built = lab.embedded("failing-post", site), lab.iso("failing-post-built", site)
    with embedded.open("rb") as one, built.open("rb") as other:
        digests = {hashlib.file_digest(file, "sha256").hexdigest() for file in (one, other)}
    assert len(digests) == 1
    built.unlink()


def test_the_console_says_why(failed: VirtualMachine) -> None:
    failed.wait_for("not made bootable", 30)
    said = " ".join(line for _, line in failed.lines)
    assert "%post failed with exit code 3: the site's own reason" in said


def test_the_server_knows_and_would_let_it_try_again(attempt: Failed) -> None:
    machine = attempt.served.wait_for("failed", 60)
    assert "%post failed with exit code 3" in machine["message"]
    assert machine["taken"] is False
    assert "the site's own reason" in attempt.served.said.read_text()


def test_there_is_a_shell_and_the_pool_is_closed(failed: VirtualMachine) -> None:
    with SerialShell(failed, 120) as shell:
        assert shell.check("id -u") == "0"
        assert "antlets" not in shell.run("zpool list -H").output
        assert "%post failed" in shell.check("cat /run/edgelinux/install.log")


def test_it_does_not_restart(failed: VirtualMachine) -> None:
    began = failed.seconds
    for line in failed.follow(30):
        assert "Linux version" not in line
        assert "Rebooting" not in line
    assert failed.running()
    assert failed.seconds - began > 25


def test_the_disks_do_not_boot(failed: VirtualMachine, lab: Lab) -> None:
    """Last of all: ends the machine and looks at its disks from outside."""
    failed.kill()
    for disk in failed.machine.disks:
        raw = lab.scratch / "failed.raw"
        convert = ["qemu-img", "convert", "-O", "raw", str(disk.path), str(raw)]
        subprocess.run(convert, check=True)
        found = partitions(raw)
        with raw.open("rb") as file:
            assert file.read(440) == bytes(440), "there is boot code in the first sector"
            offset, length = found[BIOS_BOOT_TYPE]
            file.seek(offset)
            assert file.read(length) == bytes(length), "there is a boot loader in the BIOS-boot partition"
        esp = f"{raw}@@{found[ESP_TYPE][0]}"
        label = subprocess.run(["mlabel", "-s", "-i", esp, "::"], capture_output=True, text=True)
        assert "EDGELINUX" in label.stdout, "the ESP was not looked at"
        # Empty, the scripts come before the kernel: mdir calls that "not found".
        listing = subprocess.run(["mdir", "-/", "-b", "-i", esp, "::"], capture_output=True, text=True)
        names = listing.stdout.upper()
        assert "BOOTX64.EFI" not in names
        assert "GRUB.CFG" not in names
        raw.unlink()
