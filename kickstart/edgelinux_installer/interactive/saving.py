"""Saves the kickstart to a file system that a person picks, such as that of another stick."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer.interactive.world import Place

__all__ = ["NAME", "keep", "save"]

NAME = "edgelinux-{hostname}.ks"
_MOUNT_SECONDS = 60


def save(place: Place, hostname: str, text: str, *, folder: Path | None = None) -> str:
    """Mount the file system, write the kickstart into its root, and unmount it; returns the file's name.

    A file of that name is replaced. `folder` is where it is mounted. Raises EdgeLinuxError.
    """
    name = NAME.format(hostname=hostname)
    with tempfile.TemporaryDirectory(prefix="edgelinux-save-", dir=folder) as made:
        options = "rw,nosuid,nodev,noexec"
        try:
            run(["mount", "-t", place.kind, "-o", options, place.path, made], timeout=_MOUNT_SECONDS)
        except CommandError as error:
            raise EdgeLinuxError(
                f"{place.path} cannot be mounted: {_last(error)}", hint="try another"
            ) from error
        try:
            _write(Path(made) / name, text)
        except OSError as error:
            raise EdgeLinuxError(f"cannot write to {place.path}: {error.strerror}") from error
        finally:
            run(["umount", made], check=False, timeout=_MOUNT_SECONDS)
    return name


def keep(path: Path, text: str) -> None:
    """Keep a kickstart where only root reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    _write(path, text)


def _write(path: Path, text: str) -> None:
    # It holds the hash of a password. FAT has no permissions, and takes these without complaint.
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _last(error: CommandError) -> str:
    lines = [line.strip() for line in error.stderr.splitlines() if line.strip()]
    return lines[0] if lines else "mount said nothing"
