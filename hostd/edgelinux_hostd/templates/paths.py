"""The symbolic paths of template XML: `/antlets/<name>/…` is the antlet's own directory, wherever it is."""

from __future__ import annotations

import posixpath

__all__ = ["disk", "home", "inside", "root"]


def home(name: str) -> str:
    """Give the antlet's directory."""
    return f"/antlets/{name}"


def root(name: str) -> str:
    """Give the directory of a container's root."""
    return f"{home(name)}/rootfs"


def disk(name: str, file: str) -> str:
    """Give the path of a disk image from its old file's name: "Linux.qcow2" is disks/Linux.raw."""
    stem, dot, suffix = posixpath.basename(file).rpartition(".")
    known = dot and suffix.lower() in ("qcow2", "qcow", "raw", "img", "vmdk", "vhd", "vhdx", "vdi")
    return f"{home(name)}/disks/{stem if known else posixpath.basename(file)}.raw"


def inside(name: str, path: str) -> bool:
    """Tell whether a path is below the antlet's directory and plain: no "..", nothing doubled."""
    return path.startswith(f"{home(name)}/") and posixpath.normpath(path) == path
