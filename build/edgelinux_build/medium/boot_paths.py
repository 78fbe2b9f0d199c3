"""The four ways in which firmware starts a medium, each looked for where the firmware would."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_installer.boot_images import Interval

from edgelinux_build.medium.files import BIOS_IMAGE, STUB
from edgelinux_build.medium.image import IsoImage

__all__ = ["BootPaths", "find_boot_paths"]

_ESP_TYPE = "28732ac11ff8d211ba4b00a0c93ec93b"  # C12A7328-F81F-11D2-BA4B-00A0C93EC93B as it lies on disk
_LOADERS = {"BOOTX64.EFI", "GRUBX64.EFI"}


@dataclass(frozen=True)
class BootPaths:
    """Which of them are there, whole enough to reach GRUB's menu."""

    bios_disc: bool
    """El Torito's image for BIOS is GRUB's, and knows its own address."""
    bios_stick: bool
    """The first sector has GRUB's code, and leads to that image."""
    uefi_disc: bool
    """El Torito's image for UEFI has boot loaders, and a stub that names this medium."""
    uefi_stick: bool
    """An EFI system partition in the GPT is that same image."""

    @property
    def missing(self) -> list[str]:
        """Name those that are not there, as a person would."""
        names = {
            "bios_disc": "BIOS from a disc (El Torito)",
            "bios_stick": "BIOS from a stick (MBR)",
            "uefi_disc": "UEFI from a disc (El Torito)",
            "uefi_stick": "UEFI from a stick (GPT partition)",
        }
        return [text for name, text in names.items() if not getattr(self, name)]


def find_boot_paths(image: IsoImage) -> BootPaths:
    """Look for all four; xorriso has read El Torito's catalogue, MBR and GPT, mtools reads the ESP."""
    number = _first(image.reports, r"^El Torito boot img : +(\d+) +BIOS +y ")
    path = _first(image.reports, rf"^El Torito img path : +{number} +(\S+)$")
    options = _first(image.reports, rf"^El Torito img opts : +{number} +(.+)$").split()
    bios = path == f"/{BIOS_IMAGE}" and {"boot-info-table", "grub2-boot-info"} <= set(options)
    summary = _first(image.reports, r"^System area summary: (.*)$").split()
    uefi = _uefi(image)
    return BootPaths(
        bios_disc=bios,
        bios_stick=bios and {"MBR", "grub2-mbr"} <= set(summary),
        uefi_disc=uefi is not None,
        uefi_stick=uefi is not None and uefi in _esp_partitions(image.reports),
    )


def _first(text: str, pattern: str) -> str:
    found = re.search(pattern, text, re.M)
    return found[1] if found else ""


def _uefi(image: IsoImage) -> Interval | None:
    """Return where the image for UEFI lies, if what is needed is in it."""
    try:
        where = image.uefi()
        at = f"{image.path}@@{where.offset}"
        names = run(["mdir", "-b", "-i", at, "::/EFI/BOOT"]).stdout
        stub = run(["mtype", "-i", at, f"::/{STUB}"]).stdout
    except EdgeLinuxError:
        return None
    loaders = {line.rpartition("/")[2].upper() for line in names.splitlines()}
    return where if loaders >= _LOADERS and f"--label {image.label}\n" in stub else None


def _esp_partitions(report: str) -> list[Interval]:
    types = dict(re.findall(r"^GPT type GUID +: +(\d+) +(\w+)$", report, re.M))
    found = re.findall(r"^GPT start and size +: +(\d+) +(\d+) +(\d+)$", report, re.M)
    return [
        Interval(int(start) * 512, int(size) * 512)
        for number, start, size in found
        if types.get(number) == _ESP_TYPE
    ]
