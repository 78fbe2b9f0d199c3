"""`edgelinux boot` before it starts anything."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from edgelinux_build import boot_cli
from edgelinux_build.qemu import state
from edgelinux_build.qemu.announced import wait_for_announcement
from edgelinux_hostd.announce.facts import Facts
from edgelinux_hostd.announce.text import block, plain
from edgelinux_hostd.errors import EdgeLinuxError


def iso(path: Path) -> Path:
    path.write_bytes(bytes(0x8001) + b"CD001\x01")
    return path


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_the_newest_iso_is_the_default(tmp_path: Path) -> None:
    old, new = iso(tmp_path / "b.iso"), iso(tmp_path / "a.iso")
    os.utime(old, (1, 1))
    assert boot_cli.sort_targets((), tmp_path) == boot_cli.Targets(new, ())


def test_iso_and_disks_are_told_apart(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(512))
    medium = iso(tmp_path / "a.iso")
    assert boot_cli.sort_targets((disk, medium), tmp_path) == boot_cli.Targets(medium, (disk,))


def test_nothing_to_boot(tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match="no ISO"):
        boot_cli.sort_targets((), tmp_path)


def test_two_isos(tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match="one ISO at a time"):
        boot_cli.sort_targets((iso(tmp_path / "a"), iso(tmp_path / "b")), tmp_path)


def test_unattended_needs_an_iso(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(512))
    result = CliRunner().invoke(boot_cli.boot, ["--unattended", "--out", str(tmp_path), str(disk)])
    assert isinstance(result.exception, EdgeLinuxError)


def test_no_machines() -> None:
    assert CliRunner().invoke(boot_cli.boot, ["--list"]).output.startswith("NAME")
    assert CliRunner().invoke(boot_cli.boot, ["--list", "--format", "json"]).output == "[]\n"


FACTS = Facts(
    product="edgeLinux OS 2.1.0 (Base 1)",
    hostname="edge1",
    addresses={"br0": ("10.0.2.15",)},
    fingerprints=("SHA256:abc (ED25519)",),
    next=("ssh root@10.0.2.15",),
)


def test_what_the_host_announces_is_shown_with_how_to_reach_it(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    told = "".join(f"\r\n{line}" for line in block(FACTS))
    log.write_bytes(f"Booting\r\n\x1b[0;1medge1 login: {told}\r\n\r\nedge1 login: ".encode())
    record = state.Record("m", 1, 0.0, str(tmp_path), 2222, str(tmp_path / "s"), str(log), "uefi")
    assert boot_cli._how_to_reach(record).startswith(f"{plain(FACTS)}\nconsole:  edgelinux boot --attach m")
    log.write_text("Booting\n")
    assert boot_cli._how_to_reach(record).startswith("console:")
    log.unlink()
    assert boot_cli._how_to_reach(record).startswith("console:")


class Console:
    """A console that says one line with each look at it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines: list[tuple[float, str]] = []
        self.coming = list(lines)

    def follow(self, seconds: float) -> Iterator[str]:
        while self.coming:
            self.lines.append((0.0, self.coming.pop(0)))
            yield self.lines[-1][1]
            yield ""


def test_the_announcement_is_waited_for() -> None:
    console = Console(["edge1 login: ", *block(FACTS), "[  9.9] later"])
    assert wait_for_announcement(console, 1) == FACTS
    assert console.coming == ["[  9.9] later"]
    assert wait_for_announcement(Console(["edge1 login: "]), 1) is None
