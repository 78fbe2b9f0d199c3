"""A mirror of a base with RPM repositories: one directory for each, with packages and metadata."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_build.cache import cache_home
from edgelinux_build.images import Base
from edgelinux_build.progress import Reporter
from edgelinux_build.repositories import Repository, check_key
from edgelinux_build.rights import make_directory
from edgelinux_build.verify import UNTRUSTED

from .check_rpm import found_in, package_problems
from .fetch import Download, fetch_all
from .package import MirrorPackage
from .place import Mirror, keep_only, publish, reuse, working
from .resolve_rpm import Found, resolve
from .wish import Wish, kernel_packages, kernel_pattern

__all__ = ["createrepo_argv", "make_rpm_mirror", "signature_problems"]


def make_rpm_mirror(
    wish: Wish, urls: Mapping[str, str], target: Path, reporter: Reporter, others: Sequence[Path] = ()
) -> Mirror:
    """Make or renew the mirror in `target`; `urls` are by repository. Raises EdgeLinuxError.

    What is in `others`, mirrors of the same base, is not fetched again.
    """
    with working(target) as folder, _metadata(wish.base) as scratch:
        reporter.note("asking dnf which packages are needed")
        found = resolve(wish.root, wish.base, urls, wish.sets, wish.locked, scratch)
        for other in others:
            reuse(other, folder, [one.package.path for one in found])
        _fetch(found, folder, target, reporter)
        if not wish.is_locked and (sets := _with_kernel(wish, [folder / one.package.path for one in found])):
            found = resolve(wish.root, wish.base, urls, sets, {}, scratch)
            _fetch(found, folder, target, reporter)
        packages = tuple(one.package for one in found)
        reporter.note(f"checking the signatures of {len(packages)} packages")
        if problems := signature_problems(wish.root, wish.base, folder, packages):
            raise EdgeLinuxError(problems[0], hint=_more(problems), exit_code=UNTRUSTED)
        keep_only(folder, {package.path for package in packages})
        for repository in wish.base.mirrors.repositories:
            _index(folder / repository.id, folder, [p for p in packages if p.repository == repository.id])
        mirror = Mirror(wish.image.name, wish.base.name, wish.base.mirrors.kind, wish.is_locked, packages)
        publish(folder, target, mirror)
        return mirror


@contextlib.contextmanager
def _metadata(base: Base) -> Iterator[Path]:
    """Give the directory in which dnf keeps the base's metadata, to one at a time."""
    folder = cache_home() / "mirror" / base.name
    make_directory(folder)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def _more(problems: Sequence[str]) -> str:
    more = f"and {len(problems) - 1} more; " if len(problems) > 1 else ""
    return f"{more}nothing was published"


def _fetch(found: Sequence[Found], folder: Path, target: Path, reporter: Reporter) -> None:
    reuse(target, folder, [one.package.path for one in found])
    downloads = [
        Download(
            one.package.what,
            one.package.repository,
            one.url,
            folder / one.package.path,
            one.package.size,
            one.package.sha256,
        )
        for one in found
    ]
    fetch_all(downloads, folder, reporter)


def _with_kernel(wish: Wish, files: Sequence[Path]) -> list[tuple[str, ...]]:
    """Return the sets with what compiling ZFS for the kernel among the packages needs; empty: nothing."""
    if not wish.compiles or not kernel_packages(wish.base, ""):
        return []
    kernels = found_in(files, kernel_pattern(wish.base))
    if len(kernels) != 1:
        raise EdgeLinuxError(
            f"the image must have one kernel, the packages have {', '.join(sorted(kernels)) or 'none'}"
        )
    first, *others = wish.sets
    return [(*first, *kernel_packages(wish.base, kernels.pop())), *others]


def signature_problems(root: Path, base: Base, folder: Path, packages: Sequence[MirrorPackage]) -> list[str]:
    """Say which packages are not signed with a key of their repository, or are others than they should be."""
    return [
        problem
        for repository in base.mirrors.repositories
        for problem in package_problems(
            folder,
            [package for package in packages if package.repository == repository.id],
            dict(_keys(root, base, repository)),
        )
    ]


def _keys(root: Path, base: Base, repository: Repository) -> Iterator[tuple[str, Path]]:
    for name in repository.keys:
        key = base.mirrors.keys[name]
        yield key.fingerprint, check_key(root, name, key)


def _index(repository: Path, folder: Path, packages: Sequence[MirrorPackage]) -> None:
    """Write the metadata of one repository, which is there even without packages: builds ask for it."""
    repository.mkdir(exist_ok=True)
    for package in packages:
        # The metadata has it.
        os.utime(folder / package.path, (package.built, package.built))
    run(createrepo_argv(repository, max((package.built for package in packages), default=0)))


def createrepo_argv(repository: Path, newest: int) -> list[str | Path]:
    """Return the command that makes the same metadata of the same packages.

    `newest` is when the newest of them was built, in seconds since the epoch.
    """
    argv: list[str | Path] = ["createrepo_c", "--quiet", "--no-database", "--simple-md-filenames"]
    return [*argv, "--revision", str(newest), "--set-timestamp-to-revision", repository]
