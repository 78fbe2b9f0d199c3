"""Every boot that the end-to-end tests make, in one place: boots are what they cost.

A boot takes up to 100 seconds under emulation, so there is a budget, and a boot that is not listed here is
refused. A ledger in a file counts across pytest-xdist's workers.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

__all__ = ["BOOTS", "BUDGET", "Ledger", "Made", "NotInBudgetError"]

BUDGET = 14

BOOTS: dict[str, str] = {
    "uefi-install": "UEFI, network boot, NVMe disks, one with 4K sectors: unattended installation",
    "uefi-first": "its first boot, in the same QEMU process, the network still first in the boot order",
    "uefi-reboot": "a reboot, with a foreign pool that is also called antlets",
    "uefi-disk1-bios": "the first of its disks alone, with BIOS",
    "uefi-disk2-uefi": "the second of its disks alone, with UEFI",
    "bios-install": "BIOS, USB stick, SATA disks, e1000e: unattended installation",
    "bios-first": "its first boot, in the same QEMU process, the stick still first in the boot order",
    "bios-disk1-uefi": "the first of its disks alone, with UEFI",
    "bios-disk2-bios": "the second of its disks alone, with BIOS",
    "bios-disk1-bios": "a copy of its first disk, for a virtual machine in the virtual machine",
    "live": "the default ISO: boots live, touches nothing; the installer's refusals",
    "cpu-level": "a CPU that is too old: the kernel starts, and nothing else",
    "check-medium": "UEFI, USB stick: the menu's check of the medium",
    "failing-post": "BIOS, network boot: unattended installation whose %post fails",
}


class NotInBudgetError(AssertionError):
    """A test wants to boot what is not listed, or twice, or more than the budget allows."""


@dataclass(frozen=True)
class Made:
    """A boot that was made. `seconds` is None while it lasts, or when it did not get where it should."""

    name: str
    seconds: float | None


class Ledger:
    """The boots of one test session, in a file that all workers share."""

    def __init__(
        self, path: Path, budget: int = BUDGET, listed: Mapping[str, str] = MappingProxyType(BOOTS)
    ) -> None:
        self.path = path
        self.budget = budget
        self.listed = listed

    @contextmanager
    def _locked(self) -> Iterator[IO[str]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            yield file

    @contextmanager
    def boot(self, name: str) -> Iterator[None]:
        """Counts a boot and its duration: the body returns when the machine is where it should be.

        Raises:
            NotInBudgetError: it is not listed, was made already, or is one too many.
        """
        with self._locked() as file:
            begun = [entry["boot"] for entry in map(json.loads, file) if "seconds" not in entry]
            if name not in self.listed:
                raise NotInBudgetError(f"boot {name!r} is not listed in {__name__}")
            if name in begun:
                raise NotInBudgetError(f"boot {name!r} was made already")
            if len(begun) >= self.budget:
                raise NotInBudgetError(f"boot {name!r} would be number {len(begun) + 1} of {self.budget}")
            file.write(json.dumps({"boot": name}) + "\n")
        started = time.monotonic()
        yield
        with self._locked() as file:
            file.write(json.dumps({"boot": name, "seconds": round(time.monotonic() - started, 1)}) + "\n")

    def made(self) -> list[Made]:
        """All boots so far, in the order in which they began."""
        boots: dict[str, float | None] = {}
        if not self.path.exists():
            return []
        with self._locked() as file:
            for entry in map(json.loads, file):
                boots[entry["boot"]] = entry.get("seconds")
        return [Made(name, seconds) for name, seconds in boots.items()]
