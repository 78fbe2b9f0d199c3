"""The menu's check of the medium, from a USB stick with UEFI: with BIOS one is installed from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from edgelinux_build.qemu import media
from edgelinux_build.qemu.machine import Network
from edgelinux_build.qemu.menu import choose_entry
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.qemu.session import Wishes

from tests.e2e.lab import Lab
from tests.e2e.serial import SerialShell

MACHINE = Network(ssh_port=0).mac.replace(":", "-")


@pytest.fixture(scope="module")
def checked(lab: Lab) -> Iterator[VirtualMachine]:
    iso = lab.iso("default")
    facts = media.read_iso(iso, lab.scratch / "check-iso")
    assert facts.check_entry is not None
    # With a partition for sites, which must not matter.
    stick = lab.stick("default", iso, {MACHINE: "hostname: edge1\n"})
    vm = lab.start(Wishes("check-medium", firmware="uefi", iso=stick, iso_as_usb=True), lab.accel(iso))
    with vm:
        with lab.ledger.boot("check-medium"):
            choose_entry(vm, facts.check_entry)
            vm.wait_for(r"^MEDIUM (OK|DAMAGED)\b", 420, "the verdict on the medium")
        lab.note("medium check: power-on to the verdict", vm.seconds)
        yield vm


def test_it_says_the_verdict_on_the_console(checked: VirtualMachine) -> None:
    (verdict,) = {line for _, line in checked.lines if line.startswith("MEDIUM ")}
    assert verdict.startswith("MEDIUM OK: EDGELINUX_")
    assert "boot images are as they were made" in verdict


def test_it_leaves_a_shell_and_does_not_restart(checked: VirtualMachine) -> None:
    with SerialShell(checked, 120) as shell:
        assert shell.check("id -u") == "0"
        assert shell.check("cat /proc/sys/kernel/random/boot_id; systemctl is-system-running --wait || true")
        # It has no disks, which the kickstart that is for it asks for.
        said = shell.check("edgelinux-install --check 2>&1 || true")
        assert f"/run/edgelinux/{MACHINE}.ks" in said
        assert "can be taken: none" in said
        assert "holds the live medium" in said
    assert not any("Rebooting" in line for _, line in checked.lines)
