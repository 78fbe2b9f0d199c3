"""What a container's root must forget before others are made of it: who it was, and its keys."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

__all__ = ["FORGOTTEN", "forget"]

# Directory and names in it; what must be there is emptied, the rest is removed.
_EMPTIED = (("etc", "machine-id"),)
FORGOTTEN = (
    ("etc/ssh", "ssh_host_*_key"),
    ("etc/ssh", "ssh_host_*_key.pub"),
    ("var/lib/dbus", "machine-id"),
    ("var/lib/systemd", "random-seed"),
    ("var/lib/systemd", "credential.secret"),
    ("var/lib/dhcp", "*.leases"),
    ("var/lib/dhclient", "*.lease*"),
    ("var/lib/dhcpcd", "*.lease*"),
    ("var/lib/NetworkManager", "*.lease"),
    ("var/lib/NetworkManager", "secret_key"),
    ("var/lib/cloud", "instance"),
    ("root", ".bash_history"),
)


_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def forget(root: Path) -> tuple[str, ...]:
    """Remove a root's identity; gives the files, as paths in it.

    The root was a guest's: no link in it is followed, since it could lead to the host's own files.
    """
    forgotten = []
    for directory, name in _EMPTIED:
        with _open(root, directory) as place:
            if place is not None and name in _names(place):
                os.unlink(name, dir_fd=place)
                emptied = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444, dir_fd=place)
                # Whatever the umask: services that are not root read it as well (machine-id(5)).
                os.fchmod(emptied, 0o444)
                os.close(emptied)
                forgotten.append(f"{directory}/{name}")
    for directory, pattern in FORGOTTEN:
        with _open(root, directory) as place:
            for name in _names(place):
                if fnmatch(name, pattern) and _unlink(name, place):
                    forgotten.append(f"{directory}/{name}")
    return tuple(forgotten)


def _names(place: int | None) -> list[str]:
    return [] if place is None else sorted(os.listdir(place))  # noqa: PTH208


def _unlink(name: str, place: int | None) -> bool:
    try:
        os.unlink(name, dir_fd=place)
    except IsADirectoryError:
        return False
    return True


@contextmanager
def _open(root: Path, directory: str) -> Iterator[int | None]:
    """Open a directory below a root, or give None where there is none or a link is in the way."""
    place = os.open(root, _FLAGS)
    try:
        yield place if _descend(place, directory) else None
    finally:
        os.close(place)


def _descend(place: int, directory: str) -> bool:
    """Have a descriptor mean a directory below the one it means; false when there is no way there."""
    for part in directory.split("/"):
        try:
            below = os.open(part, _FLAGS, dir_fd=place)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return False
            raise
        os.dup2(below, place, inheritable=False)
        os.close(below)
    return True
