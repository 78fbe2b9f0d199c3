"""Kills hostd at every point of every kind of job, in an installed host, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from edgelinux_build.qemu import media
from edgelinux_build.qemu.install import wait_for_end, wait_for_installer, wait_until_up
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.qemu.session import Wishes

from tests.e2e.crash_scenarios import Scenario
from tests.e2e.crashes import Reference, reference, run_point
from tests.e2e.lab import Lab
from tests.long.cases import SITE
from tests.long.crashes import CRASHES, Crash
from tests.long.passed import KEPT, Passed, built_image

# The third disk is for the pools that jobs make and find.
DISKS = ("12G", "12G", "2G")


@dataclass
class Guest:
    """An installed host for many crashes; after one that was not made good, the next gets a new one."""

    lab: Lab
    vm: VirtualMachine | None = None
    host: Any = None
    installed: int = 0
    references: dict[str, Reference] = field(default_factory=dict)

    def running(self) -> Any:
        """Give the host, installed now if it is not there."""
        if self.vm is None:
            self._install()
        return self.host

    def reference(self, scenario: Scenario) -> Reference:
        """Give what a scenario's job comes to undisturbed, in this installation."""
        if scenario.name not in self.references:
            self.references[scenario.name] = reference(self.running(), scenario)
        return self.references[scenario.name]

    def spoilt(self) -> None:
        """Throw the host away."""
        if self.vm is not None:
            self.vm.kill()
        self.vm = None
        self.references.clear()

    def _install(self) -> None:
        self.installed += 1
        name = f"crashes{self.installed}"
        site = SITE.format(
            name=name,
            select="/dev/disk/by-id/*edgelinux-disk[12]",
            count=2,
            layout="mirror",
            more="",
            key=self.lab.public_key,
        )
        iso = self.lab.iso(name, site)
        wishes = Wishes(name, iso=iso, new_disks=DISKS, first_slot=1)
        self.vm = self.lab.start(wishes, self.lab.accel(iso))
        wait_for_installer(self.vm, media.read_iso(iso, self.lab.scratch / f"{name}-iso"))
        wait_for_end(self.vm)
        wait_until_up(self.vm)
        self.host = self.lab.ssh(self.vm)
        self.host.run("timeout 300 systemctl is-system-running --wait")


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    guest = Guest(Lab(KEPT, KEPT / "scratch"))
    yield guest
    guest.spoilt()


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.name)
def test_killed_at(crash: Crash, guest: Guest) -> None:
    try:
        host = guest.running()
        outcome = run_point(host, crash.point, crash.scenario, guest.reference(crash.scenario))
        assert not outcome.wrong, "\n".join(outcome.wrong)
    except BaseException:
        guest.spoilt()
        raise
    Passed(built_image()).add(crash.name)
