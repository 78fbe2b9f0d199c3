"""What is known of the packages in a tree: from the archive's index, or from the set that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from .archive import ArchivePackage, describe, from_mirror, lay_sources
from .images import Base
from .licences import Declared, declared_by_tag, read_copyright
from .mirror.place import read_mirror
from .sources import MIRROR
from .stage import Context
from .tree import fill, mounted_for_chroot, overlay, run_in, use_host_resolver

__all__ = ["describe_in", "describe_tree", "licences_of"]


def describe_tree(
    ctx: Context, base: Base, tree: Path, installed: Mapping[str, str]
) -> dict[str, ArchivePackage]:
    """Return what is known of packages of a tree, by name; the tree stays as it is. Raises EdgeLinuxError."""
    if ctx.packages:
        return describe_in(ctx, base, tree, installed)
    packages = base.packages
    with (
        overlay(ctx.scratch / "asked", [tree], ctx.scratch / "asked-upper") as asked,
        mounted_for_chroot(asked),
        ctx.sources(base) as sources,
    ):
        lay_sources(asked, packages, sources, locked=bool(ctx.project.locked and ctx.project.lock))
        use_host_resolver(asked)
        run_in(asked, packages.refresh, ctx.log)
        return describe_in(ctx, base, asked, installed)


def describe_in(
    ctx: Context, base: Base, tree: Path, installed: Mapping[str, str]
) -> dict[str, ArchivePackage]:
    """Do the same in a tree that has package sources, and their indexes; raises CommandError."""
    if ctx.packages:
        return from_mirror(read_mirror(ctx.packages / MIRROR).packages, installed)
    return describe(tree, base.packages, installed)


def licences_of(ctx: Context, base: Base, tree: Path, names: Iterable[str]) -> dict[str, Declared]:
    """Return what packages of a tree say about their licences, by name."""
    if ctx.packages:
        tags = {package.name: package.license for package in read_mirror(ctx.packages / MIRROR).packages}
        return {name: declared_by_tag(tags.get(name, "")) for name in names}
    pattern = base.packages.copyright
    return {name: read_copyright(tree / fill(pattern, {"name": name}).lstrip("/")) for name in names}
