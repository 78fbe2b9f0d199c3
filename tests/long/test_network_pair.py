"""Two machines at once, one with BIOS and one with UEFI, are installed by one server on their network."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Literal

import pytest
from edgelinux_build.qemu.install import INSTALL_SECONDS, STARTED, wait_until_up
from edgelinux_build.qemu.machine import Network
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.qemu.session import Wishes

from tests.e2e.lab import Lab
from tests.e2e.netboot import CARDS, NETWORK_BOOT_SECONDS, network_boot
from tests.e2e.sites import WIRE_POST
from tests.long.cases import CASES, SITE, Case
from tests.long.passed import KEPT

FIRMWARE: tuple[Literal["uefi", "bios"], ...] = ("uefi", "bios")
# Both share the cores, and each emulates its own.
_SLOWER = 2

PAIRS = [case for case in CASES if case.test.startswith("test_network_pair.py::")]


def site_of(case: Case, name: str, card: str, key: str) -> str:
    text = SITE.format(**{**vars(case), "name": name}, count=len(case.members), key=key)
    network = f'network: {{device: "{Network(ssh_port=0).mac}"}}\n'
    return f"{text}{network}post: |\n{WIRE_POST.format(card=card)}"


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.name)
def test_both_are_installed(case: Case) -> None:
    lab = Lab(KEPT, KEPT / "scratch")
    iso = lab.iso("default")
    names = [f"{case.name}-{firmware}" for firmware in FIRMWARE]
    texts = {
        card.replace(":", "-"): site_of(case, name, card, lab.public_key)
        for card, name in zip(CARDS, names, strict=True)
    }
    with ExitStack() as stack:
        served = stack.enter_context(network_boot(lab, case.name, iso, texts, cards=len(CARDS)))
        machines: list[VirtualMachine] = []
        for firmware, card, name in zip(FIRMWARE, CARDS, names, strict=True):
            wishes = Wishes(name, firmware=firmware, nic="e1000e", first_slot=1, new_disks=case.disks)
            wishes = replace(wishes, extra=served.qemu_options(firmware, card))
            vm = lab.start(wishes, lab.accel(iso), pass_fds=served.taps)
            machines.append(stack.enter_context(vm))
        for vm in machines:
            vm.wait_for(STARTED, _SLOWER * NETWORK_BOOT_SECONDS, "the installer")
        for vm in machines:
            vm.wait_for("^Installation complete", _SLOWER * INSTALL_SECONDS, "the end of the installation")
        for vm, card, name in zip(machines, CARDS, names, strict=True):
            wait_until_up(vm, _SLOWER * NETWORK_BOOT_SECONDS)
            machine = served.wait_for("up", 300, card)
            assert machine["hostname"] == name
            assert lab.ssh(vm).check_output("hostname") == name
