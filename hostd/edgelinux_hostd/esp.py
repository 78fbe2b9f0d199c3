"""The one tool that keeps kernel, initramfs and boot loader in step on every ESP.

Two steps, so that an interrupted installation is never mistaken for a finished one: `stage_boot_files` copies
what nothing starts by itself, `make_bootable` does the rest and is the very last thing an installer does.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd import layout
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.espfiles import (
    GRUB_CFG,
    REMOVABLE,
    Write,
    activation_files,
    apply,
    boot_files,
    efi_loader,
    loader_files,
    marker_file,
    stale,
)
from edgelinux_hostd.grubcfg import BootEntry, boot_directory, render_grub_cfg
from edgelinux_hostd.image import ImageInfo
from edgelinux_hostd.nvram import NvramEntry, update_nvram
from edgelinux_hostd.run import run

__all__ = [
    "Esp",
    "check_boot",
    "grub_install_argv",
    "install_boot",
    "make_bootable",
    "make_unbootable",
    "mounted",
    "remove_boot",
    "stage_boot_files",
    "sync_nvram",
]

log = logging.getLogger(__name__)

_RUN = Path("/run/edgelinux/esp")
_SYS_BLOCK = Path("/sys/class/block")

# The same tool under the two names that GRUB's build gives it; its directory is named alike.
_GRUB_INSTALL = {"grub-install": "grub", "grub2-install": "grub2"}


@dataclass(frozen=True)
class Esp:
    """An EFI system partition: its disk and itself as device nodes, its number and its GPT partition GUID."""

    disk: str
    partition: str
    number: int = layout.ESP
    partuuid: str = ""


@contextmanager
def mounted(esp: Esp) -> Iterator[Path]:
    """Mount an ESP at a directory of its own for as long as the block runs; one process at a time."""
    _RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
    mountpoint = _RUN / Path(esp.partition).name
    mountpoint.mkdir(exist_ok=True)
    with (_RUN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mountpoint.is_mount():  # left by a process that was killed
            run(["umount", mountpoint])
        run(["mount", "-t", "vfat", "-o", "umask=0077,nosuid,nodev,noexec", esp.partition, mountpoint])
        try:
            yield mountpoint
        finally:
            run(["umount", mountpoint])


def stage_boot_files(esps: Sequence[Esp], image: ImageInfo, boot: BootEntry, root: Path) -> None:
    """Copy kernel and initramfs from a tree to every ESP. Nothing becomes bootable."""
    for esp in esps:
        with mounted(esp) as mountpoint:
            apply(boot_files(image, boot, root), mountpoint)


def make_bootable(
    esps: Sequence[Esp],
    image: ImageInfo,
    entries: Sequence[BootEntry],
    root: Path,
    *,
    medium: str = "",
    nvram: bool = True,
) -> None:
    """Write menu and boot loaders for BIOS and UEFI to every ESP; the first entry is the default.

    What can fail is done on all disks before any of them gets its menu; a caller whose first installation
    fails here calls `make_unbootable`.

    `medium` is the label of the installation medium: the note that it has done its work comes last of all.
    `nvram` is false for a caller that goes through the disks one by one and calls `sync_nvram` at the end.
    """
    tool, grub_dir = _grub_install_tool()
    for esp in esps:
        with mounted(esp) as mountpoint:
            apply(loader_files(image, root, grub_dir), mountpoint)
            if _starts_by_bios(esp.disk):
                run(grub_install_argv(tool, root / image.boot.grub_pc.lstrip("/"), mountpoint, esp.disk))
    for esp in esps:
        with mounted(esp) as mountpoint:
            apply(activation_files(image, entries, root), mountpoint)
            if medium:
                apply([marker_file(medium)], mountpoint)
    if nvram:
        sync_nvram(esps, image)


def sync_nvram(esps: Sequence[Esp], image: ImageInfo) -> bool:
    """Have one UEFI boot entry for each of these disks, the first one first; false when that did not work."""
    return update_nvram([_nvram_entry(esp, image) for esp in esps])


def make_unbootable(esps: Sequence[Esp]) -> None:
    """Take back what makes new disks bootable, as far as it goes; for an installation that failed."""
    for esp in esps:
        try:
            with mounted(esp) as mountpoint:
                (mountpoint / REMOVABLE / "BOOTX64.EFI").unlink(missing_ok=True)
                (mountpoint / GRUB_CFG).unlink(missing_ok=True)
            # The boot code of the protective MBR, before its disk signature and partition table.
            with Path(esp.disk).open("r+b") as disk:
                disk.write(bytes(440))
        except (EdgeLinuxError, OSError) as error:
            log.warning("%s may still be bootable: %s", esp.disk, error)


def install_boot(
    esps: Sequence[Esp], image: ImageInfo, boot: BootEntry, root: Path, *, others: Sequence[BootEntry] = ()
) -> None:
    """Put a boot environment on every ESP and make it the default; `others` stay in the menu after it."""
    stage_boot_files(esps, image, boot, root)
    make_bootable(esps, image, [boot, *others], root)


def remove_boot(esps: Sequence[Esp], version: str, remaining: Sequence[BootEntry]) -> None:
    """Take a boot environment off every ESP: out of the menu first, then its files."""
    if version in {entry.version for entry in remaining}:
        raise EdgeLinuxError(f"boot environment {version} is still in the menu")
    menu = Write(GRUB_CFG, render_grub_cfg(remaining))
    for esp in esps:
        with mounted(esp) as mountpoint:
            apply([menu], mountpoint)
            shutil.rmtree(mountpoint / boot_directory(version), ignore_errors=True)


def check_boot(esp: Esp, image: ImageInfo, entries: Sequence[BootEntry], root: Path) -> list[str]:
    """List the files on an ESP that are absent or out of date; nothing is written."""
    _tool, grub_dir = _grub_install_tool()
    pc_dir = root / image.boot.grub_pc.lstrip("/")
    writes = [
        *boot_files(image, entries[0], root),
        *loader_files(image, root, grub_dir),
        *activation_files(image, entries, root),
    ]
    if _starts_by_bios(esp.disk):
        # It tells whether grub-install ran with this version of GRUB.
        writes.append(Write(f"edgelinux/{grub_dir}/{pc_dir.name}/normal.mod", pc_dir / "normal.mod"))
    with mounted(esp) as mountpoint:
        return [write.target for write in stale(writes, mountpoint)]


def grub_install_argv(tool: str, pc_dir: Path, mountpoint: Path, disk: str) -> list[str]:
    """Give the command that makes a disk bootable by BIOS; all that GRUB needs lies on its own ESP."""
    return [
        tool,
        "--target=i386-pc",
        f"--directory={pc_dir}",
        f"--boot-directory={mountpoint / 'edgelinux'}",
        "--modules=part_gpt fat",
        disk,
    ]


def _starts_by_bios(disk: str) -> bool:
    """Say whether BIOS could start from a disk: it reads sectors of 512 bytes, and GRUB for it does too."""
    size = _SYS_BLOCK / Path(disk).resolve().name / "queue/logical_block_size"
    return not size.exists() or int(size.read_text(encoding="ascii")) == 512


def _grub_install_tool() -> tuple[str, str]:
    for tool, directory in _GRUB_INSTALL.items():
        if shutil.which(tool):
            return tool, directory
    raise EdgeLinuxError("cannot make disks bootable: grub-install is not installed")


def _nvram_entry(esp: Esp, image: ImageInfo) -> NvramEntry:
    partuuid = esp.partuuid
    if not partuuid:
        found = run(["lsblk", "--nodeps", "--noheadings", "--output", "PARTUUID", esp.partition], check=False)
        partuuid = found.stdout.strip()
    return NvramEntry(esp.disk, esp.number, partuuid, efi_loader(image))
