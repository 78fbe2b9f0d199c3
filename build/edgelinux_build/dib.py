"""diskimage-builder: the command that makes a tree of elements, and the environment it runs in."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from edgelinux_hostd.errors import EdgeLinuxError

from .cache import cache_home
from .host_dnf import private_dnf
from .images import Base
from .process import run_logged
from .rpm_repositories import architectures
from .stage import GIB, Context
from .tree import copy_sources, put_files

__all__ = ["Order", "block_device_config", "disk_image_create_argv", "make_tree"]

_TMPFS_NEEDS = 8 * GIB
_PASSED_ON = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Order:
    """What is to be made: a base distribution with elements, this repository's or diskimage-builder's own."""

    base: Base
    elements: tuple[str, ...]
    packages: tuple[str, ...] = ()
    """Beyond those that the elements install."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the elements, beyond those of the base."""
    pins: Mapping[str, str] = field(default_factory=dict)
    """Files that pin versions (archive.pins); gone from the tree that is made."""
    cache: str = "diskimage-builder"
    """Of package files; two that are made at the same time need two."""


def disk_image_create_argv(order: Order, output: Path) -> list[str | Path]:
    """Return the command that writes <output>.tar."""
    tool = Path(sys.executable).with_name("disk-image-create")
    packages = ["-p", ",".join(order.packages)] if order.packages else []
    # -n: without diskimage-builder's own "base" element, which is for cloud images
    argv: list[str | Path] = [tool, "-n", "-a", order.base.arch, "-t", "tar", "-o", output, *packages]
    return [*argv, order.base.element, *order.elements]


def make_tree(ctx: Context, order: Order, tree: Path) -> None:
    """Make a tree: the tar that diskimage-builder makes is unpacked into the new directory `tree`."""
    tar = _make(ctx, order)
    tree.mkdir()
    tree.chmod(0o755)
    argv = ["tar", "--extract", "--numeric-owner", "--same-permissions", "--xattrs", "--xattrs-include=*"]
    run_logged([*argv, "--file", tar, "--directory", tree], ctx.log)
    tar.unlink()
    for folder in ("proc", "sys"):
        (tree / folder).mkdir(mode=0o555, exist_ok=True)
    for path in order.pins:
        (tree / path.lstrip("/")).unlink()


def _make(ctx: Context, order: Order) -> Path:
    base = order.base
    ctx.say(f"packages from {ctx.mirrors_of(base).archive}")
    env = {**base.environment, **order.environment, **_environment(ctx, order)}
    argv = disk_image_create_argv(order, ctx.scratch / "root")
    within = private_dnf(ctx.scratch, base) if base.mirrors.repositories else ()
    with ctx.sources(base) as values:
        env |= _mirrors(base, values, ctx.scratch / "repositories")
        run_logged(argv, ctx.log, env=env, clean_env=True, cwd=ctx.scratch, within=within)
    tar = ctx.scratch / "root.tar"
    if not tar.is_file():
        raise EdgeLinuxError("diskimage-builder made no tar, though it said it succeeded")
    return tar


def _mirrors(base: Base, values: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables that name the mirrors; RPM repositories are configured in `folder`.

    With them goes what their packages are built for, as the element's own dnf is to be told.
    """
    if base.mirrors.repositories:
        folder.mkdir()
        # The name by which diskimage-builder knows what it has to take away again.
        (folder / "dib-mirror-edgelinux.repo").write_text(values["repositories"], encoding="utf-8")
        arches = ":".join(architectures(base))
        return {base.mirrors.archive_env: str(folder), "EDGELINUX_ARCHITECTURES": arches}
    security = base.mirrors.security_env
    return {
        base.mirrors.archive_env: values["archive"],
        **({security: values["security"]} if security else {}),
    }


def _environment(ctx: Context, order: Order) -> dict[str, str]:
    # A package set is kept anyway, and dnf takes each address that it is served at for another.
    cache = ctx.scratch / "cache" if ctx.packages else cache_home() / order.cache
    elements = ctx.scratch / "elements"
    copy_sources(ctx.project.root / "elements", elements)
    path = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
    for folder in ("home", "tmp", "image"):
        (ctx.scratch / folder).mkdir()
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        "PATH": path,
        # diskimage-builder writes rpm's macros there, for dnf of the build host.
        "HOME": str(ctx.scratch / "home"),
        "ELEMENTS_PATH": str(elements),
        "DIB_IMAGE_CACHE": str(cache),
        "DIB_LOCKFILES": str(cache / "lockfiles"),
        "DIB_NO_TIMESTAMP": "1",
        # The whole tree lies in memory then, and the page cache holds the file-system image.
        "DIB_NO_TMPFS": "0" if psutil.virtual_memory().available > _TMPFS_NEEDS else "1",
        "TMP_DIR": str(ctx.scratch / "tmp"),
        "TMPDIR": str(ctx.scratch / "tmp"),
        "EDGELINUX_EPOCH": str(ctx.project.epoch),
        "EDGELINUX_PACKAGE_MANAGER": str(_pinned(ctx, order)),
        "DIB_BLOCK_DEVICE_CONFIG": block_device_config(ctx.scratch / "image"),
        "USER": "root",
    }


def _pinned(ctx: Context, order: Order) -> Path:
    """Make the directory that is laid into the tree before any package; empty without a lock."""
    folder = ctx.scratch / "package-manager"
    folder.mkdir()
    put_files(folder, order.pins)
    return folder


def block_device_config(folder: Path) -> str:
    """Return diskimage-builder's default disk, one file system, but with its image in a directory of ours.

    Should the build be killed, the loop device outlives it, and its file's name is all that tells whose it
    was. In diskimage-builder's own tmpfs it would have none.
    """
    mount = {"mount_point": "/", "fstab": {"options": "defaults", "fsck-passno": 1}}
    mkfs = {"name": "mkfs_root", "type": "ext4", "opts": "-O ^has_journal", "mount": mount}
    return json.dumps([{"local_loop": {"name": "image0", "directory": str(folder), "mkfs": mkfs}}])
