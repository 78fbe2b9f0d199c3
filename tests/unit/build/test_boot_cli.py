"""`edgelinux boot` before it starts anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from edgelinux_build import boot_cli
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
