"""Trees made of layers: overlay mounts, and programs run inside with chroot.

Everything is mounted in the build's own mount namespace (see namespace.py), so that nothing outlives it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run

from .process import run_logged

__all__ = [
    "capture_in",
    "copy_sources",
    "fill",
    "make_layer_folder",
    "mounted_for_chroot",
    "overlay",
    "put_files",
    "run_in",
    "set_times",
    "use_host_resolver",
]

_SPECIAL = ':,\\"'
_PASSED_ON = ("http_proxy", "https_proxy", "no_proxy")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}


@contextlib.contextmanager
def overlay(at: Path, lowers: Sequence[Path], upper: Path | None = None) -> Iterator[Path]:
    """Mount layers on a new directory `at`, the topmost first; without `upper` nothing can be written.

    `upper` becomes a layer itself, with the overlay's own marks for what was deleted. Its work directory is
    made beside it.
    """
    at.mkdir()
    paths = [*lowers, *([upper] if upper else [])]
    if any(char in str(path) for path in paths for char in _SPECIAL):
        raise EdgeLinuxError(f"overlay mounts cannot use {at.parent}", hint=f"a path without {_SPECIAL}")
    options = [f"lowerdir={':'.join(str(path) for path in lowers)}"]
    options += ["index=off", "metacopy=off", "redirect_dir=off", "xino=off"]
    if upper:
        work = upper.with_name(f"{upper.name}.work")
        upper.mkdir(exist_ok=True)
        upper.chmod(0o755)
        work.mkdir()
        options += [f"upperdir={upper}", f"workdir={work}"]
    try:
        run(["mount", "-t", "overlay", "overlay", "-o", ",".join(options), at])
    except CommandError as error:
        fstype = run(["findmnt", "--noheadings", "--output", "FSTYPE", "--target", at.parent], check=False)
        raise EdgeLinuxError(
            f"{at.parent}: cannot be used for overlay mounts (file system {fstype.stdout.strip()}): "
            + error.stderr.strip(),
            hint="set XDG_CACHE_HOME to a directory on ext4, xfs or btrfs",
        ) from error
    try:
        yield at
    finally:
        _unmount(at)
        if upper:
            run(["rm", "-rf", "--one-file-system", upper.with_name(f"{upper.name}.work")], check=False)


@contextlib.contextmanager
def mounted_for_chroot(root: Path) -> Iterator[Path]:
    """Give a tree what programs expect: proc, a read-only sys, a minimal dev, empty run and tmp."""
    with contextlib.ExitStack() as stack:
        for args, at in (
            (["-t", "proc", "proc"], "proc"),
            (["-t", "sysfs", "-o", "ro,nosuid,nodev,noexec", "sysfs"], "sys"),
            (["-t", "tmpfs", "-o", "mode=755", "dev"], "dev"),
            (["-t", "tmpfs", "-o", "mode=755", "run"], "run"),
            (["-t", "tmpfs", "-o", "mode=1777", "tmp"], "tmp"),
        ):
            (root / at).mkdir(exist_ok=True)
            run(["mount", *args, root / at])
            stack.callback(_unmount, root / at)
        dev = root / "dev"
        for name in _DEVICES:
            (dev / name).touch()
            run(["mount", "--bind", f"/dev/{name}", dev / name])
        for folder in ("pts", "shm"):
            (dev / folder).mkdir()
        run(["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", dev / "pts"])
        for name, target in _LINKS.items():
            (dev / name).symlink_to(target)
        yield root


def _unmount(at: Path) -> None:
    if run(["umount", "--recursive", at], check=False).returncode:
        run(["umount", "--recursive", "--lazy", at])


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", **passed, **(extra or {})}


def run_in(root: Path, argv: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None) -> None:
    """Run a program inside a tree, its output in the log; raises StageError."""
    run_logged(["chroot", root, *argv], log, env=_environment(env), clean_env=True)


def capture_in(root: Path, argv: Sequence[str]) -> str:
    """Run a short program inside a tree and return what it prints; raises CommandError."""
    words = [f"{name}={value}" for name, value in _environment(None).items()]
    return run(["env", "-i", *words, "chroot", root, *argv]).stdout


def make_layer_folder(top: Path, below: str) -> Path:
    """Make a directory in a layer, with the owner and mode that it has in every tree."""
    path = top
    for part in Path(below).parts:
        path = path / part
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
    return path


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace {name} for the known names only; other braces belong to the command."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


def put_files(tree: Path, files: Mapping[str, str]) -> None:
    """Write files, given by their absolute paths in the tree."""
    for path, text in files.items():
        target = tree / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def copy_sources(source: Path, target: Path, *, ignore: Sequence[str] = ()) -> None:
    """Copy a directory of this repository into another that may be there, with the modes that git knows.

    A checkout has the modes that its user's umask allows, and they would end up in the tree.
    """
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*ignore))
    for path in [target, *(target / path.relative_to(source) for path in source.rglob("*"))]:
        if path.exists() and not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def use_host_resolver(tree: Path) -> None:
    """Let programs in an overlay resolve names as the build host does."""
    resolv = tree / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    shutil.copyfile("/etc/resolv.conf", resolv)


def set_times(top: Path, since: Path, epoch: int) -> None:
    """Give all that was made after the file `since` the time `epoch`, which then says nothing of the build.

    Package files keep the times that their packages give them: Python trusts byte code by the time of its
    source. Both times are the kernel's, so it does not matter what the build host's clock says.
    """
    start = since.stat().st_mtime_ns
    for folder, folders, files in os.walk(top, topdown=False):
        for name in (*files, *folders, "."):
            path = os.path.join(folder, name)  # noqa: PTH118 half the time of Path, for a hundred thousand files
            if os.lstat(path).st_mtime_ns >= start:
                os.utime(path, (epoch, epoch), follow_symlinks=False)
