"""What an ISO says about itself, and what is found when parts of it are damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from edgelinux_build.medium.image import IsoImage, open_iso
from edgelinux_build.medium.inspect import describe, inspect
from edgelinux_build.stage import Project
from edgelinux_installer.boot_images import Interval, read_el_torito

from tests.unit.build.standin import make_results, make_standin
from tests.unit.build.test_medium_embed import edgelinux

KICKSTART = "text\nrootpw --plaintext hunter2\n"


@pytest.fixture
def iso(project: Project, tmp_path: Path) -> Path:
    return make_standin(project, make_results(tmp_path / "results"), tmp_path, kickstart=KICKSTART)


def damage(iso: Path, offset: int, content: bytes = b"damage") -> None:
    with iso.open("r+b") as file:
        file.seek(offset)
        assert file.read(len(content)) != content
        file.seek(offset)
        file.write(content)


def test_a_whole_iso(iso: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("iso", "inspect", iso, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    label = found["label"]
    assert label.startswith("EDGELINUX_")
    assert found | {"label": "", "squashfs_sha256": "", "kickstart_sha256": ""} == {
        "file": str(iso),
        "size": iso.stat().st_size,
        "label": "",
        "unattended": False,
        "asks": False,
        "version": "1.2.3",
        "product": "Small OS",
        "image": "small",
        "base": "base-1",
        "base_label": "Base 1",
        "cpu_level": "x86-64-v1",
        "selinux": False,
        "kernel": "6.1",
        "zfs": "2.3",
        "squashfs_sha256": "",
        "templates_sha256": "",
        "serial": "ttyS0,115200",
        "kernel_args": ["quiet"],
        "source_date_epoch": 1_700_000_000,
        "net_prefix": "/grub",
        "kickstart": "text\nrootpw --plaintext [redacted]\n",
        "kickstart_sha256": "",
        "boot_paths": dict.fromkeys(("bios_disc", "bios_stick", "uefi_disc", "uefi_stick"), True),
        "verified": True,
        "problems": [],
        "ok": True,
    }


def test_what_a_person_reads(iso: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("iso", "inspect", iso) == 0
    text = capsys.readouterr().out
    for words in ("Small OS 1.2.3", "Base 1", "6.1, 2.3", "x86-64-v1 or better", "2023-11-14 22:13:20 UTC"):
        assert words in text
    assert "live system, erases nothing by itself" in text
    assert "BIOS and UEFI, from disc and from stick" in text
    assert "everything is as it was made" in text
    assert "hunter2" not in text


def boot_file(image: IsoImage) -> int:
    return image.extents["boot/grub/eltorito.img"].offset


@pytest.mark.parametrize(
    "name",
    ["live/edgelinux.squashfs", "boot/vmlinuz", "boot/initramfs.img", "boot/grub/i386-pc/linux.mod"],
)
def test_damaged_files_are_named(iso: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    damage(iso, open_iso(iso).extents[name].offset + 100)
    assert inspect(iso).problems == (f"{name} is damaged",)
    assert edgelinux("iso", "inspect", iso) == 1
    assert f"DAMAGED: {name} is damaged" in capsys.readouterr().out
    assert edgelinux("iso", "inspect", iso, "--no-verify") == 0
    assert "not compared" in capsys.readouterr().out


def test_damaged_boot_images_are_named(iso: Path) -> None:
    image = open_iso(iso)
    damage(iso, 10)
    assert inspect(iso).problems == ("the BIOS boot code in the first sector is damaged",)
    damage(iso, boot_file(image) + 5000)
    assert "boot/grub/eltorito.img is damaged" in inspect(iso).problems
    damage(iso, image.uefi().offset + image.uefi().size - 100)
    assert "the EFI system partition is damaged" in inspect(iso).problems


def lost(iso: Path) -> list[str]:
    return inspect(iso, verify=False).boot_paths.missing


def test_a_stick_that_bios_cannot_start(iso: Path) -> None:
    assert lost(iso) == []
    damage(iso, 0x1B0, b"\xff" * 8)  # where the boot code looks for GRUB
    assert lost(iso) == ["BIOS from a stick (MBR)"]


def test_a_disc_that_bios_cannot_start(iso: Path) -> None:
    damage(iso, boot_file(open_iso(iso)) + 12, b"\xff" * 4)  # the address in the boot information table
    assert lost(iso) == ["BIOS from a disc (El Torito)", "BIOS from a stick (MBR)"]


def test_a_stick_that_uefi_cannot_start(iso: Path) -> None:
    damage(iso, 2 * 512 + 128, bytes(128))  # the second entry of the GPT
    assert "UEFI from a stick (GPT partition)" in lost(iso)
    assert "UEFI from a disc (El Torito)" not in lost(iso)


@pytest.mark.parametrize("change", ["no loader", "no stub", "another label"])
def test_an_esp_that_leads_nowhere(iso: Path, tmp_path: Path, change: str) -> None:
    at = f"{iso}@@{open_iso(iso).uefi().offset}"
    if change == "no loader":
        subprocess.run(["mdel", "-i", at, "::/EFI/BOOT/grubx64.efi"], check=True)
    elif change == "no stub":
        subprocess.run(["mdel", "-i", at, "::/boot/grub/grub.cfg"], check=True)
    else:
        (tmp_path / "stub").write_text("search --set=root --label EDGELINUX_FFFFFFFF\n")
        subprocess.run(["mcopy", "-o", "-i", at, tmp_path / "stub", "::/boot/grub/grub.cfg"], check=True)
    assert lost(iso) == ["UEFI from a disc (El Torito)", "UEFI from a stick (GPT partition)"]
    assert not inspect(iso, verify=False).ok
    assert any("NOT with UEFI from a disc" in line for line in describe(inspect(iso)))


def test_el_torito_as_xorriso_tells_it(iso: Path) -> None:
    image = open_iso(iso)
    with iso.open("rb") as file:
        found = read_el_torito(file)
    assert found.bios == Interval(boot_file(image), 2048)
    assert found.uefi
    at = f" {found.uefi.size // 512} +{found.uefi.offset // 2048}$"
    assert [line for line in image.reports.splitlines() if "UEFI" in line and at.split()[0] in line]
    assert image.interval(found.uefi)[510:512] == b"\x55\xaa"


def test_a_stick_larger_than_the_iso(iso: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.write_bytes(iso.read_bytes() + bytes(1024 * 1024))
    assert inspect(stick).ok
    assert inspect(stick).size == iso.stat().st_size


def test_two_names_for_one_medium(iso: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(iso, 16 * 2048 + 40, b"OTHER")
    assert edgelinux("iso", "inspect", iso) == 1
    assert "but its volume label is OTHER" in capsys.readouterr().err


def test_no_root_is_needed_and_no_repository(
    iso: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGELINUX_ROOT", raising=False)
    argv = [sys.executable, "-m", "edgelinux_build.cli", "iso", "inspect", str(iso)]
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True).returncode == 0
