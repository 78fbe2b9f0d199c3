"""The directory of a mirror: it appears whole, or stays as it was.

What is being made lies beside it, as .NAME.part, and stays there when it is interrupted, so that the next run
goes on with it. What the mirror has already is taken over as hard links.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.inputs import hash_file
from edgelinux_build.outputs import SUMS, read_sums
from edgelinux_build.project import USAGE
from edgelinux_build.rights import make_directory

from .package import MirrorPackage

__all__ = [
    "DESCRIPTION",
    "Mirror",
    "check_target",
    "files_of",
    "keep_only",
    "problems",
    "publish",
    "read_mirror",
    "reuse",
    "working",
]

DESCRIPTION = "mirror.json"
_FORMAT = 1
_RENAME_EXCHANGE = 2  # renameat2(2)
_AT_FDCWD = -100


@dataclass(frozen=True)
class Mirror:
    """What mirror.json says."""

    image: str
    base: str
    kind: str
    """As `mirrors.kind` of the base."""
    locked: bool
    """Whether the image's lock file decided which packages there are."""
    packages: tuple[MirrorPackage, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "format": _FORMAT,
            "image": self.image,
            "base": self.base,
            "kind": self.kind,
            "locked": self.locked,
            "packages": [package.to_json() for package in self.packages],
        }


def read_mirror(folder: Path) -> Mirror:
    """Read mirror.json; raises EdgeLinuxError."""
    try:
        data = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        packages = tuple(MirrorPackage.from_json(row) for row in data["packages"])
        return Mirror(data["image"], data["base"], data["kind"], data["locked"], packages)
    except (FileNotFoundError, NotADirectoryError):
        raise EdgeLinuxError(
            f"{folder} is no mirror: it has no {DESCRIPTION}",
            hint="`edgelinux mirror` makes one",
            exit_code=USAGE,
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise EdgeLinuxError(
            f"{folder / DESCRIPTION} is damaged: {error}", hint="make the mirror again, in another directory"
        ) from error


def check_target(target: Path) -> None:
    """Refuse a directory that holds something other than a mirror; raises EdgeLinuxError."""
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir() or target.is_symlink():
        raise EdgeLinuxError(f"{target} is no directory", hint="name another", exit_code=USAGE)
    if target.is_mount():
        raise EdgeLinuxError(
            f"{target} is a mount point, which cannot be replaced",
            hint="name a directory in it",
            exit_code=USAGE,
        )
    found = sorted(path.name for path in target.iterdir())
    if found and DESCRIPTION not in found:
        raise EdgeLinuxError(
            f"{target} holds something else than a mirror: {found[0]}",
            hint="name a directory that is empty, or is not there yet",
            exit_code=USAGE,
        )
    if found:
        read_mirror(target)


@contextlib.contextmanager
def working(target: Path) -> Iterator[Path]:
    """Give the directory in which the mirror is made; raises EdgeLinuxError if another run has it."""
    check_target(target)
    folder = target.with_name(f".{target.name}.part")
    make_directory(target.parent)
    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EdgeLinuxError(
                f"another `edgelinux mirror` is at work on {target}", hint="wait for its end"
            ) from None
        yield folder
    finally:
        os.close(handle)


def reuse(target: Path, folder: Path, paths: Collection[str]) -> None:
    """Take over files that the mirror has already; whether they are right is for others to say."""
    for path in paths:
        old, new = target / path, folder / path
        if old.is_file() and not old.is_symlink() and not new.exists():
            new.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(old, new)
            except OSError:
                shutil.copyfile(old, new)


def files_of(folder: Path) -> list[str]:
    """Return all files below a directory, sorted."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def keep_only(folder: Path, paths: Collection[str]) -> None:
    """Remove what an earlier run left that is not wanted any more."""
    for path in files_of(folder):
        if path not in paths:
            (folder / path).unlink()
    for directory in sorted((found for found in folder.rglob("*") if found.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            directory.rmdir()


def publish(folder: Path, target: Path, mirror: Mirror) -> None:
    """Put description and checksums into what was made, and the whole into its place."""
    known = {package.path: package.sha256 for package in mirror.packages}
    for name in (DESCRIPTION, SUMS):
        # It may be the old mirror's own, by a hard link.
        (folder / name).unlink(missing_ok=True)
    text = json.dumps(mirror.to_json(), indent=1, sort_keys=True)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    sums = {path: known.get(path) or hash_file(folder / path) for path in files_of(folder)}
    (folder / SUMS).write_text(
        "".join(f"{digest}  {path}\n" for path, digest in sums.items()), encoding="utf-8"
    )
    # Were the power to fail, what is in place must be on the disk.
    os.sync()
    if target.exists():
        _exchange(folder, target)
        shutil.rmtree(folder)
    else:
        folder.rename(target)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two directories, in one step where the file system can do that (renameat2(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        return
    code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(code, os.strerror(code), str(other))
    aside = other.with_name(f".{other.name}.old")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def problems(folder: Path) -> list[str]:
    """Hold all files against SHA256SUMS; gives one line for each that is not as it says."""
    try:
        sums = read_sums(folder)
    except FileNotFoundError:
        return [f"there is no {SUMS}"]
    found = [path for path in files_of(folder) if path != SUMS]
    return [
        *(f"{path} is missing" for path in sums if path not in found),
        *(f"{path} is not listed in {SUMS}" for path in found if path not in sums),
        *(
            f"{path} has changed: its SHA-256 is not the one in {SUMS}"
            for path in found
            if path in sums and hash_file(folder / path) != sums[path]
        ),
    ]
