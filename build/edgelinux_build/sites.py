"""A directory of site files and kickstarts, one for each machine, named by what tells machines apart.

`<key>.yaml` is a site file, `<key>.ks` a kickstart; edgelinux_installer.identity says what keys there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.identity import Identity, parse_key
from edgelinux_installer.kickstart import Kickstart, read_kickstart
from edgelinux_installer.plan import check_selinux
from edgelinux_installer.site.model import load_site
from edgelinux_installer.site.render import render_kickstart

from .kickstart_file import has_login, load_kickstart
from .medium.info import MediaInfo

__all__ = ["SiteEntry", "Sites", "SitesError", "load_sites"]

_USAGE = 2
_KEYS = "aa-bb-cc-dd-ee-ff, serial-<SERIAL>, uuid-<UUID> or default, with .yaml or .ks"


class SitesError(EdgeLinuxError):
    """Everything that is wrong with a directory of sites; the message has one line for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems), exit_code=_USAGE)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class SiteEntry:
    """One machine's kickstart. It holds password hashes: whoever writes it to a file keeps others from it."""

    key: str
    """As edgelinux_installer.identity.parse_key gives it."""
    file: Path
    """What it was made from."""
    text: str
    """The kickstart."""
    kickstart: Kickstart
    """The same, as the installer reads it."""


@dataclass(frozen=True)
class Sites:
    """All machines' kickstarts, each of which the installer would accept."""

    directory: Path
    entries: tuple[SiteEntry, ...]
    """In the order of their keys."""

    def find(self, identity: Identity) -> SiteEntry | None:
        """Give what is meant for a machine: by UUID, else by serial number, by MAC, or the default."""
        known = {entry.key: entry for entry in self.entries}
        return next((known[key] for key in identity.keys if key in known), None)


def load_sites(directory: Path, info: MediaInfo | None = None, *, unattended: bool | None = None) -> Sites:
    """Read, render and check every file in a directory of sites.

    `info` is the medium that they are for, which decides what its base cannot do; `unattended` (without: as
    the medium is) wants a login in each. Dot files and README are passed over. Raises SitesError, with all
    that is wrong, and EdgeLinuxError when there is nothing to read.
    """
    lonely = unattended if unattended is not None else info is not None and info.unattended
    entries: dict[str, SiteEntry] = {}
    problems: list[str] = []
    for file in _files(directory):
        try:
            entry = _entry(file, info, lonely)
        except EdgeLinuxError as error:
            said = str(error)
            problems.append(said if str(file) in said else f"{file}: {said}")
            continue
        other = entries.setdefault(entry.key, entry)
        if other is not entry:
            problems.append(f"{file} is for the same machine as {other.file.name} (keep one of them)")
    if problems:
        raise SitesError(problems)
    return Sites(directory, tuple(entries[key] for key in sorted(entries)))


def _files(directory: Path) -> list[Path]:
    try:
        found = sorted(directory.iterdir())
    except OSError as error:
        raise EdgeLinuxError(
            f"cannot read the site files in {directory}: {error.strerror}",
            hint="give a directory",
            exit_code=_USAGE,
        ) from error
    files = [file for file in found if not file.name.startswith((".", "README"))]
    if not files:
        raise EdgeLinuxError(f"no site files in {directory}", hint=f"name them {_KEYS}", exit_code=_USAGE)
    return files


def _entry(file: Path, info: MediaInfo | None, unattended: bool) -> SiteEntry:
    if file.suffix not in (".yaml", ".ks") or not file.is_file():
        raise EdgeLinuxError(f"{file} is no site file", hint=f"name it {_KEYS}")
    try:
        key = parse_key(file.stem)
    except ValueError as error:
        raise EdgeLinuxError(f"{file}: {error}", hint=f"name it {_KEYS}") from error
    if file.suffix == ".yaml":
        site = load_site(file)
        text = render_kickstart(site)
        ks, login = read_kickstart(text, str(file)), site.has_login
    else:
        text, ks = load_kickstart(file)
        login = has_login(ks)
    if info is not None:
        check_selinux(ks, has_selinux=info.selinux, where=info.base_label)
    if unattended and not login:
        raise EdgeLinuxError(
            f"{file}: nobody could log in to the installed host",
            hint="an unattended installation needs a password or an SSH key",
        )
    return SiteEntry(key, file, text, ks)
