"""A disk that is pulled out while the installation runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_installer.stream import stream
from edgelinux_installer.watch import loss, within

MakeDisk = Callable[..., Disk]


@pytest.fixture
def disks(disk: MakeDisk) -> tuple[Disk, Disk]:
    return disk("sda", model="INTEL SSD", serial="S1"), disk("sdb", serial="S2")


PARTS = ("/dev/disk/by-partuuid/a", "/dev/disk/by-partuuid/b")


@pytest.mark.parametrize(
    ("present", "failed", "message"),
    [
        ({"/dev/sda", "/dev/sdb"}, {}, ""),
        ({"/dev/sdb"}, {}, "disk /dev/sda (INTEL SSD, serial S1) disappeared"),
        ({"/dev/sda"}, {}, "disk /dev/sdb (serial S2) disappeared"),
        ({"/dev/sda", "/dev/sdb"}, {PARTS[1]: "REMOVED"}, "disk /dev/sdb (serial S2) disappeared"),
        ({"/dev/sda", "/dev/sdb"}, {PARTS[0]: "UNAVAIL"}, "disk /dev/sda (INTEL SSD, serial S1) disappeared"),
        (
            {"/dev/sda", "/dev/sdb"},
            {PARTS[1]: "FAULTED"},
            "disk /dev/sdb (serial S2) failed (its state is FAULTED)",
        ),
        ({"/dev/sda", "/dev/sdb"}, {"/dev/sdb3": "REMOVED"}, "disk /dev/sdb (serial S2) disappeared"),
        ({"/dev/sda", "/dev/sdb"}, {"/dev/another": "FAULTED"}, ""),
    ],
)
def test_which_disk_is_lost(
    disks: tuple[Disk, Disk], present: set[str], failed: dict[str, str], message: str
) -> None:
    assert loss(disks, present.__contains__, PARTS, failed) == message


def test_before_there_are_partitions_only_the_nodes_count(disks: tuple[Disk, Disk]) -> None:
    assert loss(disks, lambda path: True, (), {PARTS[0]: "REMOVED"}) == ""


def test_within_gives_what_was_done_and_raises_what_was_raised() -> None:
    assert within(60, lambda: 42, "thinking") == 42

    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        within(60, fail, "looking")


def test_what_never_ends_is_left_behind() -> None:
    gate = threading.Event()
    with pytest.raises(EdgeLinuxError, match=r"waiting did not end within 0\.01 s"):
        within(0.01, gate.wait, "waiting")
    gate.set()


def test_a_program_that_is_read_from_can_be_ended() -> None:
    with pytest.raises(CommandError, match="failed with exit code -9"):
        stream(["sleep", "600"], lambda line: None, started=lambda process: process.kill())
