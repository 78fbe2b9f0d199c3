"""Which files go to an ESP, in which order, and that none is ever half."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd import espfiles
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.espfiles import Write, apply, stale
from edgelinux_hostd.grubcfg import BootEntry
from edgelinux_hostd.image import ImageInfo

ENTRY = BootEntry("2.1.0", "antlets/ROOT/2.1.0", 42, 1)


def test_staged_files_start_nothing(image: ImageInfo, root: Path) -> None:
    writes = espfiles.boot_files(image, ENTRY, root)
    assert [write.target for write in writes] == [
        "edgelinux/2.1.0/vmlinuz",
        "edgelinux/2.1.0/initramfs.img",
    ]
    assert [write.content for write in writes] == [
        root / "boot/vmlinuz-6.12.1",
        root / "boot/initramfs-6.12.1.img",
    ]


def test_loaders_then_menu_then_what_firmware_starts(image: ImageInfo, root: Path) -> None:
    writes = espfiles.loader_files(image, root, "grub") + espfiles.activation_files(image, [ENTRY], root)
    assert [write.target for write in writes] == [
        "EFI/base/grubx64.efi",
        "EFI/base/mmx64.efi",
        "EFI/BOOT/grubx64.efi",
        "EFI/BOOT/mmx64.efi",
        "EFI/base/grub.cfg",
        "EFI/BOOT/grub.cfg",
        "edgelinux/grub/grub.cfg",
        "edgelinux/grub.cfg",
        "EFI/base/shimx64.efi",
        "EFI/BOOT/BOOTX64.EFI",
    ]


def test_loader_in_firmwares_spelling(image: ImageInfo) -> None:
    assert espfiles.efi_loader(image) == "\\EFI\\base\\shimx64.efi"


def test_marker() -> None:
    write = espfiles.marker_file("EDGELINUX_0A1B2C3D")
    assert write.target == "edgelinux/installed/EDGELINUX_0A1B2C3D"
    for label in ("", "../x", "."):
        with pytest.raises(EdgeLinuxError, match="label"):
            espfiles.marker_file(label)


def test_apply_writes_what_differs_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "kernel"
    source.write_bytes(b"kernel" * 400_000)
    esp = tmp_path / "esp"
    writes = [Write("a/b/kernel", source), Write("a/menu", "text\n")]
    assert [write.target for write in stale(writes, esp)] == ["a/b/kernel", "a/menu"]
    assert apply(writes, esp) == ["a/b/kernel", "a/menu"]
    assert (esp / "a/b/kernel").read_bytes() == source.read_bytes()
    assert (esp / "a/menu").read_text(encoding="utf-8") == "text\n"
    assert stale(writes, esp) == []
    assert apply(writes, esp) == []
    source.write_bytes(b"Kernel" * 400_000)  # the same size
    assert apply(writes, esp) == ["a/b/kernel"]
    assert [path.name for path in (esp / "a/b").iterdir()] == ["kernel"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "menu").write_text("old", encoding="utf-8")
    with pytest.raises(EdgeLinuxError, match="cannot write menu to the ESP: No such file"):
        apply([Write("menu", tmp_path / "gone")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["menu"]
    assert (tmp_path / "menu").read_text(encoding="utf-8") == "old"


def test_nothing_after_a_write_that_fails(tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError):
        apply([Write("kernel", tmp_path / "gone"), Write("menu", "text")], tmp_path)
    assert not (tmp_path / "menu").exists()


def test_what_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "menu.new").write_text("half", encoding="utf-8")
    apply([Write("menu", "whole")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["menu"]
