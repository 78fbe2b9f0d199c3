"""What has changed in the repositories since an image's packages were written down."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

from .available import Newest
from .images import Watched
from .lock import Lock

__all__ = ["Installed", "Update", "installed_of_file", "installed_of_lock", "updates"]

_USAGE = 2


@dataclass(frozen=True)
class Installed:
    """Packages of an image, as a lock file or a manifest has them."""

    source: str
    """Where they are written down."""
    base: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Update:
    """A package that is no longer what it was."""

    name: str
    old: str
    new: str
    """Empty when the repositories have it no more."""
    order: int = 1
    """Negative when `new` is older than `old`."""
    watched: str = ""
    """`kernel`, `zfs`, or empty."""
    security: bool = False
    errata: tuple[str, ...] = ()
    repository: str = ""


def installed_of_lock(path: Path, lock: Lock) -> Installed:
    """Return the packages of a lock file that an archive has."""
    versions = {name: package.version for name, package in lock.host_packages.items() if package.sha256}
    return Installed(str(path), lock.base, versions)


def installed_of_file(path: Path, own: Container[str] = (), prefix: str = "") -> Installed:
    """Read manifest.json, or a lock file; raises EdgeLinuxError.

    A manifest does not say which packages no archive has: those are in `own`, or begin with `prefix`.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if "zfs_packages" in data:
            return installed_of_lock(path, Lock.model_validate(data))
        versions = {
            str(name): str(version)
            for name, version in data["packages"].items()
            if name not in own and not (prefix and name.startswith(prefix))
        }
        return Installed(str(path), str(data["base"]), versions)
    except OSError as error:
        raise EdgeLinuxError(f"{path}: {error.strerror}", exit_code=_USAGE) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EdgeLinuxError(
            f"{path} is neither a manifest.json nor a lock file",
            hint="name what `edgelinux build` or `edgelinux lock` wrote",
            exit_code=_USAGE,
        ) from error


def updates(
    installed: Mapping[str, str], newest: Mapping[str, Newest], watched: Watched
) -> tuple[Update, ...]:
    """Return what differs: kernel and ZFS first, then security errata, then the rest, by name."""
    return tuple(sorted(_changed(installed, newest, watched), key=_rank))


def _changed(
    installed: Mapping[str, str], newest: Mapping[str, Newest], watched: Watched
) -> Iterator[Update]:
    for name, old in installed.items():
        found, mark = newest.get(name), _mark(name, watched)
        if found is None:
            yield Update(name, old, "", -1, mark)
        elif found.order:
            yield Update(
                name, old, found.version, found.order, mark, found.security, found.errata, found.repository
            )


def _mark(name: str, watched: Watched) -> str:
    kinds: Sequence[tuple[str, tuple[str, ...]]] = (("kernel", watched.kernel), ("zfs", watched.zfs))
    return next((kind for kind, patterns in kinds if any(fnmatchcase(name, one) for one in patterns)), "")


def _rank(update: Update) -> tuple[int, bool, str]:
    return ("kernel", "zfs", "").index(update.watched), not update.security, update.name
