"""Which file lies where on a medium, and the list of their checksums.

Paths are those on the medium, without a leading slash, as they stand in the list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from edgelinux_installer.medium_check import BIOS_IMAGE, MEDIA_JSON, SUMS

from edgelinux_build.medium.info import MediaInfo
from edgelinux_build.menu import render_grub_cfg

__all__ = [
    "BIOS_IMAGE",
    "GRUB_CFG",
    "GRUB_MODULES",
    "INITRAMFS",
    "KERNEL",
    "KICKSTART",
    "MEDIA_JSON",
    "NET_BIOS",
    "NET_GRUB",
    "SQUASHFS",
    "SQUASHFS_SUMS",
    "STUB",
    "SUMS",
    "TEMPLATES",
    "render_sums",
    "sha512",
    "small_files",
]

SQUASHFS = "live/edgelinux.squashfs"
SQUASHFS_SUMS = "live/SHA512SUMS"
"""The squashfs alone, for the installer: what is served over the network has this directory only."""
KERNEL = "boot/vmlinuz"
INITRAMFS = "boot/initramfs.img"
GRUB_CFG = "boot/grub/grub.cfg"
GRUB_MODULES = "boot/grub/i386-pc"
NET_GRUB = "boot/net/grubx64.efi"
"""GRUB for UEFI as it starts from the network; shim is on the EFI system partition already."""
NET_BIOS = "boot/net/core.0"
"""GRUB for BIOS as it starts from the network."""
KICKSTART = "edgelinux/ks.cfg"
TEMPLATES = "templates"
"""A directory for each antlet template."""
STUB = "boot/grub/grub.cfg"
"""On the EFI system partition: it leads UEFI's GRUB to the medium."""
_DISK_INFO = ".disk/info"


def small_files(info: MediaInfo, kickstart: str) -> dict[str, bytes]:
    """Return the files that differ between media of one system."""
    return {
        GRUB_CFG: render_grub_cfg(info.menu).encode(),
        _DISK_INFO: f"{info.product} {info.version} ({info.base_label})\n".encode(),
        KICKSTART: kickstart.encode(),
        MEDIA_JSON: info.to_json().encode(),
    }


def sha512(content: bytes | Path) -> str:
    """Return the SHA-512 (hex) of bytes or of a file."""
    if isinstance(content, bytes):
        return hashlib.sha512(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


def render_sums(sums: Mapping[str, str]) -> str:
    """Return the list of checksums as sha512sum(1) reads it.

    The list itself is not in it, and neither is BIOS_IMAGE, into which its own address is written.
    """
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums) if name not in (SUMS, BIOS_IMAGE))
