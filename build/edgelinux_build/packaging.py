"""Packages made from this repository: the schema of package.yaml, and which file goes where.

A package.yaml lies in `<room>/packaging/`; the sources it names are below `<room>/`.
"""

from __future__ import annotations

import importlib.metadata
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgelinux_hostd.errors import EdgeLinuxError
from pydantic import Field

from .images import Base, PyPiPackage
from .inputs import Json, hash_file
from .licences import LICENCE, UNKNOWN
from .schema import Name, Schema, TreePath, Word
from .yamlfile import Document, load, validate_document

__all__ = [
    "UNIT_FOLDER",
    "Entry",
    "Package",
    "Units",
    "describe",
    "load_package",
    "pypi_licence",
    "pypi_package",
]

UNIT_FOLDER = "/usr/lib/systemd/system"
"""Where packages put their units (systemd.unit(5))."""

Mode = Annotated[str, Field(pattern=r"^0[0-7]{3}$")]


class FileSpec(Schema):
    """A file, a directory with all below it, or a wildcard whose matches go into a directory."""

    source: Word
    target: TreePath
    """Where it goes; a directory when it ends in `/`."""
    mode: Mode | None = None
    """Without it: 0755 for what is executable in the repository, else 0644."""


class Units(Schema):
    """systemd units that the finished tree switches on, off, or out of reach."""

    enable: tuple[Word, ...] = ()
    disable: tuple[Word, ...] = ()
    mask: tuple[Word, ...] = ()


class PackageFile(Schema):
    """package.yaml"""

    name: Name
    summary: str = Field(min_length=1)
    description: str = ""
    depends: tuple[Word, ...] = ()
    files: tuple[FileSpec, ...] = ()
    python: tuple[Word, ...] | None = None
    """Python packages; without it, all in the room."""
    scripts: dict[Word, str] = Field(default={})
    """Commands in /usr/bin, each `module:function`."""
    units: Units = Units()
    restart: tuple[Word, ...] = ()
    """Units of the package to restart when a package manager upgrades it on a running host. Debs leave that
    to whoever upgrades: they have no scripts."""


@dataclass(frozen=True)
class Entry:
    """One file of a package: bytes from `source`, or `text`, or `data`."""

    target: str
    mode: int
    source: Path | None = None
    text: str = ""
    data: bytes = b""


@dataclass(frozen=True)
class Package:
    """What a package holds and says about itself, for one base."""

    name: str
    version: str
    summary: str
    description: str
    depends: tuple[str, ...]
    entries: tuple[Entry, ...]
    units: Units
    restart: tuple[str, ...] = ()
    """Units to restart after an upgrade, where the package's format can say so."""
    licence: str = LICENCE
    """An SPDX expression."""
    licence_files: tuple[str, ...] = ()
    """Files of the package with texts of licences."""
    licence_text: Path | None = None
    """The text of its licence, which no file of the package has; for formats that must bring it along."""
    holder: str = "the authors of edgeLinux"
    """Of the copyright."""
    origin: str = "edgelinux"
    """What it is made from, by name."""
    homepage: str = ""
    provides: tuple[str, ...] = ()
    """What it is besides, for what others depend on, as the package's format writes it; of RPMs only."""


def load_package(path: Path, base: Base, version: str) -> Package:
    """Read a package.yaml and find its files; raises EdgeLinuxError."""
    document = load(path)
    data = validate_document(PackageFile, document)
    room = path.parent.parent
    python = list(_python(document, room, data, base))
    entries = [
        *(entry for index, spec in enumerate(data.files) for entry in _files(document, room, index, spec)),
        *python,
        *(_script(document, name, target) for name, target in data.scripts.items()),
    ]
    needed = [*(base.packages.python if python else ()), *data.depends]
    names = base.packages.names
    depends = tuple(dict.fromkeys(name for word in needed for name in names.get(word, (word,))))
    found = _unique(document, entries)
    _check_restart(document, data, found)
    text = room.parent / "LICENSE"
    return Package(
        data.name,
        version,
        data.summary,
        data.description,
        depends,
        found,
        data.units,
        restart=data.restart,
        licence_text=text if text.is_file() else None,
    )


def _files(document: Document, room: Path, index: int, spec: FileSpec) -> Iterator[Entry]:
    key = ("files", index, "source")
    found = sorted(room.glob(spec.source)) if "*" in spec.source else [room / spec.source]
    if not found or not found[0].exists():
        raise document.error(key, f"there is no {spec.source} in {room.name}/")
    mode = int(spec.mode, 8) if spec.mode else None
    into = spec.target.endswith("/")
    for source in found:
        if source.is_dir():
            for file in _walk(source):
                yield _entry(f"{spec.target.rstrip('/')}/{file.relative_to(source)}", file, mode)
        else:
            yield _entry(f"{spec.target}{source.name}" if into else spec.target, source, mode)


def _python(document: Document, room: Path, data: PackageFile, base: Base) -> Iterator[Entry]:
    names = data.python
    if names is None:
        names = tuple(sorted(path.parent.name for path in room.glob("*/__init__.py")))
    for index, name in enumerate(names):
        if not (room / name).is_dir():
            raise document.error(("python", index), f"there is no {name} in {room.name}/")
        for file in _walk(room / name):
            yield _entry(f"{base.python_packages}/{file.relative_to(room)}", file, 0o644)


def _script(document: Document, name: str, target: str) -> Entry:
    module, colon, function = target.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module.split("."), function]):
        raise document.error(("scripts", name), f"{target!r} is not module:function")
    # -I: neither the working directory nor PYTHON* variables nor a user's own packages change what runs.
    text = f"#!/usr/bin/python3 -I\nimport sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n"
    return Entry(f"/usr/bin/{name}", 0o755, text=text)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path


def _entry(target: str, source: Path, mode: int | None) -> Entry:
    if mode is None:
        mode = 0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644
    return Entry(target, mode, source)


def _unique(document: Document, entries: list[Entry]) -> tuple[Entry, ...]:
    targets: set[str] = set()
    for entry in entries:
        if entry.target in targets:
            raise document.error((), f"two files go to {entry.target}")
        targets.add(entry.target)
    return tuple(sorted(entries, key=lambda entry: entry.target))


def _check_restart(document: Document, data: PackageFile, entries: tuple[Entry, ...]) -> None:
    names = {Path(entry.target).name for entry in entries if entry.target.startswith(f"{UNIT_FOLDER}/")}
    for index, unit in enumerate(data.restart):
        if unit not in names:
            raise document.error(("restart", index), f"the package has no unit {unit}")


def pypi_package(spec: PyPiPackage, base: Base) -> Package:
    """Describe a Python distribution, taken from the environment the build runs in, as a package.

    Raises EdgeLinuxError.
    """
    try:
        found = importlib.metadata.distribution(spec.name)
    except importlib.metadata.PackageNotFoundError as error:
        raise EdgeLinuxError(f"{spec.name} is not installed in this Python", hint="run `make iso`") from error
    if found.version != spec.version:
        raise EdgeLinuxError(
            f"{base.label} wants {spec.name} {spec.version}, this Python has {found.version}",
            hint="pyproject.toml and images/bases must name the same version",
        )
    entries = []
    for file in found.files or ():
        # Commands lie outside ("../../../bin"); what pip noted about this installation is no use elsewhere.
        if (
            file.parts[0] == ".."
            or "__pycache__" in file.parts
            or file.name in ("RECORD", "INSTALLER", "REQUESTED")
        ):
            continue
        source = Path(str(file.locate()))
        if source.is_file():
            entries.append(Entry(f"{base.python_packages}/{file}", 0o644, source))
    metadata = found.metadata.json
    summary = str(metadata.get("summary", spec.name))
    targets = [entry.target for entry in entries]
    depends = (*base.packages.python, *spec.depends)
    return Package(
        spec.package,
        spec.version,
        summary,
        f"This is {spec.name} {spec.version} as the Python Package Index has it, without its commands.",
        depends,
        tuple(sorted(entries, key=lambda e: e.target)),
        Units(),
        licence=pypi_licence(spec),
        licence_files=tuple(sorted(name for name in targets if ".dist-info/licenses/" in name)),
        holder=str(metadata.get("author") or metadata.get("author_email") or f"the authors of {spec.name}"),
        origin=spec.name,
        homepage=str(metadata.get("home_page") or ""),
    )


def pypi_licence(spec: PyPiPackage) -> str:
    """Return the SPDX expression of an installed distribution's licence."""
    metadata = importlib.metadata.metadata(spec.name)
    return str(metadata.json.get("license_expression") or spec.licence or UNKNOWN)


def describe(package: Package, root: Path) -> dict[str, Json]:
    """Return all that the package is made from, as the input of a stage."""

    def name(entry: Entry) -> str:
        # What pip installed is the same wherever its environment lies.
        if entry.source is None or "site-packages" in entry.source.parts:
            return entry.target
        return str(entry.source.relative_to(root))

    def content(entry: Entry) -> str:
        return f"{entry.target} {entry.mode:o} {hash_file(entry.source) if entry.source else entry.text}"

    return {
        "version": package.version,
        "summary": package.summary,
        "description": package.description,
        "depends": list(package.depends),
        "units": package.units.model_dump(mode="json"),
        "restart": list(package.restart),
        "licence": [package.licence, *package.licence_files],
        "licence_text": hash_file(package.licence_text) if package.licence_text else "",
        "origin": [package.origin, package.holder, package.homepage],
        "files": {name(entry): content(entry) for entry in package.entries},
    }
