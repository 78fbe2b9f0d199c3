"""What lies where below the root that machines boot from, by TFTP and by HTTP alike.

`EFI/BOOT` is UEFI's path for removable media, and shim looks for GRUB beside itself; GRUB looks for its
configuration where it was built to (`MediaInfo.net_prefix`).
"""

from __future__ import annotations

from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.medium.files import INITRAMFS, KERNEL, MEDIA_JSON, SQUASHFS, SQUASHFS_SUMS
from edgelinux_build.medium.info import MediaInfo

__all__ = [
    "BIOS",
    "BOOT_FILES",
    "GRUB",
    "IPXE",
    "MEDIUM",
    "MOKMANAGER",
    "SHIM",
    "check_tree",
    "grub_cfg",
]

SHIM = "EFI/BOOT/BOOTX64.EFI"
"""What firmware with UEFI is told to fetch."""
GRUB = "EFI/BOOT/grubx64.efi"
MOKMANAGER = "EFI/BOOT/mmx64.efi"
BIOS = "bios/core.0"
"""What firmware with BIOS is told to fetch: GRUB."""
IPXE = "boot.ipxe"
"""The script for machines that iPXE runs on already."""
MEDIUM = "medium"
"""A directory laid out like the medium's root."""
BOOT_FILES = (SHIM, GRUB, MOKMANAGER, BIOS)
"""The same for everybody; configurations are written beside them."""

_NEEDED = (KERNEL, INITRAMFS, SQUASHFS, SQUASHFS_SUMS)


def grub_cfg(info: MediaInfo) -> str:
    """Return where GRUB's configuration lies, from both kinds of firmware."""
    return f"{info.net_prefix.strip('/')}/grub.cfg"


def check_tree(tree: Path) -> MediaInfo:
    """Return what a tree's medium says about itself; raises EdgeLinuxError when it is none, or not whole."""
    file = tree / MEDIUM / MEDIA_JSON
    hint = f"make one: edgelinux pxe tree ISO --out {tree}"
    try:
        info = MediaInfo.from_json(file.read_text(encoding="utf-8", errors="replace"), str(file))
    except OSError as error:
        raise EdgeLinuxError(
            f"{tree} is not a network boot tree: it has no {MEDIUM}/{MEDIA_JSON}", hint=hint, exit_code=2
        ) from error
    for name in (*BOOT_FILES, *(f"{MEDIUM}/{name}" for name in _NEEDED)):
        if not (tree / name).is_file():
            raise EdgeLinuxError(f"{tree} is not whole: it has no {name}", hint=hint, exit_code=2)
    return info
