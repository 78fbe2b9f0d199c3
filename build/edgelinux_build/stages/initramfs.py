"""Stage initramfs: dracut makes the live and the installed initramfs, both at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.inputs import Json, hash_files
from edgelinux_build.modules import unpack_modules
from edgelinux_build.stage import Context, Project, Stage, Upstream
from edgelinux_build.tree import copy_sources, mounted_for_chroot, overlay, run_in

__all__ = ["KINDS", "Initramfs"]

KINDS = ("live", "installed")
_MODULES = "hostd/dracut"
_CPU_LEVEL = "usr/lib/edgelinux/cpu-level"
_CONFIGURATION = "usr/lib/edgelinux/dracut/{kind}.conf"


class Initramfs(Stage):
    """Makes `live.img` and `installed.img`, in the tree without this repository's packages.

    So a change in hostd or installer does not cost a run of dracut; the dracut modules that belong to hostd
    are laid over the tree here.
    """

    name: str = "initramfs"
    title: str = "live and installed initramfs (dracut)"
    version: int = 3
    needs: tuple[str, ...] = ("root-tree", "zfs-modules")

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The tree, which holds dracut and its configuration, the kernel modules, hostd's dracut modules."""
        files = hash_files(project.root, [_MODULES])
        return {
            **{name: upstream[name].identity for name in self.needs},
            "cpu_level": project.base.cpu_level,
            "files": {name: entry for name, entry in files.items() if not name.endswith((".md", ".c"))},
            **project.stamp,
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Run dracut twice, in one tree."""
        root, zfs = (ctx.upstream[name] for name in self.needs)
        kernel = str(root.facts["kernel"])
        layers = [zfs.path / "tree", root.path / "tree"]
        with overlay(ctx.scratch / "tree", layers, ctx.scratch / "upper") as tree, mounted_for_chroot(tree):
            modules = ctx.project.root / _MODULES
            if modules.is_dir():
                copy_sources(
                    modules, tree / "usr/lib/dracut/modules.d", ignore=("__pycache__", "*.md", "*.c")
                )
            (tree / _CPU_LEVEL).write_text(f"{ctx.project.base.cpu_level}\n", encoding="utf-8")
            # The image is compressed as a whole, which costs nothing more; unpacking each module by itself
            # while the machine boots does.
            if unpack_modules(tree / "usr/lib/modules" / kernel, ctx.project.jobs):
                run_in(tree, ["depmod", kernel], ctx.log)
            with ThreadPoolExecutor(len(KINDS)) as pool:
                for done in [pool.submit(_dracut, ctx, tree, kernel, kind) for kind in KINDS]:
                    done.result()
            for kind in KINDS:
                shutil.move(tree / f"{kind}.img", out / f"{kind}.img")
                # One of them goes into the squashfs.
                os.utime(out / f"{kind}.img", (ctx.project.epoch, ctx.project.epoch))
        return {kind: (out / f"{kind}.img").stat().st_size for kind in KINDS}


def _dracut(ctx: Context, tree: Path, kernel: str, kind: str) -> None:
    configuration = _CONFIGURATION.format(kind=kind)
    if not (tree / configuration).is_file():
        raise EdgeLinuxError(f"the root tree has no /{configuration}", hint="an element must put it there")
    work = f"/var/tmp/dracut-{kind}"  # noqa: S108 inside the overlay
    (tree / work.lstrip("/")).mkdir()
    argv = ["dracut", "--force", "--no-hostonly", "--reproducible", "--tmpdir", work]
    argv += ["--conf", f"/{configuration}", "--kver", kernel, f"/{kind}.img"]
    log = ctx.log.with_suffix(f".{kind}.log")
    log.write_bytes(b"")
    run_in(tree, argv, log, env={"SOURCE_DATE_EPOCH": str(ctx.project.epoch)})
