"""The lock file: the exact packages of an image on a base, so that the same build can be made again.

images/locks/<image>-<base>.lock.json is written by `edgelinux lock`, never by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from edgelinux_hostd.errors import EdgeLinuxError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .inputs import key_of

__all__ = [
    "Lock",
    "LockedPackage",
    "LockedPyPi",
    "differences",
    "load_lock",
    "lock_path",
    "summary",
    "write_lock",
]

_NAMED = 5

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LockedPackage(_Schema):
    """One package of the archive."""

    version: str
    architecture: str
    sha256: str = Field(pattern=r"^([0-9a-f]{64})?$")
    """Of the package file, as the archive's signed index states it; empty for what the elements make."""


class LockedPyPi(_Schema):
    """One distribution of PyPI, which becomes a package."""

    version: str
    sha256: Sha256
    """Of the list of its files and their hashes, as installed."""


class Lock(_Schema):
    """What a locked build is made from, and nothing else."""

    image: str
    base: str
    made_from: Sha256
    """Hash of the definitions it was made for: another value now means that it is out of date."""
    source_date_epoch: int = Field(ge=0)
    packages: dict[str, LockedPackage]
    """In the tree."""
    zfs_packages: dict[str, LockedPackage]
    """Needed to compile ZFS, beyond those in the tree."""
    pypi: dict[str, LockedPyPi]
    templates: dict[str, dict[str, LockedPackage]] = {}
    """In each antlet template; of an appliance, what it has beyond the tree."""

    @property
    def host_packages(self) -> dict[str, LockedPackage]:
        """All that is installed in the tree, for good or to compile ZFS."""
        return {**self.zfs_packages, **self.packages}

    @property
    def digest(self) -> str:
        """What stands for the whole file."""
        return key_of(self.model_dump(mode="json"))


def lock_path(root: Path, image: str, base: str) -> Path:
    """Return where the lock file of an image on a base lies."""
    return root / "images" / "locks" / f"{image}-{base}.lock.json"


def load_lock(path: Path) -> Lock | None:
    """Load a lock file, if there is one; raises EdgeLinuxError when it is damaged."""
    try:
        return Lock.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EdgeLinuxError(f"{path}: {where}: {first['msg']}", hint="run `edgelinux lock`") from error
    except ValueError as error:
        raise EdgeLinuxError(f"{path}: {error}", hint="run `edgelinux lock`") from error


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock file so that a version control system shows what changed, package by package."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(lock.model_dump(mode="json"), indent=1, sort_keys=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text + "\n", encoding="utf-8")
    part.rename(path)


def differences(locked: Mapping[str, LockedPackage], found: Mapping[str, LockedPackage]) -> list[str]:
    """Name what differs, one line for each package."""
    lines = []
    for name in sorted(locked.keys() | found.keys()):
        wanted, got = locked.get(name), found.get(name)
        if wanted is None and got is not None:
            lines.append(f"{name} {got.version} is not in the lock file")
        elif got is None and wanted is not None:
            lines.append(f"{name} {wanted.version} is missing")
        elif wanted and got and wanted != got:
            lines.append(_difference(name, wanted, got))
    return lines


def _difference(name: str, wanted: LockedPackage, got: LockedPackage) -> str:
    if wanted.version != got.version:
        return f"{name} {wanted.version} is locked, found {got.version}"
    if wanted.architecture != got.architecture:
        return f"{name} {wanted.version} is locked for {wanted.architecture}, found {got.architecture}"
    if not got.sha256:
        return f"{name} {wanted.version} is no longer in the archive's index"
    return f"{name} {wanted.version} is another file: {wanted.sha256[:12]} is locked, found {got.sha256[:12]}"


def summary(lines: list[str]) -> str:
    """Return the first few lines and how many more there are, as one."""
    more = len(lines) - _NAMED
    return "; ".join(lines[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
