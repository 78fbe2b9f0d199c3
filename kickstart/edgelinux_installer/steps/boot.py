"""Puts kernel, initramfs and boot loaders onto every disk; what makes them bootable comes last of all."""

from __future__ import annotations

from edgelinux_hostd.bootconfig import save
from edgelinux_hostd.esp import make_bootable, stage_boot_files

from edgelinux_installer.context import Context, Step

__all__ = ["BOOTABLE", "STAGE", "activate", "stage"]


def stage(ctx: Context) -> None:
    """Copy kernel and initramfs onto the ESPs. Nothing starts them yet.

    What the site wants of the menu stays with the host: a later sync of the ESPs writes the same one.
    """
    save(ctx.boot_config, ctx.target)
    stage_boot_files(ctx.esps, ctx.plan.image, ctx.boot_entry, ctx.target)


def activate(ctx: Context) -> None:
    """Make every disk bootable by BIOS and UEFI.

    The pool is exported by now; the loaders come from the live system, which is the same tree.
    """
    ctx.bootable = True
    make_bootable(ctx.esps, ctx.plan.image, [ctx.boot_entry], ctx.live, medium=ctx.plan.media_label)


STAGE = Step("Copying kernel and initramfs", 3, stage)
BOOTABLE = Step("Making the disks bootable", 5, activate)
