"""Writes a medium: the commands that make its EFI system partition and its ISO."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgelinux_build.medium.files import BIOS_IMAGE, STUB

__all__ = ["Cut", "stub_argv", "write_env", "xorriso_argv"]

_ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"  # EFI system partition (UEFI specification, 5.3.3)
_DATA_TYPE = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"


@dataclass(frozen=True)
class Cut:
    """Bytes of a file that become a file of the medium; offset and size in bytes."""

    file: Path
    offset: int
    size: int


def write_env(epoch: int) -> dict[str, str]:
    """Return the environment in which the commands here always write the same bytes."""
    return {"SOURCE_DATE_EPOCH": str(epoch)}


def stub_argv(esp: Path, stub: Path) -> list[str | Path]:
    """Return the command that puts GRUB's stub on the ESP, in the place of one that is there (mtools(1))."""
    return ["mcopy", "-o", "-i", esp, stub, f"::/{STUB}"]


def xorriso_argv(
    label: str, epoch: int, iso: Path, esp: Path, mbr: Path, files: Mapping[str, Path | Cut]
) -> list[str | Path]:
    """Return the command that writes the medium (xorrisofs(1), xorriso(1)); `files` by their place on it.

    BIOS boots El Torito from optical media and the boot code in the first sector, `mbr`, from sticks; UEFI
    boots the same ESP both ways, as El Torito image and as a partition. The first partition is the ISO
    itself, so that its label is found on a stick as well.
    """
    date = time.strftime("%Y%m%d%H%M%S00", time.gmtime(epoch))
    argv: list[str | Path] = ["xorriso", "-no_rc", "-as", "mkisofs", "-o", iso, "-V", label, "-r"]
    argv += ["-graft-points", f"--modification-date={date}", "--set_all_file_dates", date]
    argv += ["-partition_offset", "16", "-iso_mbr_part_type", _DATA_TYPE, "-appended_part_as_gpt"]
    argv += ["-append_partition", "2", _ESP_TYPE, esp, "--grub2-mbr", mbr]
    argv += ["-c", "boot.catalog", "--boot-catalog-hide"]
    argv += ["-b", BIOS_IMAGE, "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]
    argv += ["--grub2-boot-info", "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::"]
    argv += ["-no-emul-boot"]
    argv += [f"/{name}={source}" for name, source in files.items() if isinstance(source, Path)]
    cuts = {name: source for name, source in files.items() if isinstance(source, Cut)}
    if not cuts:
        return argv
    argv += ["--"]
    for name, cut in cuts.items():
        argv += ["-cut_out", cut.file, str(cut.offset), str(cut.size), f"/{name}"]
    # Owners and modes as -r gives them to the other files: a cut has those of what it is cut from.
    return [*argv, "-find", "/", "-exec", "mkisofs_r", "--"]
