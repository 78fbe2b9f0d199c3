"""Lays out a disk that BIOS boots by itself, without mounting it: one ext4 file system behind GRUB."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_build.bootdisk import FIRST, SECTOR, first_sectors
from edgelinux_build.images import BootFiles
from edgelinux_build.stage import Context
from edgelinux_build.tree import run_in

__all__ = ["GRUB_MODULES", "ROOT", "Layout", "grub_cfg", "lay_out", "mke2fs_argv"]

ROOT = "appliance"
"""Directory of the tree with what goes into the disk's file system."""

GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "boot")
# GRUB 2.06 and 2.12 do not know the two features that newer mke2fs(8) switches on.
_FEATURES = "^metadata_csum_seed,^orphan_file"
_SMALL = 2**30


@dataclass(frozen=True)
class Layout:
    """A disk: its size in bytes, the label of its file system, what GRUB is to do."""

    size: int
    label: str
    grub_cfg: str


def lay_out(ctx: Context, tree: Path, boot: BootFiles, layout: Layout) -> Path:
    """Make the disk of the directory ROOT in a writable tree, whose own tools do it; gives its file."""
    disk = tree / "disk0.raw"
    with disk.open("wb") as file:
        file.truncate(layout.size)
    env = {"SOURCE_DATE_EPOCH": str(ctx.project.epoch)}
    run_in(tree, mke2fs_argv(layout), ctx.log, env=env)
    (tree / "grub.cfg").write_text(layout.grub_cfg, encoding="utf-8")
    argv = [boot.grub_mkimage, "--format=i386-pc", f"--directory={boot.grub_pc}", "--output=/core.img"]
    run_in(tree, [*argv, "--prefix=(,msdos1)/boot/grub", "--config=/grub.cfg", *GRUB_MODULES], ctx.log)
    first = first_sectors(
        (tree / boot.grub_pc.lstrip("/") / "boot.img").read_bytes(),
        (tree / "core.img").read_bytes(),
        layout.size // SECTOR,
    )
    with disk.open("r+b") as file:
        file.write(first)
    return disk


def mke2fs_argv(layout: Layout) -> list[str]:
    """Return the command that fills the disk's partition, with the same bytes for the same files."""
    identity = str(uuid.uuid5(uuid.NAMESPACE_OID, layout.label))
    offset = FIRST * SECTOR
    options = f"offset={offset},root_owner=0:0,hash_seed={identity},lazy_itable_init=0,nodiscard"
    argv = ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-L", layout.label, "-U", identity]
    argv += ["-O", _FEATURES, "-E", options, "-d", f"/{ROOT}"]
    argv += ["-m", "0", "-J", "size=4"] if layout.size < _SMALL else []
    return [*argv, "/disk0.raw", f"{(layout.size - offset) // 1024}k"]


def grub_cfg(kernel: str, initramfs: str, kernel_args: Sequence[str]) -> str:
    """Return the commands that are built into GRUB's core image; the partition it came from is its root."""
    return f"linux {kernel} {' '.join(kernel_args)}\ninitrd {initramfs}\nboot\n"
