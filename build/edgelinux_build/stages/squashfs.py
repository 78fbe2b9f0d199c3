"""Stage squashfs: the tree that is booted live and installed, packed; kernel and live initramfs beside it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from edgelinux_build.inputs import Json, hash_file
from edgelinux_build.process import run_logged
from edgelinux_build.stage import Context, Project, Stage, Upstream
from edgelinux_build.tree import make_layer_folder, overlay, set_times

__all__ = ["SquashFs", "mksquashfs_argv"]

_VOLATILE = (
    "dev/*",
    "proc/*",
    "sys/*",
    "run/*",
    "tmp/*",
    "var/tmp/*",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
)


class SquashFs(Stage):
    """Makes `edgelinux.squashfs`, `SHA512SUMS`, `vmlinuz` and `initramfs.img`."""

    name: str = "squashfs"
    title: str = "squashfs"
    version: int = 3
    needs: tuple[str, ...] = ("root-tree", "zfs-modules", "finished-tree", "initramfs")

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """All layers, and how they are packed."""
        return {
            **{name: upstream[name].identity for name in self.needs},
            "squashfs": project.image.squashfs.model_dump(mode="json"),
            "volatile": list(_VOLATILE),
            "initramfs_path": project.base.initramfs_path,
            **project.stamp,
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Pack the layers as they appear mounted over each other; nothing is copied before."""
        root, zfs, finished, initramfs = (ctx.upstream[name] for name in self.needs)
        kernel = str(root.facts["kernel"])
        started, top = ctx.scratch / "started", ctx.scratch / "top"
        started.touch()
        top.mkdir()
        top.chmod(0o755)
        inside = ctx.project.base.initramfs_path.replace("{kernel}", kernel).lstrip("/")
        make_layer_folder(top, str(Path(inside).parent))
        os.link(initramfs.path / "installed.img", top / inside)
        set_times(top, started, ctx.project.epoch)
        packed = out / "edgelinux.squashfs"
        layers = [top, *(layer.path / "tree" for layer in (finished, zfs, root))]
        with overlay(ctx.scratch / "tree", layers) as tree:
            env = {"PATH": os.environ["PATH"]}
            run_logged(mksquashfs_argv(ctx.project, tree, packed), ctx.log, env=env, clean_env=True)
            vmlinuz = ctx.project.base.kernel_path.replace("{kernel}", kernel).lstrip("/")
            shutil.copyfile(tree / vmlinuz, out / "vmlinuz")
        os.link(initramfs.path / "live.img", out / "initramfs.img")
        # The installer checks it: on 64-bit processors without SHA instructions, and under emulation,
        # SHA-512 takes half the time of SHA-256, or less.
        with packed.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").hexdigest()
        (out / "SHA512SUMS").write_text(f"{digest}  {packed.name}\n", encoding="utf-8")
        return {
            "sha256": hash_file(packed),
            "sizes": {path.name: path.stat().st_size for path in sorted(out.iterdir())},
            "kernel": kernel,
            "zfs": finished.facts["zfs"],
            "packages": finished.facts["packages"],
        }


def mksquashfs_argv(project: Project, tree: Path, packed: Path) -> list[str | Path]:
    """Return the command that packs a tree (to be run without SOURCE_DATE_EPOCH in its environment).

    Only the file system's own time stamp is fixed here. Clamping those of all files would make Python
    distrust the byte code that was compiled for them; the stages before fixed those of what they made.
    """
    squashfs = project.image.squashfs
    argv: list[str | Path] = ["mksquashfs", tree, packed, "-noappend", "-no-progress", "-xattrs"]
    argv += ["-mkfs-time", str(project.epoch)]
    argv += ["-comp", "zstd", "-Xcompression-level", str(squashfs.level), "-processors", str(project.jobs)]
    return [*argv, "-wildcards", "-e", *_VOLATILE, *squashfs.exclude]
