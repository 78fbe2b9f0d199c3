"""The GRUB configuration on every ESP: one menu for BIOS and UEFI, read from the disk that GRUB came from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["TIMEOUT", "BootEntry", "boot_directory", "kernel_command_line", "render_grub_cfg", "render_stub"]

# Seconds; long enough to press a key on a serial line.
TIMEOUT = 3

_SERIAL = re.compile(r"console=ttyS(\d+)(?:,(\d+)\w*)?")
_SAFE_WORD = re.compile(r"[A-Za-z0-9_./:=,@%+-]+")


@dataclass(frozen=True)
class BootEntry:
    """A boot environment to offer in the menu.

    `dataset` is the full name of its root ("antlets/ROOT/2.1.0"), `version` the last part of it and the name
    of its directory on the ESPs; `kernel_args` come from its image, `append` from the site. `timeout` is how
    many seconds the menu waits when this is its first entry.
    """

    version: str
    dataset: str
    pool_guid: int
    hostid: int
    kernel_args: tuple[str, ...] = ()
    append: tuple[str, ...] = ()
    title: str = "edgeLinux OS"
    timeout: int = TIMEOUT


def boot_directory(version: str) -> str:
    """Name the directory on an ESP that holds a boot environment's kernel and initramfs."""
    return f"edgelinux/{version}"


def kernel_command_line(entry: BootEntry) -> tuple[str, ...]:
    """Give the kernel's arguments; the pool is named by its GUID, see the dracut module edgelinux-pool."""
    return (
        f"root=zfs:{entry.dataset}",
        f"edgelinux.pool={entry.pool_guid}",
        f"spl_hostid=0x{entry.hostid:08x}",
        "panic=30",
        *entry.kernel_args,
        *entry.append,
    )


def render_grub_cfg(entries: Sequence[BootEntry]) -> str:
    """Render /edgelinux/grub.cfg. The first entry is the default; paths are on the ESP GRUB came from."""
    if not entries:
        raise EdgeLinuxError("a boot menu needs at least one boot environment")
    parts = [
        "# Written by edgeLinux on every ESP, the same on each; changes here are lost.",
        "set default=0",
        f"set timeout={entries[0].timeout}",
        _terminal(entries),
        *map(_menu_entry, entries),
        'if [ "$grub_platform" = "efi" ]; then\n'
        "    menuentry 'Firmware settings' --id firmware {\n"
        "        fwsetup\n"
        "    }\n"
        "fi",
    ]
    return "\n".join(parts) + "\n"


def render_stub() -> str:
    """Render what GRUB reads at its built-in prefix: it hands over to the one menu on the same partition."""
    return "# Written by edgeLinux.\nconfigfile ($root)/edgelinux/grub.cfg\n"


def _menu_entry(entry: BootEntry) -> str:
    directory = boot_directory(entry.version)
    words = " ".join(_quote(word) for word in kernel_command_line(entry))
    title, name = f"{entry.title} {entry.version}", f"edgelinux-{entry.version}"
    return (
        f"menuentry {_quote(title)} --id {_quote(name)} {{\n"
        f"    linux {_quote(f'/{directory}/vmlinuz')} {words}\n"
        f"    initrd {_quote(f'/{directory}/initramfs.img')}\n"
        "}"
    )


def _terminal(entries: Sequence[BootEntry]) -> str:
    """Put the menu on the screen, and on the serial port that the kernel uses.

    A signed GRUB may lack the serial module, and firmware may already copy the screen to the port: then the
    console alone has to do.
    """
    ports = [match for entry in entries for word in entry.append if (match := _SERIAL.fullmatch(word))]
    if not ports:
        return "terminal_input console\nterminal_output console"
    unit, speed = ports[-1].groups()
    return (
        f"if serial --unit={unit} --speed={speed or '115200'}; then\n"
        "    terminal_input console serial\n"
        "    terminal_output console serial\n"
        "fi"
    )


def _quote(word: str) -> str:
    """Quote a word for GRUB's shell, whose single quotes work as in sh (GRUB manual, "Quoting")."""
    if any(ord(char) < 32 for char in word):
        raise EdgeLinuxError(f"a boot menu cannot hold control characters: {word!r}")
    if _SAFE_WORD.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"
