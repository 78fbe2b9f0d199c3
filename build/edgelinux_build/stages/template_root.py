"""Stages that build antlet templates with diskimage-builder: a container's root, a machine's disk."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.labels import file_contexts, setfiles_argv
from edgelinux_hostd.run import run

from edgelinux_build.antlet_templates import DiskRecipe, RootRecipe, Template
from edgelinux_build.archive import ArchivePackage, pins
from edgelinux_build.dib import Order, make_tree
from edgelinux_build.elements import own_elements
from edgelinux_build.images import Base, element_folders
from edgelinux_build.inputs import Json, hash_files
from edgelinux_build.package_facts import describe_tree, licences_of
from edgelinux_build.process import run_logged
from edgelinux_build.stage import GIB, Context, Project, Upstream
from edgelinux_build.tree import (
    capture_in,
    fill,
    mounted_for_chroot,
    overlay,
    put_files,
    run_in,
    set_times,
)

from .bootable import ROOT, Layout, grub_cfg, lay_out
from .root_tree import parse_packages
from .template import Made, TemplateStage, zstd_argv

__all__ = ["DiskTemplate", "RootTemplate", "check_boots", "label", "tar_argv"]


class FromElements(TemplateStage):
    """What is common to templates made of elements."""

    def __init__(self, template: Template, base: Base, recipe: RootRecipe | DiskRecipe) -> None:
        super().__init__(template, base)
        self.recipe = recipe

    def definitions(self, project: Project) -> dict[str, Json]:
        """The elements as well."""
        used = own_elements(element_folders(project.root), (self.base.element, *self.recipe.elements))
        files = hash_files(project.root, [f"elements/{name}" for name in used])
        return {
            **super().definitions(project),
            "elements": {name: entry for name, entry in files.items() if not name.endswith("/README.rst")},
            "element": self.base.element,
            "environment": dict(self.base.environment),
            "arch": self.base.arch,
            "mirror": project.image.template_mirrors.get(self.base.name, ""),
            "diskimage-builder": importlib.metadata.version("diskimage-builder"),
        }

    def order(self, ctx: Context) -> Order:
        """Return what diskimage-builder is to make; the files that the definition adds are written first."""
        recipe, project = self.recipe, ctx.project
        pinned: dict[str, str] = {}
        files = ctx.scratch / "files"
        files.mkdir()
        put_files(files, self.sources(project))
        if project.locked and project.lock:
            pinned = pins(self.base.packages, project.lock.templates.get(self.template.name, {}))
        return Order(
            self.base,
            recipe.elements,
            recipe.packages,
            {**recipe.environment, "EDGELINUX_ANTLET_FILES": str(files)},
            pinned,
            cache=f"diskimage-builder-{self.name}",
        )

    def describe(self, ctx: Context, tree: Path) -> dict[str, ArchivePackage]:
        """Ask for what is installed in the tree; leaves the tree as it was."""
        with (
            overlay(ctx.scratch / "listed", [tree], ctx.scratch / "listed-upper") as listed,
            mounted_for_chroot(listed),
        ):
            installed = parse_packages(capture_in(listed, self.base.packages.list))
        return describe_tree(ctx, self.base, tree, installed)

    def make_root(self, ctx: Context, tree: Path) -> dict[str, ArchivePackage]:
        """Make the tree; returns what is installed in it."""
        started = ctx.scratch / "started-root"
        started.touch()
        make_tree(ctx, self.order(ctx), tree)
        packages = self.describe(ctx, tree)
        set_times(tree, started, ctx.project.epoch)
        return packages

    def sources(self, project: Project) -> Mapping[str, str]:
        """Return the files by which antlets find packages, or say that they do not."""
        mirror = project.image.template_mirrors.get(self.base.name, "").rstrip("/")
        if not mirror:
            return self.recipe.no_sources
        values = {"archive": mirror, "security": f"{mirror}-security"}
        return {path: fill(text, values) for path, text in self.recipe.sources.items()}


class RootTemplate(FromElements):
    """Makes `root.tar.zst`."""

    recipe: RootRecipe

    def make(self, ctx: Context, folder: Path) -> Made:
        """Make the tree, say what is in it, and pack it."""
        tree = ctx.scratch / "root-tree"
        packages = self.make_root(ctx, tree)
        tar = ctx.scratch / "packed.tar"
        run_logged(tar_argv(tree, tar, ctx.project.epoch), ctx.log)
        ctx.say("packing")
        run_logged(zstd_argv(ctx.project, self.recipe.level, tar, folder / "root.tar.zst"), ctx.log)
        return Made(packages, licences_of(ctx, self.base, tree, packages))


def tar_argv(tree: Path, tar: Path, epoch: int) -> list[str | Path]:
    """Return the command that packs a tree so that the same files give the same bytes (tar(1))."""
    argv: list[str | Path] = ["tar", "--create", "--file", tar, "--directory", tree, "--sort=name"]
    argv += [f"--mtime=@{epoch}", "--clamp-mtime", "--numeric-owner", "--xattrs", "--xattrs-include=*"]
    argv += ["--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"]
    return [*argv, "."]


class DiskTemplate(FromElements):
    """Makes `disk.qcow2`, compressed: a tree from diskimage-builder, boot loader and tools of the host's."""

    recipe: DiskRecipe
    needs = ("root-tree",)
    space = 6 * GIB

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The tree with boot loader and tools as well."""
        return {**super().inputs(project, upstream), "root-tree": upstream["root-tree"].identity}

    def make(self, ctx: Context, folder: Path) -> Made:
        """Make the tree, say what is in it, and make a disk of it."""
        root, recipe = ctx.scratch / "root-tree", self.recipe
        packages = self.make_root(ctx, root)
        (root / "etc/fstab").write_text(f"LABEL={recipe.label} / ext4 defaults 0 1\n", encoding="utf-8")
        os.utime(root / "etc/fstab", (ctx.project.epoch, ctx.project.epoch))
        check_boots(root, self.template, recipe)
        if self.base.selinux:
            label(root, ctx.log)
        cfg = grub_cfg(recipe.kernel, recipe.initramfs, [f"root=LABEL={recipe.label}", *recipe.kernel_args])
        below = ctx.upstream["root-tree"].path / "tree"
        with (
            overlay(ctx.scratch / "tools", [below], ctx.scratch / "tools-upper") as tools,
            mounted_for_chroot(tools),
        ):
            (tools / ROOT).mkdir()
            run(["mount", "--bind", root, tools / ROOT])
            disk = lay_out(ctx, tools, ctx.project.base.boot, Layout(recipe.size, recipe.label, cfg))
            ctx.say("packing")
            argv: list[str | Path] = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c"]
            run_logged([*argv, "-o", "compression_type=zstd", disk, folder / "disk.qcow2"], ctx.log)
        return Made(packages, licences_of(ctx, self.base, root, packages))


def check_boots(root: Path, template: Template, recipe: DiskRecipe) -> None:
    """Raise EdgeLinuxError if the tree lacks what the boot loader starts."""
    for key, path in (("kernel", recipe.kernel), ("initramfs", recipe.initramfs)):
        if not (root / path.lstrip("/")).is_file():
            raise EdgeLinuxError(
                f"template {template.name}: its tree has no {path}",
                hint=f"`{key}` in {template.files}/build.yaml",
            )


def label(root: Path, log: Path) -> None:
    """Give every file its SELinux label, with the tree's own tools, so that the first boot need not.

    Nothing is mounted in the tree: the mount points have labels, too.
    """
    contexts = Path("/") / file_contexts(root).relative_to(root)
    run_in(root, setfiles_argv(Path("/"), contexts), log)
