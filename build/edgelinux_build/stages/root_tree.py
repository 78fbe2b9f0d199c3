"""Stage root-tree: diskimage-builder makes the tree with everything but ZFS's kernel modules."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.archive import pins, upstream_version
from edgelinux_build.dib import Order, make_tree
from edgelinux_build.elements import own_elements
from edgelinux_build.images import Base, element_folders
from edgelinux_build.inputs import Json, hash_file, hash_files, key_of
from edgelinux_build.lock import Lock, summary
from edgelinux_build.process import StageError
from edgelinux_build.stage import GIB, Context, Project, Stage, Upstream
from edgelinux_build.tree import capture_in, set_times

__all__ = [
    "RootTree",
    "order",
    "parse_packages",
    "refuse",
    "tree_facts",
    "version_differences",
]


class RootTree(Stage):
    """Makes `tree/`, the base distribution with the image's elements."""

    name: str = "root-tree"
    title: str = "root tree (diskimage-builder)"
    space: int = 5 * GIB
    downloads: bool = True
    version: int = 2
    identity_from_facts: bool = True

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The elements, and what goes into them. Not the mirror: a base's mirrors hold the same packages."""
        # All that is installed comes from a package set, where there is one.
        sets = {name: upstream[name].identity for name in self.needs}
        return {**self.definitions(project), **project.locked_to("packages"), **sets}

    def definitions(self, project: Project) -> dict[str, Json]:
        """Return what decides which packages there are; their versions are the mirror's, or a lock's."""
        image, base = project.image, project.base
        used = own_elements(element_folders(project.root), (base.element, *image.elements))
        files = hash_files(project.root, [f"elements/{name}" for name in used])
        return {
            "element": base.element,
            "elements": list(image.elements),
            "packages": list(image.packages),
            "environment": {**base.environment, **image.environment},
            "arch": base.arch,
            "modules": base.modules,
            "diskimage-builder": importlib.metadata.version("diskimage-builder"),
            "files": {name: entry for name, entry in files.items() if not name.endswith("/README.rst")},
        }

    def identity(self, key: str, facts: Mapping[str, Json]) -> str:
        """Trees made at different times differ in the versions of their packages."""
        return key_of({"key": key, "packages": facts["packages"]})

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Build the tar with diskimage-builder and unpack it."""
        base = ctx.project.base
        started = ctx.scratch / "started"
        started.touch()
        tree = out / "tree"
        make_tree(ctx, order(ctx.project), tree)
        packages = parse_packages(capture_in(tree, base.packages.list))
        if ctx.project.locked and ctx.project.lock:
            refuse(version_differences(ctx.project.lock, packages))
        set_times(tree, started, ctx.project.epoch)
        # What diskimage-builder had mounted there is the build host's, its time too.
        for folder in ("dev", "proc", "sys"):
            os.utime(tree / folder, (ctx.project.epoch, ctx.project.epoch))
        return tree_facts(base, tree, packages)


def order(project: Project) -> Order:
    """Return what diskimage-builder is to make."""
    image, base = project.image, project.base
    pinned = pins(base.packages, project.lock.host_packages) if project.locked and project.lock else {}
    return Order(base, image.elements, image.packages, image.environment, pinned)


def version_differences(lock: Lock, packages: Mapping[str, str]) -> list[str]:
    """Name the packages whose versions are not the locked ones."""
    names = sorted(lock.packages.keys() | packages.keys())
    wanted = {name: package.version for name, package in lock.packages.items()}
    return [
        f"{name} {wanted.get(name, 'not at all')} is locked, found {packages.get(name, 'none')}"
        for name in names
        if wanted.get(name) != packages.get(name)
    ]


def refuse(differences: list[str]) -> None:
    """Raise StageError, with all of them as lines, if the tree differs from the lock file."""
    if differences:
        raise StageError(
            f"the mirror's packages are not the locked ones: {summary(differences)}",
            lines=differences,
            hint="`edgelinux lock --update` locks those of today; EDGELINUX_MIRROR names an archive that has "
            "the older ones, such as a snapshot",
        )


def tree_facts(base: Base, tree: Path, packages: Mapping[str, str]) -> dict[str, Json]:
    """Return kernel, ZFS version and packages of a tree; raises EdgeLinuxError if it cannot be built upon."""
    modules = tree / base.modules.lstrip("/")
    kernels = sorted(path.name for path in modules.iterdir() if (path / "kernel").is_dir())
    if len(kernels) != 1:
        raise EdgeLinuxError(f"the tree must hold one kernel, it holds {', '.join(kernels) or 'none'}")
    if base.zfs.userland not in packages:
        raise EdgeLinuxError(
            f"the tree has no package {base.zfs.userland}", hint=f"images/bases/{base.name}.yaml"
        )
    zfs = upstream_version(packages[base.zfs.userland])
    _refuse_untested(base, kernels[0], zfs)
    return {
        "kernel": kernels[0],
        "modules": hash_file(modules / kernels[0] / "modules.order"),
        "zfs": zfs,
        "packages": dict(packages),
    }


def _refuse_untested(base: Base, kernel: str, zfs: str) -> None:
    tested = base.zfs.tested
    if not (_is(kernel, tested.kernel) and _is(zfs, tested.zfs)):
        raise EdgeLinuxError(
            f"the tree has kernel {kernel} and ZFS {zfs}; tested were {tested.kernel} and {tested.zfs}",
            hint=f"test that pair, then name it in images/bases/{base.name}.yaml, zfs.tested",
        )


def _is(version: str, series: str) -> bool:
    return re.match(rf"{re.escape(series)}(?![0-9])", version) is not None


def parse_packages(text: str) -> dict[str, str]:
    """Parse `name<TAB>version` lines, by name."""
    pairs = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return dict(sorted((name, version) for name, version in pairs))
