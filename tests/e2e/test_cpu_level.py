"""A CPU below the base's level is refused in one line, before anything of the system runs.

The ISO's own kernel and initramfs, started directly. Its base may well run on the oldest processor, so a
second archive after the initramfs, whose files replace those of the first, asks for a higher level.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_build.qemu import media
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.qemu.session import Wishes

from tests.e2e.lab import Lab

LEVEL_FILE = "etc/edgelinux-cpu-level"


def archive(name: str, content: bytes) -> bytes:
    """A cpio archive of one file in the format that initramfs have (cpio(5), "newc")."""

    def entry(name: str, content: bytes, mode: int) -> bytes:
        fields = (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        return b"".join(part + bytes(-len(part) % 4) for part in (header, content))

    return entry(name, content, 0o100644) + entry("TRAILER!!!", b"", 0)


@pytest.fixture(scope="module")
def refused(lab: Lab) -> Iterator[VirtualMachine]:
    iso = lab.iso("default")
    folder = lab.scratch / "cpu-level"
    folder.mkdir(parents=True, exist_ok=True)
    kernel = media.extract(iso, "/boot/vmlinuz", folder / "vmlinuz")
    initramfs = media.extract(iso, "/boot/initramfs.img", folder / "initramfs.img")
    _ask_for(initramfs, "x86-64-v3")
    extra = ("-kernel", str(kernel), "-initrd", str(initramfs), "-append", "console=tty0 console=ttyS0 quiet")
    wishes = Wishes("cpu-level", firmware="bios", cpu="Nehalem", extra=extra)
    with lab.ledger.boot("cpu-level"):
        vm = lab.start(wishes, lab.accel(iso))
        try:
            vm.wait_for("edgeLinux: this CPU", 120, "the refusal")
        except BaseException:
            vm.kill()
            raise
    with vm:
        yield vm


def _ask_for(initramfs: Path, level: str) -> None:
    with initramfs.open("ab") as file:
        file.write(bytes(-file.tell() % 4) + archive(LEVEL_FILE, f"{level}\n".encode()))


def test_one_line_says_what_is_wrong_and_what_to_do(refused: VirtualMachine) -> None:
    said = [line for _, line in refused.lines if "edgeLinux: this CPU" in line]
    assert len(said) == 1
    assert "this CPU is x86-64-v2, this system needs x86-64-v3" in said[0]
    assert "use an image that is made for older CPUs" in said[0]


def test_nothing_of_the_system_runs_and_nothing_restarts(refused: VirtualMachine) -> None:
    for line in refused.follow(10):
        assert "systemd" not in line
        assert "Linux version" not in line
    assert refused.running()
    assert not any("systemd" in line for _, line in refused.lines)
