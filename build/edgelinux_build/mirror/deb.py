"""A mirror of a base with an apt archive: the archive's own signed indexes, and of its packages those needed.

The indexes name all that the archive has; of that only what was mirrored can be fetched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_build.images import Base
from edgelinux_build.inputs import hash_file
from edgelinux_build.lock import LockedPackage, summary
from edgelinux_build.mirrors import MirrorUrls
from edgelinux_build.progress import Reporter

from .fetch import Download, fetch_all
from .package import MirrorPackage
from .place import Mirror, keep_only, publish, reuse, working
from .resolve_deb import Apt
from .suite import (
    ARCHIVE,
    SECURITY,
    IndexFile,
    Release,
    Suite,
    fetch_release,
    read_release,
    stanzas,
    suites_of,
)
from .wish import Wish, kernel_packages, kernel_pattern

__all__ = ["index_problems", "make_deb_mirror"]

_REQUIRED = "required"
_KERNELS = "kernel"


@dataclass(frozen=True)
class _Index:
    """The packages that the suites have, of the names that matter."""

    rows: Sequence[tuple[Suite, Mapping[str, str]]]

    def at(self, paths: Iterable[str]) -> Iterator[MirrorPackage]:
        """Yield the packages at these paths, below the mirror."""
        known = {f"{suite.repository}/{row['Filename']}": (suite, row) for suite, row in self.rows}
        return (_package(*known[path]) for path in paths)

    def locked(self, locked: Mapping[str, LockedPackage]) -> tuple[list[MirrorPackage], list[str]]:
        """Return the locked packages, and what is to be said of those that are not there."""
        found, gone = [], []
        by_name: dict[str, list[tuple[Suite, Mapping[str, str]]]] = {}
        for suite, row in self.rows:
            by_name.setdefault(row["Package"], []).append((suite, row))
        for name, wanted in locked.items():
            same = [
                (suite, row)
                for suite, row in by_name.get(name, [])
                if (row["Version"], row["Architecture"]) == (wanted.version, wanted.architecture)
            ]
            right = [(suite, row) for suite, row in same if row["SHA256"] == wanted.sha256]
            if right:
                found.append(_package(*right[0]))
            elif same:
                gone.append(f"{name} {wanted.version} is another file than is locked")
            else:
                gone.append(f"{name} {wanted.version}")
        return found, gone


def make_deb_mirror(wish: Wish, urls: MirrorUrls, target: Path, reporter: Reporter) -> Mirror:
    """Make or renew the mirror in `target`; raises EdgeLinuxError."""
    base = wish.base
    addresses = {ARCHIVE: urls.archive, SECURITY: urls.security}
    with working(target) as folder, tempfile.TemporaryDirectory(prefix="edgelinux-apt-") as temporary:
        releases = [_indexes(base, suite, addresses, folder, reporter) for suite in suites_of(base)]
        packages = _needed(wish, releases, folder, Path(temporary), addresses, target, reporter)
        keep_only(folder, {package.path for package in packages} | {*_kept(base, releases)})
        mirror = Mirror(wish.image.name, base.name, base.mirrors.kind, wish.is_locked, tuple(packages))
        publish(folder, target, mirror)
    for release in releases:
        if release.valid_until:
            note = f"apt takes the index of {release.suite.name} until {release.valid_until}"
            reporter.note(f"{note}, and in locked builds after that, too" if wish.is_locked else note)
    return mirror


def _indexes(
    base: Base, suite: Suite, addresses: Mapping[str, str], folder: Path, reporter: Reporter
) -> Release:
    """Fetch a suite's indexes, byte for byte, so that the archive's own signature vouches for them."""
    url, here = addresses[suite.repository], folder / suite.repository
    reporter.note(f"index of {suite.name} from {url}")
    release = fetch_release(url, suite, Path(base.mirrors.keyring), here / suite.folder / "InRelease")
    files = release.indexes(base.arch)
    fetch_all(
        [
            Download(
                what=file.path,
                repository=suite.name,
                url=f"{url}/{suite.folder}/{file.by_hash if release.by_hash else file.path}",
                path=here / suite.folder / file.path,
                size=file.size,
                sha256=file.sha256,
            )
            for file in files
        ],
        folder,
        reporter,
    )
    if release.by_hash:
        for file in files:
            _link(here / suite.folder / file.path, here / suite.folder / file.by_hash)
    return release


def _link(file: Path, name: Path) -> None:
    name.parent.mkdir(parents=True, exist_ok=True)
    name.unlink(missing_ok=True)
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)


def _kept(base: Base, releases: Sequence[Release]) -> Iterator[str]:
    for release in releases:
        top = f"{release.suite.repository}/{release.suite.folder}"
        yield f"{top}/InRelease"
        for file in release.indexes(base.arch):
            yield f"{top}/{file.path}"
            if release.by_hash:
                yield f"{top}/{file.by_hash}"


def _needed(
    wish: Wish,
    releases: Sequence[Release],
    folder: Path,
    scratch: Path,
    addresses: Mapping[str, str],
    target: Path,
    reporter: Reporter,
) -> list[MirrorPackage]:
    """Fetch the packages that are needed; returns them, sorted by path."""
    base = wish.base
    reporter.note("asking apt which packages are needed")
    suites = [release.suite for release in releases]
    apt = Apt(base, folder, suites, scratch / "all", wish.locked)
    required = [row["Package"] for _, row in _rows(base, releases[:1], folder, (), _REQUIRED)]
    paths = {
        # The first step takes what is in the first suite, whatever newer there is in others.
        *Apt(base, folder, suites[:1], scratch / "first", wish.locked).paths([*required, "apt"]),
        *(path for names in wish.sets for path in apt.paths([*required, "apt", *names])),
    }
    packages = _packages(base, wish.locked, releases, folder, paths)
    _fetch(packages, folder, target, addresses, reporter)
    if not wish.is_locked and kernel_packages(base, ""):
        kernel = _kernel(base, packages, releases, folder, apt.paths(wish.sets[0]))
        names = [*wish.sets[0], *kernel_packages(base, kernel)]
        paths |= {*apt.paths([*required, "apt", *names])}
        packages = _packages(base, {}, releases, folder, paths)
        _fetch(packages, folder, target, addresses, reporter)
    return packages


def _packages(
    base: Base,
    locked: Mapping[str, LockedPackage],
    releases: Sequence[Release],
    folder: Path,
    paths: Iterable[str],
) -> list[MirrorPackage]:
    """Return the locked packages, and those at the paths."""
    names = {*locked, *(Path(path).name.partition("_")[0] for path in paths)}
    index = _Index(list(_rows(base, releases, folder, names)))
    found, gone = index.locked(locked)
    if gone:
        raise EdgeLinuxError(
            f"the archive's index no longer has what is locked: {summary(gone)}",
            hint="`edgelinux lock --update` locks today's, --unlocked mirrors those; EDGELINUX_MIRROR "
            "names an archive that has the older ones, such as a snapshot",
        )
    by_path = {package.path: package for package in (*found, *index.at(paths))}
    return [by_path[path] for path in sorted(by_path)]


def _rows(
    base: Base, releases: Sequence[Release], folder: Path, names: Iterable[str], priority: str = ""
) -> Iterator[tuple[Suite, Mapping[str, str]]]:
    wanted = {*names}
    for release in releases:
        for file in release.packages(base.arch):
            path = folder / release.suite.repository / release.suite.folder / file.path
            for row in stanzas(path, wanted, priority):
                yield release.suite, row


def _package(suite: Suite, row: Mapping[str, str]) -> MirrorPackage:
    return MirrorPackage(
        name=row["Package"],
        evr=row["Version"],
        arch=row["Architecture"],
        repository=suite.repository,
        sha256=row["SHA256"],
        size=int(row["Size"]),
        path=f"{suite.repository}/{row['Filename']}",
        sourcerpm=row.get("Source", row["Package"]),
        license="",
        homepage=row.get("Homepage", ""),
        maintainer=row.get("Maintainer", ""),
    )


def _fetch(
    packages: Sequence[MirrorPackage],
    folder: Path,
    target: Path,
    addresses: Mapping[str, str],
    reporter: Reporter,
) -> None:
    reuse(target, folder, [package.path for package in packages])
    downloads = [
        Download(
            what=package.what,
            repository=package.repository,
            url=f"{addresses[package.repository]}/{package.path.partition('/')[2]}",
            path=folder / package.path,
            size=package.size,
            sha256=package.sha256,
        )
        for package in packages
    ]
    fetch_all(downloads, folder, reporter)


def _kernel(
    base: Base,
    packages: Sequence[MirrorPackage],
    releases: Sequence[Release],
    folder: Path,
    paths: Sequence[str],
) -> str:
    """Return the release of the one kernel among the packages at the paths."""
    # Listing what is in all packages takes minutes; the archive says which are kernels.
    named = {
        row["Package"]
        for _, row in _rows(base, releases, folder, {package.name for package in packages})
        if row.get("Section", "").rpartition("/")[2] == _KERNELS
    }
    found: set[str] = set()
    for path in paths:
        if Path(path).name.partition("_")[0] in named:
            listing = run(["dpkg-deb", "--contents", folder / path]).stdout
            found.update(match[1] for match in kernel_pattern(base).finditer(listing))
    if len(found) != 1:
        has = ", ".join(sorted(found)) or "none"
        raise EdgeLinuxError(f"the image must have one kernel, the packages have {has}")
    return found.pop()


def index_problems(base: Base, folder: Path, packages: Sequence[MirrorPackage]) -> Iterator[str]:
    """Say which signed indexes or packages are not what the archive's signature vouches for."""
    wanted = {package.path: package.sha256 for package in packages}
    known: dict[str, str] = {}
    for suite in suites_of(base):
        top = folder / suite.repository / suite.folder
        try:
            release = read_release(suite, Path(base.mirrors.keyring), top / "InRelease")
            files = release.packages(base.arch)
            indexes = release.indexes(base.arch)
        except EdgeLinuxError as error:
            yield error.message
            continue
        if said := [*_other(top, indexes)]:
            yield from said
            continue
        names = {package.name for package in packages}
        for row in (row for file in files for row in stanzas(top / file.path, names)):
            known[f"{suite.repository}/{row['Filename']}"] = row["SHA256"]
    yield from (
        f"{path} is not what the signed index has" for path in wanted if known.get(path) != wanted[path]
    )


def _other(top: Path, files: Sequence[IndexFile]) -> Iterator[str]:
    for file in files:
        path = top / file.path
        if not path.is_file() or hash_file(path) != file.sha256:
            yield f"{path} is not what InRelease says"
