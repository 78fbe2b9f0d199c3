"""`edgelinux mirror`: the packages that an image needs, in a directory to build from offline."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path

import click

from .images import load_base
from .lock import lock_path
from .mirror.deb import index_problems, make_deb_mirror
from .mirror.place import Mirror, check_target, problems, read_mirror
from .mirror.rpm import make_rpm_mirror, signature_problems
from .mirror.serve import make_server, variables
from .mirror.wish import make_wish
from .mirrors import find_mirrors
from .options import repo_option, take_repositories
from .progress import make_reporter
from .project import find_root, load_project
from .stage import Project
from .stages.lock_file import lock_problems

__all__ = ["mirror"]

_WRONG = 1


@click.command(
    epilog="A run that is interrupted is taken up by the next; what DIR held until then stays until the new "
    "mirror is whole."
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--image", help="The image, if there are several.")
@click.option("--base", "base_name", default="auto", show_default=True, help="Base distribution, or auto.")
@repo_option
@click.option("--unlocked", is_flag=True, help="Take today's packages, though there is a lock file.")
@click.option("--verify", is_flag=True, help="Only check the mirror in DIR: checksums and signatures.")
@click.option("--serve", is_flag=True, help="Only serve the mirror in DIR, to builds on this host.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where --serve listens (without: any that is free).",
)
def mirror(
    folder: Path,
    image: str | None,
    base_name: str,
    repositories: tuple[tuple[str, str], ...],
    unlocked: bool,
    verify: bool,
    serve: bool,
    port: int,
) -> int:
    """Mirror the packages that an image needs into DIR, to build from offline, and again.

    They are those of the lock file, if there is one for image and base, else those that the definitions need
    today. Every package is held against its repository's index and signature.
    """
    root, folder = find_root(), folder.absolute()
    if verify and serve:
        raise click.UsageError("--verify and --serve exclude each other")
    if verify:
        return _verify(root, folder)
    if serve:
        return _serve(root, folder, port)
    check_target(folder)
    take_repositories(root, base_name, repositories)
    made = _make(load_project(root, image, base_name, None, root / "out"), folder, unlocked=unlocked)
    size = sum(package.size for package in made.packages)
    click.echo(
        f"{folder}: {len(made.packages)} packages, {size / 2**20:.1f} MiB, for {made.image} on {made.base}"
    )
    found = variables(load_base(root, made.base), folder)
    if found:
        click.echo("builds take it with these variables, or with --repo:")
        _show(found)
    else:
        click.echo(f"serve it to builds: edgelinux mirror {shlex.quote(str(folder))} --serve")
    return 0


def _make(project: Project, folder: Path, *, unlocked: bool) -> Mirror:
    reporter = make_reporter()
    try:
        lock = None if unlocked else project.lock
        if lock is None:
            reporter.note("without a lock file: the packages are those of today")
        else:
            for line in lock_problems(
                project, lock_path(project.root, project.image.name, project.base.name)
            ):
                reporter.note(f"note: {line}")
        wish = make_wish(project.root, project.image, project.base, lock)
        for name in wish.left_out:
            reporter.note(f"template {name} is made of another base, which this mirror does not have")
        urls = find_mirrors(project.base)
        if project.base.mirrors.repositories:
            return make_rpm_mirror(wish, urls.repositories, folder, reporter)
        return make_deb_mirror(wish, urls, folder, reporter)
    finally:
        reporter.close()


def _verify(root: Path, folder: Path) -> int:
    made = read_mirror(folder)
    base = load_base(root, made.base)
    found = problems(folder)
    # What is missing has been said.
    there = [package for package in made.packages if (folder / package.path).is_file()]
    if base.mirrors.repositories:
        found += signature_problems(root, base, folder, there)
    else:
        found += index_problems(base, folder, there)
    for line in found:
        click.echo(f"BAD  {line}")
    if not found:
        click.echo(f"ok  {len(made.packages)} packages: checksums and signatures are right")
    return _WRONG if found else 0


def _serve(root: Path, folder: Path, port: int) -> int:
    base = load_base(root, read_mirror(folder).base)
    server, url = make_server(folder, port)
    with server, contextlib.suppress(KeyboardInterrupt):
        click.echo(f"serving {folder} until Ctrl+C; for the build, in another terminal:")
        _show(variables(base, folder, url))
        server.serve_forever()
    return 0


def _show(found: dict[str, str]) -> None:
    for name, value in found.items():
        click.echo(f"export {name}={shlex.quote(value)}")
