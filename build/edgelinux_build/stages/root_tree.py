"""Stage root-tree: diskimage-builder makes the tree with everything but ZFS's kernel modules."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import psutil
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.archive import pins
from edgelinux_build.cache import cache_home
from edgelinux_build.images import Base
from edgelinux_build.inputs import Json, hash_file, hash_files, key_of
from edgelinux_build.lock import Lock, summary
from edgelinux_build.process import StageError, run_logged
from edgelinux_build.stage import GIB, Context, Project, Stage, Upstream
from edgelinux_build.tree import capture_in, copy_sources, put_files, set_times

__all__ = [
    "RootTree",
    "disk_image_create_argv",
    "element_closure",
    "parse_packages",
    "refuse",
    "tree_facts",
    "upstream_version",
    "version_differences",
]

_TMPFS_NEEDS = 8 * GIB
_PASSED_ON = ("HOME", "http_proxy", "https_proxy", "no_proxy")


class RootTree(Stage):
    """Makes `tree/`, the base distribution with the image's elements."""

    name: ClassVar[str] = "root-tree"
    title: ClassVar[str] = "root tree (diskimage-builder)"
    space: ClassVar[int] = 5 * GIB
    downloads: ClassVar[bool] = True
    version: ClassVar[int] = 2
    identity_from_facts: ClassVar[bool] = True

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The elements, and what goes into them. Not the mirror: a base's mirrors hold the same packages."""
        return {**self.definitions(project), **project.locked_to("packages")}

    def definitions(self, project: Project) -> dict[str, Json]:
        """Return what decides which packages there are; their versions are the mirror's, or a lock's."""
        image, base = project.image, project.base
        used = element_closure(project.root / "elements", image.elements)
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
        mirrors = ctx.mirrors()
        ctx.say(f"packages from {mirrors.archive}")
        started = ctx.scratch / "started"
        started.touch()
        env = {**base.environment, **ctx.project.image.environment, **_environment(ctx)}
        env[base.mirrors.archive_env] = mirrors.archive
        if base.mirrors.security_env:
            env[base.mirrors.security_env] = mirrors.security
        run_logged(
            disk_image_create_argv(ctx.project, ctx.scratch / "root"),
            ctx.log,
            env=env,
            clean_env=True,
            cwd=ctx.scratch,
        )
        tar = ctx.scratch / "root.tar"
        if not tar.is_file():
            raise EdgeLinuxError("diskimage-builder made no tar, though it said it succeeded")
        tree = out / "tree"
        tree.mkdir()
        tree.chmod(0o755)
        argv = ["tar", "--extract", "--numeric-owner", "--same-permissions", "--xattrs", "--xattrs-include=*"]
        run_logged([*argv, "--file", tar, "--directory", tree], ctx.log)
        tar.unlink()
        for folder in ("proc", "sys"):
            (tree / folder).mkdir(mode=0o555, exist_ok=True)
        packages = parse_packages(capture_in(tree, base.packages.list))
        if ctx.project.locked and ctx.project.lock:
            (tree / base.packages.pin.file.lstrip("/")).unlink()
            refuse(version_differences(ctx.project.lock, packages))
        set_times(tree, started, ctx.project.epoch)
        # What diskimage-builder had mounted there is the build host's, its time too.
        for folder in ("dev", "proc", "sys"):
            os.utime(tree / folder, (ctx.project.epoch, ctx.project.epoch))
        return tree_facts(base, tree, packages)


def disk_image_create_argv(project: Project, output: Path) -> list[str | Path]:
    """Return the command that writes <output>.tar."""
    image, base = project.image, project.base
    tool = Path(sys.executable).with_name("disk-image-create")
    packages = ["-p", ",".join(image.packages)] if image.packages else []
    # -n: without diskimage-builder's own "base" element, which is for cloud images
    return [tool, "-n", "-a", base.arch, "-t", "tar", "-o", output, *packages, base.element, *image.elements]


def _environment(ctx: Context) -> dict[str, str]:
    cache = cache_home() / "diskimage-builder"
    elements = ctx.scratch / "elements"
    copy_sources(ctx.project.root / "elements", elements)
    path = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
    for folder in ("tmp", "image"):
        (ctx.scratch / folder).mkdir()
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        "PATH": path,
        "ELEMENTS_PATH": str(elements),
        "DIB_IMAGE_CACHE": str(cache),
        "DIB_LOCKFILES": str(cache / "lockfiles"),
        "DIB_NO_TIMESTAMP": "1",
        # The whole tree lies in memory then, and the page cache holds the file-system image.
        "DIB_NO_TMPFS": "0" if psutil.virtual_memory().available > _TMPFS_NEEDS else "1",
        "TMP_DIR": str(ctx.scratch / "tmp"),
        "TMPDIR": str(ctx.scratch / "tmp"),
        "EDGELINUX_EPOCH": str(ctx.project.epoch),
        "EDGELINUX_PACKAGE_MANAGER": str(_pinned(ctx)),
        "DIB_BLOCK_DEVICE_CONFIG": block_device_config(ctx.scratch / "image"),
        "USER": "root",
    }


def _pinned(ctx: Context) -> Path:
    """Make the directory that is laid into the tree before any package; empty without a lock."""
    folder = ctx.scratch / "package-manager"
    folder.mkdir()
    packages, lock = ctx.project.base.packages, ctx.project.lock
    if ctx.project.locked and lock:
        put_files(folder, {packages.pin.file: pins(packages, lock)})
    return folder


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


def block_device_config(folder: Path) -> str:
    """Return diskimage-builder's default disk, one file system, but with its image in a directory of ours.

    Should the build be killed, the loop device outlives it, and its file's name is all that tells whose it
    was. In diskimage-builder's own tmpfs it would have none.
    """
    mount = {"mount_point": "/", "fstab": {"options": "defaults", "fsck-passno": 1}}
    mkfs = {"name": "mkfs_root", "type": "ext4", "opts": "-O ^has_journal", "mount": mount}
    return json.dumps([{"local_loop": {"name": "image0", "directory": str(folder), "mkfs": mkfs}}])


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
    return {
        "kernel": kernels[0],
        "modules": hash_file(modules / kernels[0] / "modules.order"),
        "zfs": upstream_version(packages[base.zfs.userland]),
        "packages": dict(packages),
    }


def parse_packages(text: str) -> dict[str, str]:
    """Parse `name<TAB>version` lines, by name."""
    pairs = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return dict(sorted((name, version) for name, version in pairs))


def upstream_version(version: str) -> str:
    """Return what a package's authors call its version: without epoch and distribution's revision."""
    match = re.match(r"(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)", version)
    return match[1] if match else version


def element_closure(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the named elements and those of the same folder that they depend on, sorted."""
    found: set[str] = set()

    def walk(name: str) -> Iterator[str]:
        if name in found or not (folder / name).is_dir():
            return
        found.add(name)
        dependencies = folder / name / "element-deps"
        if dependencies.is_file():
            yield from dependencies.read_text(encoding="utf-8").split()

    queue = list(names)
    while queue:
        queue += walk(queue.pop())
    return tuple(sorted(found))
