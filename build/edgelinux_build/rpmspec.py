"""What an RPM says of itself: its spec file, and the scripts that tell systemd of its units.

Format: https://rpm.org/docs/4.18.x/manual/spec.html. Scripts: daemon(7), and
systemd's macros for RPM (src/rpm/macros.systemd.in of its sources), whose helper the scripts call, too.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from importlib import resources
from pathlib import PurePosixPath

import jinja2
from edgelinux_hostd.errors import EdgeLinuxError

from .debdocs import what_changed
from .debs import MAINTAINER
from .packaging import UNIT_FOLDER, Entry, Package

__all__ = [
    "RELEASE",
    "Scripts",
    "license_entries",
    "own_folders",
    "rpm_version",
    "scripts",
    "spec",
    "spec_sha256",
]

RELEASE = "1"
"""Of every package: another build of a version is the same version."""

_TEMPLATE = "templates/package.spec.j2"
_HELPER = "/usr/lib/systemd/systemd-update-helper"
_SYSUSERS = "/usr/bin/systemd-sysusers"
_SYSUSERS_FOLDER = "/usr/lib/sysusers.d"
_VERSION = re.compile(r"[A-Za-z0-9._+~^]+")
_PATH = re.compile(r"/[A-Za-z0-9._+~@:,=/-]+")

# Where files of many packages lie, each with the directories above it.
_SHARED = (
    "/etc",
    "/usr/bin",
    "/usr/lib/NetworkManager/conf.d",
    "/usr/lib/NetworkManager/dispatcher.d",
    "/usr/lib/dracut/modules.d",
    "/usr/lib/sysctl.d",
    "/usr/lib/systemd/system",
    "/usr/lib/sysusers.d",
    "/usr/lib/udev/rules.d",
    "/usr/share/bash-completion/completions",
    "/usr/share/doc",
    "/usr/share/licenses",
)
_SHARED_FOLDERS = {folder for path in map(PurePosixPath, _SHARED) for folder in (path, *path.parents)}
_PYTHON_FOLDERS = ("dist-packages", "site-packages")


@dataclass(frozen=True)
class Scripts:
    """What runs when a package is installed, removed or upgraded; empty: nothing."""

    post: str = ""
    preun: str = ""
    postun: str = ""


def rpm_version(version: str) -> str:
    """Return a version as RPM compares it: what follows a hyphen, which RPM keeps for itself, comes before.

    Raises EdgeLinuxError.
    """
    found = version.replace("-", "~")
    if not _VERSION.fullmatch(found):
        hint = "use letters, digits and . _ + ~ ^ only; a hyphen becomes ~"
        raise EdgeLinuxError(f"{version!r} is no version for an RPM", hint=hint)
    return found


def license_entries(package: Package) -> tuple[Entry, ...]:
    """Return the files to add to a package, so that it holds the text of its licence."""
    if package.licence_text is None:
        return ()
    return (Entry(f"/usr/share/licenses/{package.name}/LICENSE", 0o644, source=package.licence_text),)


def own_folders(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the directories that are there for the package's files alone, and go with it."""
    above = {folder for entry in entries for folder in PurePosixPath(entry.target).parents}
    python = [folder for folder in above if folder.name in _PYTHON_FOLDERS]
    shared = _SHARED_FOLDERS.union(python, *(folder.parents for folder in python))
    return tuple(sorted(str(folder) for folder in above - shared))


def scripts(package: Package) -> Scripts:
    """Return what systemd's macros for RPM come to: %sysusers_create, %systemd_post and their like.

    In the tree of an image, where no systemd runs, the helper applies the presets and does no more.
    Units that package.yaml neither enables nor disables are not for presets, and are started by others.
    """
    found = [PurePosixPath(entry.target) for entry in package.entries]
    accounts = [path.name for path in found if str(path.parent) == _SYSUSERS_FOLDER]
    own = {path.name for path in found if str(path.parent) == UNIT_FOLDER}
    units = [name for name in (*package.units.enable, *package.units.disable) if name in own]
    post = [
        f"if [ -x {_SYSUSERS} ]; then\n    {_SYSUSERS} {' '.join(accounts)} || :\nfi" if accounts else "",
        _when('"$1" -eq 1', "install-system-units", units),  # the first installation
    ]
    return Scripts(
        post="\n".join(text for text in post if text),
        preun=_when('"$1" -eq 0', "remove-system-units", units),  # the last version goes
        # After an upgrade; systemd's own package reads the units again, and restarts those that are marked.
        postun=_when('"$1" -ge 1', "mark-restart-system-units", package.restart),
    )


def _when(count: str, verb: str, units: Sequence[str]) -> str:
    """Have systemd's helper do something to units; `count` is of the versions that stay."""
    if not units:
        return ""
    words = f"{_HELPER} {verb} {' '.join(units)}"
    lines = textwrap.wrap(words, 96, break_long_words=False, break_on_hyphens=False)
    call = " \\\n        ".join(lines)
    return f"if [ {count} ] && [ -x {_HELPER} ]; then\n    {call} || :\nfi"


def spec(package: Package, architecture: str, epoch: int) -> str:
    """Return the spec file of a package whose entries are all there; raises EdgeLinuxError."""
    weekday, day, month, year, *_ = formatdate(epoch).split()
    found = scripts(package)
    values = {
        "name": package.name,
        "version": rpm_version(package.version),
        "release": RELEASE,
        "summary": package.summary,
        "licence": package.licence,
        "homepage": package.homepage,
        "packager": MAINTAINER,
        "architecture": architecture,
        "description": _description(package),
        "date": f"{weekday.rstrip(',')} {month} {day} {year}",
        "change": what_changed(package),
    }
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (a spec file, not HTML)
    )
    return environment.from_string(_template().decode()).render(
        **{name: _plain(text) for name, text in values.items()},
        depends=[_plain(name) for name in package.depends],
        provides=[_plain(name) for name in package.provides],
        files=[*_files(package)],
        post=_plain(found.post),
        preun=_plain(found.preun),
        postun=_plain(found.postun),
    )


def spec_sha256() -> str:
    """Return the SHA-256 (hex) of the template, which is among the inputs of what is made with it."""
    return hashlib.sha256(_template()).hexdigest()


def _template() -> bytes:
    return resources.files(__package__).joinpath(_TEMPLATE).read_bytes()


def _plain(text: str) -> str:
    # A percent sign begins a macro.
    return text.replace("%", "%%")


def _description(package: Package) -> str:
    paragraphs = (package.description.strip() or package.summary).split("\n\n")
    return "\n\n".join(textwrap.fill(text, 76) for text in paragraphs if text)


def _files(package: Package) -> Iterator[str]:
    for folder in own_folders(package.entries):
        yield f'%dir %attr(0755, root, root) "{_path(folder)}"'
    for entry in package.entries:
        kind = ""
        if entry.target.startswith("/etc/"):
            kind = "%config(noreplace) "
        elif entry.target in package.licence_files:
            kind = "%license "
        yield f'{kind}%attr({entry.mode:04o}, root, root) "{_path(entry.target)}"'


def _path(path: str) -> str:
    # Others are wildcards, macros or quotes in a spec's list of files.
    if not _PATH.fullmatch(path):
        raise EdgeLinuxError(
            f"an RPM cannot hold {path!r}", hint="name it with letters, digits and . _ + ~ @ : , = - only"
        )
    return path
