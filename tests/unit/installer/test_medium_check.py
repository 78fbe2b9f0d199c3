"""The check of a medium, with media that are damaged in every way that can be made with files."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer import cli, medium_check
from edgelinux_installer.boot_images import bios_digest, mbr_digest, read_el_torito
from edgelinux_installer.consoles import Consoles
from edgelinux_installer.medium_check import check_medium, disk_of, parse_sums

FILES = {
    "live/edgelinux.squashfs": b"squashfs" * 1000,
    "boot/vmlinuz": b"kernel",
    "boot/initramfs.img": b"initramfs",
    "edgelinux/ks.cfg": b"text\n",
}
BIOS = bytes(range(256)) * 20
ESP = b"esp!" * 512


def make_disk() -> bytes:
    """What matters of a disk: first sector, El Torito's record and catalogue, ESP."""
    disk = bytearray(40 * 2048)
    disk[:440] = b"code" * 110
    disk[17 * 2048 : 17 * 2048 + 30] = b"\0CD001\1EL TORITO SPECIFICATION"
    struct.pack_into("<I", disk, 17 * 2048 + 0x47, 20)
    entries = (
        b"\1\0" + bytes(28) + b"\x55\xaa",
        b"\x88\0\0\0\0\0" + struct.pack("<HI", 4, 21) + bytes(20),
        b"\x91\xef\1\0" + bytes(28),
        b"\x88\0\0\0\0\0" + struct.pack("<HI", len(ESP) // 512, 30) + bytes(20),
    )
    disk[20 * 2048 : 20 * 2048 + 128] = b"".join(entries)
    disk[30 * 2048 : 30 * 2048 + len(ESP)] = ESP
    return bytes(disk)


@pytest.fixture
def medium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "medium"
    boot = {
        "mbr": mbr_digest(make_disk()[:512]),
        "bios": bios_digest(BIOS),
        "uefi": hashlib.sha512(ESP).hexdigest(),
    }
    media = json.dumps({"label": "EDGELINUX_0123ABCD", "boot": boot}).encode()
    sums = []
    for name, content in {**FILES, "edgelinux/media.json": media, "boot/grub/eltorito.img": BIOS}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        if content is not BIOS:
            sums.append(f"{hashlib.sha512(content).hexdigest()}  {name}\n")
    (root / "SHA512SUMS").write_text("".join(sums))
    (tmp_path / "disk").write_bytes(make_disk())
    monkeypatch.setattr(medium_check, "disk_of", lambda mountinfo, where: tmp_path / "disk")
    monkeypatch.setattr(cli, "MEDIUM", root)
    return root


def check(medium: Path) -> str:
    said: list[str] = []
    try:
        return check_medium(medium, said.append)
    except EdgeLinuxError as error:
        return str(error)


def test_a_whole_medium(medium: Path) -> None:
    said: list[str] = []
    assert check_medium(medium, said.append) == (
        "MEDIUM OK: EDGELINUX_0123ABCD, 5 files and 3 boot images are as they were made"
    )
    assert said == ["Checking the medium EDGELINUX_0123ABCD: 5 files, 0 MB"]


@pytest.mark.parametrize("name", [*FILES, "edgelinux/media.json"])
def test_every_file_counts(medium: Path, name: str) -> None:
    file = medium / name
    file.write_bytes(file.read_bytes() + b"\n")
    assert check(medium) == f"MEDIUM DAMAGED: {name} is damaged (write the medium again)"
    if name != "edgelinux/media.json":
        file.unlink()
        assert check(medium) == f"MEDIUM DAMAGED: {name} is missing (write the medium again)"


def test_a_file_that_cannot_be_read(medium: Path) -> None:
    (medium / "boot/vmlinuz").unlink()
    (medium / "boot/vmlinuz").mkdir()
    assert "boot/vmlinuz cannot be read (Is a directory)" in check(medium)


def test_many_damages_are_still_one_line(medium: Path) -> None:
    for name in FILES:
        (medium / name).write_bytes(b"")
    assert check(medium) == (
        "MEDIUM DAMAGED: live/edgelinux.squashfs is damaged, boot/vmlinuz is damaged, "
        "boot/initramfs.img is damaged and 1 more (write the medium again)"
    )


@pytest.mark.parametrize(
    ("offset", "what"),
    [
        (5, "the BIOS boot code in the first sector is damaged"),
        (30 * 2048 + 7, "the EFI system partition is damaged"),
        (17 * 2048 + 10, "the medium has no El Torito boot record"),
        (20 * 2048 + 96, "the EFI system partition is damaged"),
    ],
)
def test_boot_images_on_the_disk(medium: Path, offset: int, what: str) -> None:
    disk = bytearray(make_disk())
    disk[offset] ^= 0xFF
    (medium.parent / "disk").write_bytes(disk)
    assert check(medium) == f"MEDIUM DAMAGED: {what} (write the medium again)"


def test_a_disk_that_ends_early(medium: Path) -> None:
    (medium.parent / "disk").write_bytes(make_disk()[: 30 * 2048 + 5])
    assert "the medium ends before its boot images do" in check(medium)


def test_the_boot_image_in_a_file(medium: Path) -> None:
    image = bytearray(BIOS)
    image[20] ^= 0xFF  # where xorriso writes the image's address
    (medium / "boot/grub/eltorito.img").write_bytes(image)
    assert check(medium).startswith("MEDIUM OK")
    image[4000] ^= 0xFF
    (medium / "boot/grub/eltorito.img").write_bytes(image)
    assert "boot/grub/eltorito.img is damaged" in check(medium)


def test_the_address_in_the_first_sector_does_not_count(medium: Path) -> None:
    disk = bytearray(make_disk())
    disk[0x1B0:0x1C0] = b"x" * 16
    (medium.parent / "disk").write_bytes(disk)
    assert check(medium).startswith("MEDIUM OK")


def test_el_torito(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(make_disk())
    with (tmp_path / "disk").open("rb") as file:
        found = read_el_torito(file)
    assert found.bios
    assert found.uefi
    assert (found.bios.offset, found.uefi.offset, found.uefi.size) == (21 * 2048, 30 * 2048, len(ESP))


@pytest.mark.parametrize("text", ["", "nonsense\n", "00  file\n"])
def test_lists_that_are_none(medium: Path, text: str) -> None:
    (medium / "SHA512SUMS").write_text(text)
    assert check(medium).startswith("MEDIUM DAMAGED: SHA512SUMS cannot be read (SHA512SUMS")


def test_a_description_that_is_none(medium: Path) -> None:
    (medium / "edgelinux/media.json").write_text("{")
    assert check(medium).startswith("MEDIUM DAMAGED: edgelinux/media.json cannot be read (")


def test_a_list_that_is_missing(medium: Path) -> None:
    (medium / "SHA512SUMS").unlink()
    assert "MEDIUM DAMAGED: SHA512SUMS cannot be read" in check(medium)


def test_no_medium_at_all(tmp_path: Path) -> None:
    assert check(tmp_path) == (
        f"MEDIUM DAMAGED: there is no edgelinux/media.json in {tmp_path} "
        "(is a medium there, and is it whole?)"
    )


def test_lists_as_sha512sum_writes_them() -> None:
    text = f"{'0' * 128}  a b\n{'1' * 128} *c\n"
    assert parse_sums(text) == {"a b": "0" * 128, "c": "1" * 128}


# Which disk it is


MOUNTINFO = """\
22 1 0:5 / /dev rw - devtmpfs udev rw
30 1 11:0 / /run/initramfs/live ro,relatime shared:9 - iso9660 /dev/{source} ro
31 1 7:0 / /run/rootfsbase ro - squashfs /dev/loop0 ro
"""
LIVE = Path("/run/initramfs/live")


@pytest.fixture
def blocks(tmp_path: Path) -> Path:
    """As /sys/class/block is: links to directories, those of partitions below those of disks."""
    devices, blocks = tmp_path / "devices", tmp_path / "block"
    (devices / "sda/sda1").mkdir(parents=True)
    (devices / "sda/sda1/partition").write_text("1\n")
    (devices / "sr0").mkdir()
    blocks.mkdir()
    for name in ("sda", "sda/sda1", "sr0"):
        (blocks / Path(name).name).symlink_to(devices / name)
    return blocks


@pytest.mark.parametrize(("source", "disk"), [("sr0", "/dev/sr0"), ("sda", "/dev/sda"), ("sda1", "/dev/sda")])
def test_the_disk_of_a_medium(blocks: Path, source: str, disk: str) -> None:
    assert disk_of(MOUNTINFO.replace("{source}", source), LIVE, blocks) == Path(disk)


def test_a_system_from_the_network_has_no_medium(blocks: Path) -> None:
    assert disk_of("22 1 0:5 / /dev rw - devtmpfs udev rw\n", LIVE, blocks) is None
    assert disk_of(MOUNTINFO.replace("/dev/{source}", "http://host"), LIVE, blocks) is None


# The command


def test_by_hand(medium: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    started: list[object] = []
    monkeypatch.setattr(cli, "start_shells", started.append)
    assert cli.main(["--check-medium"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("MEDIUM OK: ")
    (medium / "boot/vmlinuz").write_bytes(b"kernal")
    assert cli.main(["--check-medium"]) == 1
    assert "boot/vmlinuz is damaged" in capsys.readouterr().out
    assert started == []


@pytest.mark.parametrize("damaged", [False, True])
def test_from_the_menu_every_console_is_told_and_then_a_person_has_the_machine(
    medium: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    if damaged:
        (medium / "boot/vmlinuz").write_bytes(b"kernal")
    dev = tmp_path / "dev"
    started: list[object] = []
    dev.mkdir()
    for name in ("tty0", "ttyS0"):
        (dev / name).touch()
    monkeypatch.setenv("INVOCATION_ID", "1")
    monkeypatch.setattr(cli, "console_names", lambda: ("tty0", "ttyS0"))
    monkeypatch.setattr(cli, "start_shells", started.append)
    monkeypatch.setattr(cli, "Consoles", lambda names, stdout: Consoles(names, stdout=stdout, dev=dev))
    assert cli.main(["--check-medium"]) == (1 if damaged else 0)
    for name in ("tty0", "ttyS0"):
        last = (dev / name).read_text()
        assert ("MEDIUM DAMAGED: boot/vmlinuz" if damaged else "MEDIUM OK: ") in last
    assert started == [("tty0", "ttyS0")]
