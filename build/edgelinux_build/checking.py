"""`edgelinux check`, but for what is shown: asks a base's repositories for all that an image needs."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .apt_repository import ask_apt
from .available import Answer, nearest
from .failures import cannot_write
from .images import Base
from .mirrors import MirrorUrls
from .rpm_repositories import ask_rpm
from .wanted import Wanted

__all__ = ["Missing", "ask", "missing_of"]


@dataclass(frozen=True)
class Missing:
    """A name that no repository has."""

    name: str
    by: tuple[str, ...]
    nearest: tuple[str, ...]


def ask(
    root: Path,
    base: Base,
    mirrors: MirrorUrls,
    names: Sequence[str],
    installed: Mapping[str, str],
    cache: Path,
) -> Answer:
    """Ask the base's package manager for all names at once; raises EdgeLinuxError.

    `installed` are packages with versions, of which newer ones are wanted. `cache` is edgeLinux's cache
    directory, where metadata stay for the next time.
    """
    folder = cache / "check" / base.name
    with _alone(folder):
        if base.mirrors.kind == "repositories":
            return ask_rpm(root, base, mirrors, names, installed, folder)
        return ask_apt(base, mirrors, names, installed, folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second check waiting: package managers share no directory."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        raise cannot_write(folder, error) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def missing_of(wanted: Sequence[Wanted], answer: Answer) -> tuple[Missing, ...]:
    """Return what is missing, who wanted it, and what is called much the same."""
    lacking = set(answer.missing)
    return tuple(
        Missing(one.name, one.by, nearest(one.name, answer)) for one in wanted if one.name in lacking
    )
