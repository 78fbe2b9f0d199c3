"""Options that several commands have alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click
from edgelinux_hostd.errors import EdgeLinuxError

from .images import load_base
from .project import USAGE
from .repositories import name_repositories
from .signing import SIGN_KEY

__all__ = ["repo_option", "sign_key_option", "take_repositories"]

sign_key_option = click.option(
    "--sign-key",
    envvar=SIGN_KEY,
    default="",
    metavar="KEY",
    show_envvar=True,
    help="Sign the checksums with this OpenPGP key: an id, a fingerprint, or a file.",
)


def _repositories(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    found = []
    for value in values:
        identifier, _, place = value.partition("=")
        if not identifier or not place:
            raise click.BadParameter(f"{value!r} is not ID=URL or ID=DIRECTORY")
        if "://" not in place:
            folder = Path(place).resolve()
            if not folder.is_dir():
                raise click.BadParameter(f"{identifier}: there is no directory {place}")
            place = str(folder)
        found.append((identifier, place))
    return tuple(found)


repo_option = click.option(
    "--repo",
    "repositories",
    multiple=True,
    metavar="ID=URL|DIR",
    callback=_repositories,
    help="Take a repository of the base that --base names from another URL or a directory; once for each. "
    "EDGELINUX_REPO_<ID> does the same.",
)
"""Pairs of id and place, for take_repositories."""


def take_repositories(root: Path, base_name: str, named: Sequence[tuple[str, str]]) -> None:
    """Have all that follows take these repositories of a base from elsewhere; raises EdgeLinuxError.

    To be called before the base is chosen and before become_root, which starts the command again with the
    same arguments.
    """
    if not named:
        return
    if base_name == "auto":
        raise EdgeLinuxError(
            "--repo needs --base", hint="it names repositories of that base", exit_code=USAGE
        )
    base = load_base(root, base_name)
    name_repositories(base.label, base.mirrors.repositories, named, os.environ)
