"""`edgelinux lock`: writes down the packages of an image, so that the same build can be made again."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
from edgelinux_hostd.errors import EdgeLinuxError

from . import namespace
from .cache import Cache, cache_home
from .lock import differences, load_lock, lock_path, write_lock
from .options import repo_option, take_repositories
from .progress import make_reporter
from .project import find_root, load_project
from .rights import become_root, hand_over, make_directory
from .runner import Builder
from .stages import forced_stages, lock_stages

__all__ = ["lock"]

_FROM_MIRROR = ("package-set", "root-tree", "zfs-modules", "templates")


@click.command()
@click.argument("image", required=False)
@click.option("--base", "base", default="auto", show_default=True, help="Base distribution, or auto.")
@repo_option
@click.option("--update", is_flag=True, help="Take the mirror's packages of today, whatever is cached.")
def lock(image: str | None, base: str, repositories: Sequence[tuple[str, str]], update: bool) -> None:
    """Write images/locks/IMAGE-BASE.lock.json, which `edgelinux build --locked` keeps to.

    It has every package of the tree and every one that ZFS is compiled with: version, architecture, and the
    SHA-256 of the package file as the archive's signed index states it.
    """
    root = find_root()
    take_repositories(root, base, repositories)
    become_root(sys.argv[1:], "locking, which builds the tree,")
    project = load_project(root, image, base, None, root / "out")
    namespace.enter()
    os.umask(0o022)
    stages = lock_stages(project)
    builder = Builder(project, Cache(cache_home()), stages, make_reporter())
    forced = forced_stages(_FROM_MIRROR if update else (), stages)
    try:
        with builder.cache.session(
            alone=update, on_wait=lambda: builder.reporter.note("waiting for another build")
        ):
            result = builder.run(builder.plan(forced))
            made = load_lock(result.path / "lock.json")
    finally:
        builder.reporter.close()
    if made is None:
        raise EdgeLinuxError(f"{result.path} has no lock file", hint="edgelinux lock --update")
    path = lock_path(root, project.image.name, project.base.name)
    make_directory(path.parent)
    write_lock(path, made)
    hand_over(path)
    if project.lock:
        for line in differences(project.lock.packages, made.packages):
            click.echo(line)
    in_templates = "".join(f", {len(found)} in {name}" for name, found in made.templates.items())
    click.echo(
        f"{path.relative_to(root)}: {len(made.packages)} packages, "
        f"{len(made.zfs_packages)} to compile ZFS{in_templates}"
    )
