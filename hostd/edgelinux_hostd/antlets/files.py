"""Files in an antlet's dataset. Below rootfs/ all is the guest's: no link of its making is ever followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["TEMPLATE_XML", "read_template_xml", "write_in_root"]

TEMPLATE_XML = "antlet.xml.j2"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_template_xml(directory: Path) -> str:
    """Read the template file that an antlet or template carries; raises EdgeLinuxError."""
    path = directory / TEMPLATE_XML
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeLinuxError(f"cannot read {path}: {getattr(error, 'strerror', '') or error}") from error


@contextmanager
def _parent(root: Path, path: str, *, create: bool) -> Iterator[tuple[int, str]]:
    """Open the directory that holds a path below a root, component by component, links refused."""
    parts = PurePosixPath(path.lstrip("/")).parts
    if not parts or ".." in parts:
        raise EdgeLinuxError(f"{path!r} is not a path below {root}")
    descriptor = os.open(root, _DIRECTORY)
    try:
        for part in parts[:-1]:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=descriptor)
            inner = os.open(part, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor, parts[-1]
    except OSError as error:
        raise EdgeLinuxError(f"{root}/{path.lstrip('/')}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def write_in_root(root: Path, path: str, text: str, *, mode: int = 0o644) -> None:
    """Write a file below a guest's root: a new file takes the place of what is there, links included.

    Raises EdgeLinuxError, also when a directory on the way is a link.
    """
    with _parent(root, path, create=True) as (directory, name):
        scratch = f".{name}.edgelinux"
        with suppress(FileNotFoundError):
            os.unlink(scratch, dir_fd=directory)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(scratch, flags, mode, dir_fd=directory)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(scratch, name, src_dir_fd=directory, dst_dir_fd=directory)
