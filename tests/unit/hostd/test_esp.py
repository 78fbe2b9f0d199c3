"""Boot files on every ESP: bootable last, and the exact commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from edgelinux_hostd import esp, nvram
from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.esp import Esp
from edgelinux_hostd.grubcfg import BootEntry
from edgelinux_hostd.image import ImageInfo

from .conftest import Programs

ENTRY = BootEntry("2.1.0", "antlets/ROOT/2.1.0", 42, 1)
ESPS = [Esp("/dev/vda", "/dev/vda2", 2, "uuid-a"), Esp("/dev/vdb", "/dev/vdb2", 2, "uuid-b")]


class Disks:
    """Stands in for mounted ESPs with a directory each, and notes when which file appeared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def mounted(self, one: Esp) -> Iterator[Path]:
        mountpoint = self.folder / Path(one.partition).name
        mountpoint.mkdir(parents=True, exist_ok=True)
        yield mountpoint

    def files(self, name: str) -> set[str]:
        top = self.folder / name
        return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}


@pytest.fixture
def disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    fake = Disks(tmp_path / "esps")
    monkeypatch.setattr(esp, "mounted", fake.mounted)
    monkeypatch.setattr(
        "edgelinux_hostd.esp.shutil.which",
        lambda name: f"/usr/sbin/{name}" if name == "grub-install" else None,
    )
    monkeypatch.setattr(nvram, "_EFIVARS", tmp_path / "no-efivars")
    return fake


STAGED = {"edgelinux/2.1.0/vmlinuz", "edgelinux/2.1.0/initramfs.img"}


def test_staging_makes_nothing_bootable(
    disks: Disks, programs: Programs, image: ImageInfo, root: Path
) -> None:
    esp.stage_boot_files(ESPS, image, ENTRY, root)
    assert disks.files("vda2") == disks.files("vdb2") == STAGED
    assert programs.ran == []


def test_bootable(disks: Disks, programs: Programs, image: ImageInfo, root: Path) -> None:
    esp.stage_boot_files(ESPS, image, ENTRY, root)
    esp.make_bootable(ESPS, image, [ENTRY], root, medium="EDGELINUX_1")
    assert disks.files("vda2") == disks.files("vdb2")
    assert {"EFI/BOOT/BOOTX64.EFI", "edgelinux/grub.cfg", "edgelinux/installed/EDGELINUX_1"} <= disks.files(
        "vda2"
    )
    assert programs.ran == [
        [
            "grub-install",
            "--target=i386-pc",
            f"--directory={root}/usr/lib/grub/i386-pc",
            f"--boot-directory={disks.folder}/vd{disk}2/edgelinux",
            "--modules=part_gpt fat",
            f"/dev/vd{disk}",
        ]
        for disk in "ab"
    ]


def test_no_disk_gets_a_menu_when_one_fails(
    disks: Disks, programs: Programs, image: ImageInfo, root: Path
) -> None:
    programs.answers["grub-install"] = (1, "", "no space in the embedding area")
    with pytest.raises(CommandError, match="embedding area"):
        esp.make_bootable(ESPS, image, [ENTRY], root, medium="EDGELINUX_1")
    for name in ("vda2", "vdb2"):
        assert not disks.files(name) & {"EFI/BOOT/BOOTX64.EFI", "edgelinux/grub.cfg"}
        assert "edgelinux/installed/EDGELINUX_1" not in disks.files(name)


def test_unbootable_again(
    tmp_path: Path, disks: Disks, programs: Programs, image: ImageInfo, root: Path
) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"\xeb" * 1024)
    one = Esp(str(disk), "/dev/vda2")
    esp.make_bootable([one], image, [ENTRY], root, nvram=False)
    esp.make_unbootable([Esp(str(tmp_path / "gone"), "/dev/vdz2"), one])
    assert not disks.files("vda2") & {"EFI/BOOT/BOOTX64.EFI", "edgelinux/grub.cfg"}
    assert disk.read_bytes() == bytes(440) + b"\xeb" * (1024 - 440)


def test_removing_an_old_boot_environment(
    disks: Disks, programs: Programs, image: ImageInfo, root: Path
) -> None:
    old = BootEntry("2.0.0", "antlets/ROOT/2.0.0", 42, 1)
    esp.install_boot(ESPS, image, old, root)
    esp.install_boot(ESPS, image, ENTRY, root, others=[old])
    menu = disks.folder / "vda2/edgelinux/grub.cfg"
    assert "2.0.0" in menu.read_text(encoding="utf-8")
    esp.remove_boot(ESPS, "2.0.0", [ENTRY])
    assert "2.0.0" not in menu.read_text(encoding="utf-8")
    assert not (disks.folder / "vda2/edgelinux/2.0.0").exists()
    assert disks.files("vda2") >= STAGED
    with pytest.raises(EdgeLinuxError, match="still in the menu"):
        esp.remove_boot(ESPS, "2.1.0", [ENTRY])


def test_check_says_what_is_out_of_date(
    disks: Disks, programs: Programs, image: ImageInfo, root: Path
) -> None:
    esp.install_boot(ESPS, image, ENTRY, root)
    # What the real grub-install would have copied.
    for name in ("vda2", "vdb2"):
        modules = disks.folder / name / "edgelinux/grub/i386-pc"
        modules.mkdir(parents=True)
        (modules / "normal.mod").write_text("normal", encoding="utf-8")
    assert esp.check_boot(ESPS[0], image, [ENTRY], root) == []
    (root / "boot/vmlinuz-6.12.1").write_text("a new kernel", encoding="utf-8")
    (disks.folder / "vda2/edgelinux/grub/i386-pc/normal.mod").unlink()
    assert esp.check_boot(ESPS[0], image, [ENTRY], root) == [
        "edgelinux/2.1.0/vmlinuz",
        "edgelinux/grub/i386-pc/normal.mod",
    ]


def test_without_grub_install(
    disks: Disks, image: ImageInfo, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgelinux_hostd.esp.shutil.which", lambda name: None)
    with pytest.raises(EdgeLinuxError, match="grub-install is not installed"):
        esp.make_bootable(ESPS, image, [ENTRY], root)
    assert disks.files("vda2") == set()


def test_mounting_is_private_and_undone(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esp, "_RUN", tmp_path / "run")

    def use_it() -> None:
        with esp.mounted(ESPS[0]) as mountpoint:
            assert mountpoint == tmp_path / "run/vda2"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        use_it()
    assert programs.ran == [
        ["mount", "-t", "vfat", "-o", "umask=0077,nosuid,nodev,noexec", "/dev/vda2", f"{tmp_path}/run/vda2"],
        ["umount", f"{tmp_path}/run/vda2"],
    ]


def test_disks_that_bios_cannot_read_get_no_boot_code(
    disks: Disks,
    programs: Programs,
    image: ImageInfo,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, size in (("vda", 512), ("vdb", 4096)):
        queue = tmp_path / "block" / name / "queue"
        queue.mkdir(parents=True)
        (queue / "logical_block_size").write_text(f"{size}\n", encoding="ascii")
    monkeypatch.setattr(esp, "_SYS_BLOCK", tmp_path / "block")
    esp.stage_boot_files(ESPS, image, ENTRY, root)
    esp.make_bootable(ESPS, image, [ENTRY], root)
    assert [argv[-1] for argv in programs.ran if argv[0] == "grub-install"] == ["/dev/vda"]
    assert "EFI/BOOT/BOOTX64.EFI" in disks.files("vdb2")
    assert esp.check_boot(ESPS[1], image, [ENTRY], root) == []
