"""UEFI boot entries, from what efibootmgr prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from edgelinux_hostd import nvram
from edgelinux_hostd.nvram import NvramEntry, parse_efibootmgr, plan_nvram, update_nvram

from .conftest import Programs

LOADER = "\\EFI\\debian\\shimx64.efi"
FIRST = NvramEntry("/dev/vda", 2, "0F6DD7D2-9DBD-4B1E-A3D9-6D4F1F1A0001", LOADER)
SECOND = NvramEntry("/dev/vdb", 2, "0f6dd7d2-9dbd-4b1e-a3d9-6d4f1f1a0002", LOADER)


def test_only_hard_disk_entries_are_read(recorded: Callable[[str], str]) -> None:
    found = parse_efibootmgr(recorded("efibootmgr.txt"))
    assert [(entry.number, entry.label, entry.partuuid[-4:], entry.loader) for entry in found] == [
        ("0003", "edgeLinux OS", "0001", LOADER),
        ("0004", "edgeLinux OS", "00ff", LOADER),
        ("0005", "Windows Boot Manager", "0001", "\\EFI\\Microsoft\\Boot\\bootmgfw.efi"),
        ("000A", "edgeLinux OS", "0001", LOADER),
    ]


def test_stale_and_double_entries_go_and_missing_ones_come(recorded: Callable[[str], str]) -> None:
    plan = plan_nvram(parse_efibootmgr(recorded("efibootmgr.txt")), [FIRST, SECOND])
    assert plan.remove == ("0004", "000A")
    assert plan.add == (SECOND,)


def test_nothing_to_do() -> None:
    present = [NvramEntry("", 0, FIRST.partuuid.lower(), LOADER.upper(), nvram.LABEL, "0003")]
    assert plan_nvram(present, [FIRST]) == nvram.NvramPlan((), ())


def test_the_first_disk_is_added_last_to_come_first() -> None:
    assert plan_nvram([], [FIRST, SECOND]).add == (SECOND, FIRST)


def test_commands(
    programs: Programs, recorded: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvram, "_EFIVARS", tmp_path)
    programs.answers["efibootmgr"] = (0, recorded("efibootmgr.txt"), "")
    assert update_nvram([FIRST, SECOND])
    assert programs.ran == [
        ["efibootmgr", "-v"],
        ["efibootmgr", "--quiet", "--delete-bootnum", "--bootnum", "0004"],
        ["efibootmgr", "--quiet", "--delete-bootnum", "--bootnum", "000A"],
        [
            *["efibootmgr", "--quiet", "--create", "--disk", "/dev/vdb", "--part", "2"],
            *["--label", "edgeLinux OS", "--loader", LOADER],
        ],
    ]


def test_firmware_that_refuses_is_no_failure(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvram, "_EFIVARS", tmp_path)
    programs.answers["efibootmgr"] = (1, "", "No space left on device")
    assert not update_nvram([FIRST])


def test_bios_has_none(programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvram, "_EFIVARS", tmp_path / "gone")
    assert not update_nvram([FIRST])
    assert programs.ran == []
