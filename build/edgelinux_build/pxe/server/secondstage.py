"""What a boot loader is told to do with one machine: start the installer, or the machine's own disk. Pure.

Sources: the GRUB manual (Device syntax, search, regexp, chainloader, exit), ipxe.org/cmd (kernel, initrd,
sanboot, exit) and ipxe.org/cfg/platform; UEFI specification 2.10, 3.1.1 (what firmware does after a boot
option returned).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.medium.files import INITRAMFS, KERNEL

__all__ = ["Boot", "grub_disk", "grub_install", "ipxe_disk", "ipxe_install"]

_WORD = re.compile(r"[A-Za-z0-9_.,:/=@%+~\[\]-]+")
_TEXT = re.compile(r"[A-Za-z0-9 _.,:/=@%+~()-]*")
_GONE_WRONG_SECONDS = 60


@dataclass(frozen=True)
class Boot:
    """A kernel with its arguments. `base` is the medium's directory: a URL, or for GRUB `(device)/path`."""

    title: str
    base: str
    arguments: str

    def __post_init__(self) -> None:
        for word in self.arguments.split():
            if not _WORD.fullmatch(word):
                raise EdgeLinuxError(
                    f"{word!r} cannot stand in a boot menu", hint="only letters, digits, .,:/=@%+~"
                )


def _said(text: str) -> str:
    """Give a text as both boot loaders print it: without what they would take for their own."""
    return "".join(c if _TEXT.fullmatch(c) else " " for c in text)


def grub_install(boot: Boot) -> str:
    """Have GRUB start the installer."""
    lines = (
        f'echo "{_said(boot.title)}"',
        f"if linux {boot.base}/{KERNEL} {boot.arguments}; then",
        f"  if initrd {boot.base}/{INITRAMFS}; then",
        "    boot",
        "  fi",
        "fi",
        'echo "Kernel or initramfs could not be loaded. Starting over."',
        f"sleep --interruptible {_GONE_WRONG_SECONDS}",
        "reboot",
    )
    return _lines(lines)


def grub_disk(why: str) -> str:
    """Have GRUB start what is on the machine's disk.

    With UEFI that is the EFI system partition of an installed edgeLinux, else whatever the firmware would
    boot next: `exit 1` has a GRUB that knows the argument (Red Hat's) return an error, after which firmware
    goes on with its boot order. GRUB 2.12 as it is returns success, whereupon firmware may show its menu
    instead. Another boot loader is not looked for: it may be a stick's, that installs unattended. With BIOS
    it is the first disk, or the one that has an edgeLinux; `exit` is INT 18h, the next device.
    """
    lines = (
        f'echo "{_said(why)}"',
        'set disk=""',
        "search --no-floppy --set=disk --file /edgelinux/grub.cfg",
        'if [ "$grub_platform" = "efi" ]; then',
        '  if [ -n "$disk" ]; then',
        # Shim looks for GRUB on the device that is root here: else on the network.
        "    set root=$disk",
        "    if chainloader ($disk)/EFI/BOOT/BOOTX64.EFI; then",
        "      boot",
        "    fi",
        "  fi",
        "  exit 1",
        "fi",
        'if [ -n "$disk" ]; then',
        "  regexp --set=1:disk '^([^,]*)' \"$disk\"",
        "else",
        "  set disk=hd0",
        "fi",
        "set root=$disk",
        "if chainloader +1; then",
        "  boot",
        "fi",
        "exit",
    )
    return _lines(lines)


def ipxe_install(boot: Boot) -> str:
    """Have iPXE start the installer. With UEFI the kernel finds its initramfs by the argument `initrd=`."""
    name = INITRAMFS.rpartition("/")[2]
    lines = (
        "#!ipxe",
        f"echo {_said(boot.title)}",
        f"kernel {boot.base}/{KERNEL} initrd={name} {boot.arguments} || goto wrong",
        f"initrd --name {name} {boot.base}/{INITRAMFS} || goto wrong",
        "boot || goto wrong",
        ":wrong",
        "echo Kernel or initramfs could not be loaded. Starting over.",
        f"sleep {_GONE_WRONG_SECONDS}",
        "reboot",
    )
    return _lines(lines)


def ipxe_disk(why: str) -> str:
    """Have iPXE start what is on the machine's disk.

    With UEFI iPXE gives back an error, after which firmware goes on with its boot order; with BIOS it starts
    the first disk. A script that has chained this one passes the error on: `chain … || exit 1`.
    """
    lines = (
        "#!ipxe",
        f"echo {_said(why)}",
        "iseq ${platform} efi && goto firmware || goto bios",
        ":bios",
        "sanboot --no-describe --drive 0x80 || goto firmware",
        ":firmware",
        "exit 1",
    )
    return _lines(lines)


def _lines(lines: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for line in lines)
