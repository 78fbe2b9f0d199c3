"""Stage boot-loader: the ISO's boot images for BIOS and UEFI, from the base's own packages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.inputs import Json
from edgelinux_build.process import run_logged
from edgelinux_build.stage import Context, Project, Stage, Upstream
from edgelinux_build.tree import overlay, run_in

__all__ = ["BootLoader", "make_esp"]

# Everything the menu needs is in the core image, so that a damaged or slow medium fails early or not at all.
_MODULES = (
    *("all_video", "biosdisk", "boot", "cat", "chain", "configfile", "cpuid", "echo", "fat", "halt", "help"),
    *("iso9660", "linux", "loadenv", "ls", "minicmd", "normal", "part_gpt", "part_msdos", "probe", "reboot"),
    *("regexp", "search", "search_fs_file", "search_fs_uuid", "search_label", "serial", "sleep", "terminal"),
    *("test", "true"),
)
# From the network as well as from a disk, to which a machine may be sent on. No `iso9660`, no El Torito.
_NET_MODULES = (
    *("all_video", "biosdisk", "boot", "cat", "chain", "configfile", "echo", "fat", "halt", "help", "http"),
    *("linux", "ls", "minicmd", "net", "normal", "part_gpt", "part_msdos", "pxe", "reboot", "regexp"),
    *("search", "search_fs_file", "search_fs_uuid", "search_label", "serial", "sleep", "terminal", "test"),
    *("tftp", "true"),
)
_ESP_KIB = 8192


class BootLoader(Stage):
    """Makes `eltorito.img` and `boot_hybrid.img` (BIOS), `i386-pc/` (GRUB's modules) and `esp.img` (UEFI).

    In `net/` are GRUB for BIOS and GRUB for UEFI as they start from the network.
    """

    name: str = "boot-loader"
    title: str = "boot loader of the medium"
    version: int = 3
    needs: tuple[str, ...] = ("root-tree",)

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The tree that holds shim and GRUB, and where."""
        boot = project.base.boot.model_dump(mode="json")
        return {
            "root-tree": upstream["root-tree"].identity,
            "boot": boot,
            "modules": list(_MODULES),
            "net-modules": list(_NET_MODULES),
            **project.stamp,
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Make the core image with the tree's own GRUB, and an ESP with the signed files unmodified."""
        boot, root = ctx.project.base.boot, ctx.upstream["root-tree"].path / "tree"
        modules = _in_tree(root, boot.grub_pc)
        with overlay(ctx.scratch / "tree", [root], ctx.scratch / "upper") as tree:
            argv = [boot.grub_mkimage, f"--directory={boot.grub_pc}"]
            disc = ["--format=i386-pc", "--output=/core.img", "--prefix=/boot/grub", *_MODULES]
            run_in(tree, [*argv, *disc], ctx.log)
            prefix = f"--prefix={boot.grub_efi_net_prefix}"  # one grub.cfg for both kinds of firmware
            net = ["--format=i386-pc-pxe", "--output=/core.0", prefix, *_NET_MODULES]
            run_in(tree, [*argv, *net], ctx.log)
            core = (tree / "core.img").read_bytes()
            (out / "net").mkdir()
            shutil.copyfile(tree / "core.0", out / "net/core.0")
        shutil.copyfile(_in_tree(root, boot.grub_efi_net), out / "net/grubx64.efi")
        (out / "eltorito.img").write_bytes((modules / "cdboot.img").read_bytes() + core)
        shutil.copyfile(modules / "boot_hybrid.img", out / "boot_hybrid.img")
        (out / "i386-pc").mkdir()
        for file in sorted([*modules.glob("*.mod"), *modules.glob("*.lst")]):
            shutil.copyfile(file, out / "i386-pc" / file.name)
        make_esp(ctx, root, out / "esp.img")
        return {}


def _in_tree(root: Path, path: str) -> Path:
    found = root / path.lstrip("/")
    if not found.exists():
        raise EdgeLinuxError(
            f"the root tree has no {path}", hint="is the boot loader's package in an element?"
        )
    return found


def make_esp(ctx: Context, root: Path, esp: Path) -> None:
    """Make the FAT image that UEFI firmware boots by the removable path."""
    boot = ctx.project.base.boot
    env = {"SOURCE_DATE_EPOCH": str(ctx.project.epoch)}
    run_logged(["mkfs.vfat", "--invariant", "-n", "EDGELINUX", "-C", esp, str(_ESP_KIB)], ctx.log)
    run_logged(["mmd", "-i", esp, "::/EFI", "::/EFI/BOOT"], ctx.log, env=env)
    for source, name in (
        (boot.shim, "BOOTX64.EFI"),
        (boot.grub_efi_cd, "grubx64.efi"),
        (boot.mokmanager, "mmx64.efi"),
    ):
        run_logged(
            ["mcopy", "-m", "-i", esp, _in_tree(root, source), f"::/EFI/BOOT/{name}"], ctx.log, env=env
        )
