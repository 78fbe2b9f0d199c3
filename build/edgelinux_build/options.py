"""Options that several commands have alike."""

from __future__ import annotations

from pathlib import Path

import click

from .signing import SIGN_KEY

__all__ = ["repo_option", "sign_key_option"]

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
    help="Take a repository of the base from another URL or a directory; once for each. "
    "EDGELINUX_REPO_<ID> does the same.",
)
"""Pairs of id and place, for repositories.name_repositories."""
