"""What a base's archive says of the packages in a tree: versions, package files and their hashes.

The tree keeps no package sources. An overlay gets them back, the base's own tool checks the index's
signature, and its answers are read here: paragraphs of `Field: value` lines as deb-control(5) has them, which
other package managers can be told to print.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from debian.deb822 import Deb822

from .debs import MAINTAINER
from .images import TreePackages
from .inputs import Json
from .lock import LockedPackage
from .mirror.package import MirrorPackage
from .stand_in import NAME as STAND_IN
from .tree import capture_in, fill, put_files

__all__ = [
    "ArchivePackage",
    "describe",
    "describe_argv",
    "from_json",
    "from_mirror",
    "lay_sources",
    "parse",
    "pins",
    "read_index",
    "to_json",
    "upstream_version",
    "write_index",
]

_INDEX = "packages.json"


@dataclass(frozen=True)
class ArchivePackage:
    """A package as the archive's index has it."""

    name: str
    version: str
    architecture: str
    sha256: str
    """Of the package file; empty when the index does not, or no longer, have this version."""
    path: str
    """Of the package file, below the archive's URL."""
    source: str
    source_version: str
    maintainer: str
    homepage: str

    @property
    def own(self) -> bool:
        """Whether it is made from this repository, so that no archive has it."""
        return self.maintainer == MAINTAINER

    @property
    def locked(self) -> LockedPackage:
        """What a lock file holds of it."""
        return LockedPackage(version=self.version, architecture=self.architecture, sha256=self.sha256)


def parse(text: str) -> dict[str, ArchivePackage]:
    """Read paragraphs; the first of each package counts."""
    found: dict[str, ArchivePackage] = {}
    for fields in Deb822.iter_paragraphs(text.splitlines(), use_apt_pkg=False):
        name = fields.get("Package", "")
        if name and name not in found:
            found[name] = _package(name, fields)
    return dict(sorted(found.items()))


def _package(name: str, fields: Mapping[str, str]) -> ArchivePackage:
    version = fields.get("Version", "")
    # `Source: name` or `Source: name (version)`, where they differ from the package's own
    source = re.fullmatch(r"(\S+)(?:\s+\((\S+)\))?", fields.get("Source", "").strip())
    return ArchivePackage(
        name=name,
        version=version,
        architecture=fields.get("Architecture", ""),
        sha256=fields.get("SHA256", ""),
        path=fields.get("Filename", ""),
        source=source[1] if source else name,
        source_version=(source[2] if source else "") or version,
        maintainer=fields.get("Maintainer", ""),
        homepage=fields.get("Homepage", ""),
    )


def describe_argv(packages: TreePackages, installed: Mapping[str, str]) -> list[str]:
    """Return the command that asks the index for these packages, by name and version."""
    words = (
        fill(packages.describe_word, {"name": name, "version": version})
        for name, version in installed.items()
    )
    return [*packages.describe, *words]


def describe(tree: Path, packages: TreePackages, installed: Mapping[str, str]) -> dict[str, ArchivePackage]:
    """Ask the index in a tree with package sources; raises CommandError."""
    return parse(capture_in(tree, describe_argv(packages, installed)))


def from_mirror(packages: Iterable[MirrorPackage], installed: Mapping[str, str]) -> dict[str, ArchivePackage]:
    """Return what a mirror has of installed packages; one that it does not have is known by its version.

    What is made for the build is there as a package of this repository.
    """
    known = {(package.name, package.evr): package for package in packages}
    found = {}
    for name, version in installed.items():
        package = known.get((name, version))
        if package:
            found[name] = _of_mirror(package)
        else:
            maintainer = MAINTAINER if name == STAND_IN else ""
            found[name] = ArchivePackage(name, version, "", "", "", name, version, maintainer, "")
    return found


def _of_mirror(package: MirrorPackage) -> ArchivePackage:
    # `zfs-2.3.4-1.el10.src.rpm`
    source = package.sourcerpm.removesuffix(".src.rpm").rsplit("-", 2)
    name, version = (source[0], "-".join(source[1:])) if len(source) == 3 else (package.name, package.evr)
    return ArchivePackage(
        name=package.name,
        version=package.evr,
        architecture=package.arch,
        sha256=package.sha256,
        path=package.path,
        source=name,
        source_version=version,
        maintainer=package.maintainer,
        homepage=package.homepage,
    )


def upstream_version(version: str) -> str:
    """Return what a package's authors call its version: without epoch and distribution's revision."""
    match = re.match(r"(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)", version)
    return match[1] if match else version


def lay_sources(
    tree: Path, packages: TreePackages, values: Mapping[str, str], *, locked: bool = False
) -> None:
    """Put the package sources (sources.open_sources) into an overlay over the tree.

    With `locked` an index is taken however old it is: for what is held against the lock file afterwards.
    """
    put_files(tree, {path: fill(text, values) for path, text in packages.sources.items()})
    if locked:
        put_files(tree, packages.locked)


def pins(packages: TreePackages, wanted: Mapping[str, LockedPackage]) -> dict[str, str]:
    """Return the files that have the package manager take the locked versions and no others."""
    pin = packages.pin
    if pin is None:
        # There is nothing else to take: a mirror of the lock file's packages is all it is shown.
        return dict(packages.locked)
    entries = (
        fill(pin.entry, {"name": name, "version": package.version})
        for name, package in sorted(wanted.items())
    )
    return {**packages.locked, pin.file: "".join(entries)}


def to_json(found: Iterable[ArchivePackage]) -> list[Json]:
    """Return packages as they are kept in a result."""
    return [dict(asdict(package)) for package in found]


def from_json(rows: Sequence[Mapping[str, str]]) -> Iterator[ArchivePackage]:
    """Return packages from what `to_json` made."""
    for row in rows:
        yield ArchivePackage(**row)


def write_index(folder: Path, found: Iterable[ArchivePackage]) -> None:
    """Keep packages in a stage's result."""
    text = json.dumps(to_json(found), indent=1, sort_keys=True)
    (folder / _INDEX).write_text(text + "\n", encoding="utf-8")


def read_index(folder: Path) -> list[ArchivePackage]:
    """Return the packages that `write_index` kept."""
    return [*from_json(json.loads((folder / _INDEX).read_text(encoding="utf-8")))]
