"""Installs the ISO onto each case's disks, and looks at the host that comes of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from edgelinux_build.qemu import media
from edgelinux_build.qemu.console import INSTALL_FAILED
from edgelinux_build.qemu.install import INSTALL_SECONDS, wait_for_end, wait_for_installer, wait_until_up
from edgelinux_build.qemu.machine import Machine
from edgelinux_build.qemu.menu import choose_entry
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.qemu.session import Wishes

from tests.e2e.boots import Ledger
from tests.e2e.forms import SerialForms, fill_in, serial_socket
from tests.e2e.lab import Lab
from tests.long.cases import CASES, SITE, Case
from tests.long.passed import KEPT


@pytest.fixture(scope="module")
def lab() -> Lab:
    lab = Lab(KEPT, KEPT / "scratch")
    # One file for each session: it only counts here what is spent, there is no budget to keep to.
    names = [f"{case.name}-{boot}" for case in CASES for boot in ("install", "first")]
    lab.ledger = Ledger(KEPT / "boots.jsonl", budget=len(names), listed=dict.fromkeys(names, ""))
    lab.ledger.path.unlink(missing_ok=True)
    return lab


def disks_file(lab: Lab, case: str) -> Path:
    """Where a case leaves its disks for the one that follows it."""
    return lab.scratch / f"{case}-disks"


@pytest.fixture
def machine(
    request: pytest.FixtureRequest, lab: Lab
) -> Iterator[tuple[Case, VirtualMachine, media.IsoFacts]]:
    case: Case = request.param
    site = SITE.format(**vars(case), count=len(case.members), key=lab.public_key)
    iso = lab.iso("default") if case.typed else lab.iso(case.name, site)
    wishes = Wishes(case.name, firmware=case.firmware, iso=iso, iso_as_usb=case.stick, first_slot=1)
    if case.follows:
        # The medium comes last in the boot order, and these disks boot: so the medium goes first.
        disks = tuple(sorted(disks_file(lab, case.follows).iterdir()))
        wishes = replace(wishes, disks=disks, medium_first=True)
    else:
        wishes = replace(wishes, new_disks=case.disks)
    vm = lab.start(wishes, lab.accel(iso), allowed=[INSTALL_FAILED] if case.refusal else [])
    with vm:
        yield case, vm, media.read_iso(iso, lab.scratch / f"{case.name}-iso")
    _keep_disks(lab, case, vm.machine)


def _keep_disks(lab: Lab, case: Case, machine: Machine) -> None:
    kept = disks_file(lab, case.name)
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    if any(other.follows == case.name for other in CASES):
        for disk in machine.disks:
            disk.path.rename(kept / f"disk{disk.slot}.qcow2")
    if case.follows:
        shutil.rmtree(disks_file(lab, case.follows), ignore_errors=True)


MATRIX = [case for case in CASES if case.test.startswith("test_matrix.py::")]


@pytest.mark.parametrize("machine", MATRIX, ids=lambda case: case.name, indirect=True)
def test_installs(machine: tuple[Case, VirtualMachine, media.IsoFacts], lab: Lab) -> None:
    case, vm, facts = machine
    with lab.ledger.boot(f"{case.name}-install"):
        if case.typed:
            _type_it(vm, facts, case.name, lab.public_key)
        else:
            wait_for_installer(vm, facts)
        if case.refusal:
            vm.wait_for("INSTALLATION FAILED", INSTALL_SECONDS)
            vm.wait_for("not made bootable", 30)
            assert case.refusal in " ".join(line for _, line in vm.lines if "FAILED" in line)
            return
        if not case.typed:
            wait_for_end(vm)
    with lab.ledger.boot(f"{case.name}-first"):
        wait_until_up(vm)
    _look_at(lab.ssh(vm), case)
    vm.shut_down(180)


def _type_it(vm: VirtualMachine, facts: media.IsoFacts, name: str, key: str) -> None:
    """Choose the menu's install entry, and answer what it asks."""
    assert facts.ask_entry is not None
    choose_entry(vm, facts.ask_entry)
    with serial_socket(vm) as connected:
        forms = SerialForms(connected)
        forms.wait_for("Leave to a shell", 420)
        summary = fill_in(forms, disks=("/dev/vda", "/dev/vdb"), hostname=name, key=key)
        assert summary.count("ERASED: ") == 2
        forms.go_to("Type erase to install")
        forms.type("erase")
        forms.choose("Install")
        forms.wait_for("Installation complete", INSTALL_SECONDS)
        forms.choose("Restart now")


def _look_at(host: Any, case: Case) -> None:
    assert host.run("timeout 300 systemctl is-system-running --wait").stdout.strip() == "running"
    assert host.check_output("hostname") == case.name
    assert host.check_output("zpool list -H -o health antlets") == "ONLINE"
    status = host.check_output("zpool status -LP antlets")
    assert ("mirror-0" in status) == (case.layout == "mirror")
    found = re.findall(r"^\s+(/dev/\S+)\s+ONLINE", status, re.MULTILINE)
    wanted = [
        host.check_output(f"realpath /dev/disk/by-id/*edgelinux-disk{slot}-part3 | head -1")
        for slot in case.members
    ]
    assert sorted(found) == sorted(wanted)
    # Every disk of the pool can boot the host by itself.
    assert host.run("antlet host boot-sync --check").rc == 0
    synced = host.check_output("antlet host boot-sync --check").splitlines()
    assert len(synced) == len(case.members)
