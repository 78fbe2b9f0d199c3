"""Which RPM packages are needed, and where they are: what the build host's dnf says, asked in private."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.images import Base
from edgelinux_build.lock import LockedPackage, summary
from edgelinux_build.rpm_repositories import (
    architectures,
    ask_dnf,
    basearch,
    configure,
    details,
    repository_error,
)

from .package import MirrorPackage

__all__ = ["Found", "resolve"]

_SCRIPT = Path(__file__).with_name("dnf_script.py")


@dataclass(frozen=True)
class Found:
    """A package, and where it is to be fetched from."""

    package: MirrorPackage
    url: str


def resolve(
    root: Path,
    base: Base,
    urls: Mapping[str, str],
    sets: Sequence[Sequence[str]],
    exact: Mapping[str, LockedPackage],
    scratch: Path,
) -> list[Found]:
    """Return the packages of a lock file (`exact`), and those that `sets` need beyond them, sorted.

    The names of a set are installed together; what they ask for need not fit to another set. `urls` are those
    of the repositories, by id. Nothing of the host's is looked at but dnf itself. Raises EdgeLinuxError.
    """
    configure(root, base, urls, scratch)
    question = {
        "folder": str(scratch),
        "release": base.release,
        "basearch": basearch(base),
        "arches": architectures(base),
        "sets": [[*names] for names in sets],
        "exact": {
            name: {"evr": locked.version, "arch": locked.architecture, "sha256": locked.sha256}
            for name, locked in exact.items()
        },
    }
    answer = ask_dnf(_SCRIPT, question, scratch)
    _refuse(base, urls, answer, exact, scratch)
    found = [_found(row) for row in answer["packages"]]
    _refuse_other_files(found, exact)
    return sorted(found, key=lambda one: (one.package.repository, one.package.name, one.package.arch))


def _refuse(
    base: Base,
    urls: Mapping[str, str],
    answer: Mapping[str, Any],
    exact: Mapping[str, LockedPackage],
    scratch: Path,
) -> None:
    for repository, text in answer.get("failed", {}).items():
        texts = [*details(answer["said"], repository), text]
        raise repository_error(repository, urls.get(repository, ""), texts, scratch)
    if gone := answer.get("gone"):
        lines = [f"{name}-{exact[name].version}.{exact[name].architecture}" for name in gone]
        raise EdgeLinuxError(
            f"the repositories of {base.label} no longer have what is locked: {summary(lines)}",
            hint="`edgelinux lock --update` locks today's; --repo names one that has the older ones",
        )
    missing: Mapping[str, list[str]] = answer.get("missing", {})
    if missing:
        lines = [
            f"{name} is there for {', '.join(others)} only" if others else name
            for name, others in missing.items()
        ]
        raise EdgeLinuxError(
            f"the repositories of {base.label} have no package for {', '.join(architectures(base))}: "
            f"{summary(lines)}",
            hint="`edgelinux check` says who wants it, and names that are close",
        )
    if said := answer.get("problem"):
        raise EdgeLinuxError(f"the repositories of {base.label} do not fit together: {said}")


def _found(row: Mapping[str, Any]) -> Found:
    if row["checksum"] != "sha256":
        raise EdgeLinuxError(
            f"{row['repository']} names {row['name']} by {row['checksum']}, not by SHA-256",
            hint="such a repository cannot be mirrored; is it one for an old release?",
        )
    file = Path(row["location"]).name
    package = MirrorPackage(
        **{
            name: row[name]
            for name in (
                *("name", "evr", "arch", "repository", "sha256", "size", "sourcerpm", "license"),
                *("homepage", "maintainer", "built"),
            )
        },
        path=f"{row['repository']}/Packages/{file}",
    )
    return Found(package, row["url"])


def _refuse_other_files(found: Sequence[Found], exact: Mapping[str, LockedPackage]) -> None:
    lines = [
        f"{one.package.what} is {one.package.sha256[:12]}, locked is {exact[one.package.name].sha256[:12]}"
        for one in found
        if one.package.name in exact and exact[one.package.name].sha256 not in ("", one.package.sha256)
    ]
    if lines:
        raise EdgeLinuxError(
            f"the repositories have other files than are locked: {summary(lines)}",
            hint="`edgelinux lock --update` locks those",
        )
