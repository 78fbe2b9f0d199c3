"""`edgelinux check`: are all packages there, and what is newer than in the image that was built."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from edgelinux_hostd.errors import EdgeLinuxError

from .available import Answer
from .cache import cache_home
from .checking import Missing, ask, missing_of
from .images import Base, Image, load_bases, load_image
from .lock import load_lock, lock_path
from .mirrors import choose_base, find_mirrors
from .options import repo_option, take_repositories
from .project import default_image, find_root
from .tables import show_table
from .updates import Installed, Update, installed_of_file, installed_of_lock, updates
from .wanted import wanted_packages

__all__ = ["MISSING", "check"]

MISSING = 7
"""Exit code when the repositories lack a package."""

_USAGE = 2


@click.command()
@click.argument("image", required=False)
@click.option("--base", "base_name", default="auto", show_default=True, help="Base distribution, or auto.")
@repo_option
@click.option("--updates", "show_updates", is_flag=True, help="Show what is newer than in the lock file.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With --updates: this manifest.json or lock file instead of the image's lock file.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def check(
    image: str | None,
    base_name: str,
    repositories: Sequence[tuple[str, str]],
    show_updates: bool,
    against: Path | None,
    form: str,
) -> int:
    """Ask the repositories for every package that IMAGE needs, before anything is built.

    Each name that no repository has is shown with who wants it and with the names nearest to it. Exit codes:
    0 all there, 4 no mirror answers, 6 a repository is not signed by the base's keys, 7 packages are missing.

    With --updates it shows as well what changed since the image was locked: kernel and ZFS first, then
    security errata.
    """
    root = find_root()
    loaded = load_image(root, image or default_image(root))
    take_repositories(root, base_name, repositories)
    base, _ = choose_base(loaded, load_bases(root), base_name)
    if against and not show_updates:
        raise EdgeLinuxError("--against needs --updates", exit_code=_USAGE)
    installed = _installed(root, loaded, base, against) if show_updates else None
    wanted = wanted_packages(root, loaded, base)
    mirrors = find_mirrors(base)
    names = [one.name for one in wanted]
    answer = ask(root, base, mirrors, names, installed.versions if installed else {}, cache_home())
    missing = missing_of(wanted, answer)
    changed = updates(installed.versions, answer.newest, base.watched) if installed else ()
    if form == "json":
        _show_json(base, len(names), answer, missing, installed, changed)
    else:
        _show_text(base, len(names), answer, missing, installed, changed)
    return MISSING if missing else 0


def _installed(root: Path, image: Image, base: Base, against: Path | None) -> Installed:
    if against:
        own = {package.package for package in base.pypi}
        found = installed_of_file(against, own, f"{image.name}-")
    else:
        path = lock_path(root, image.name, base.name)
        lock = load_lock(path)
        if lock is None:
            raise EdgeLinuxError(
                f"there is no {path.relative_to(root)}",
                hint="run `edgelinux lock`, or name a manifest.json with --against",
                exit_code=_USAGE,
            )
        found = installed_of_lock(path.relative_to(root), lock)
    if found.base != base.name:
        raise EdgeLinuxError(
            f"{found.source} is of base {found.base}, not {base.name}",
            hint=f"--base {found.base}",
            exit_code=_USAGE,
        )
    return found


def _show_json(
    base: Base,
    count: int,
    answer: Answer,
    missing: Sequence[Missing],
    installed: Installed | None,
    changed: Sequence[Update],
) -> None:
    found: dict[str, object] = {
        "base": base.name,
        "names": count,
        "repositories": list(answer.repositories),
        "packages": answer.packages,
        "missing": [asdict(one) for one in missing],
    }
    if installed:
        found["against"] = installed.source
        found["updates"] = [asdict(one) for one in changed]
    click.echo(json.dumps(found, indent=2))


def _show_text(
    base: Base,
    count: int,
    answer: Answer,
    missing: Sequence[Missing],
    installed: Installed | None,
    changed: Sequence[Update],
) -> None:
    for one in missing:
        near = f"; nearest: {', '.join(one.nearest)}" if one.nearest else "; nothing is called much the same"
        click.echo(f"missing: {one.name} (wanted by {', '.join(one.by)}){near}")
    if changed:
        show_table(("PACKAGE", "WAS", "IS", ""), [_row(one) for one in changed])
    repositories = f"{len(answer.repositories)} repositories ({', '.join(answer.repositories)})"
    lacking = f"{len(missing)} of {count} names are missing" if missing else f"all {count} names are there"
    click.echo(f"{base.label}: {lacking}, in {answer.packages} packages of {repositories}")
    if installed:
        errata = sum(one.security for one in changed)
        click.echo(
            f"{len(changed)} of {len(installed.versions)} packages of {installed.source} differ, "
            f"{errata} of them for security"
        )


def _row(update: Update) -> tuple[str, str, str, str]:
    notes = [
        *([{"kernel": "kernel", "zfs": "ZFS"}[update.watched]] if update.watched else []),
        *([" ".join(("security", *update.errata))] if update.security else []),
        *(["older"] if update.new and update.order < 0 else []),
    ]
    return update.name, update.old, update.new or "gone", ", ".join(notes)
