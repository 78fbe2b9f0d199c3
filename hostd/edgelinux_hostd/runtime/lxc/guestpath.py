"""Paths in a guest's root, where a symbolic link means what it means to the guest and never leads out."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

__all__ = ["exists_below"]

# What the kernel follows at most (path_resolution(7)).
_LINKS = 40


def exists_below(rootfs: Path, path: str) -> bool:
    """Say whether `path` is there for a process whose root is `rootfs`."""
    rest = list(PurePosixPath(path).parts[1:])
    at: list[str] = []
    links = 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            at = at[:-1]
            continue
        here = rootfs.joinpath(*at, part)
        if here.is_symlink():
            links += 1
            if links > _LINKS:
                return False
            target = PurePosixPath(here.readlink())
            if target.is_absolute():
                at = []
            rest = [piece for piece in target.parts if piece != "/"] + rest
        elif here.exists():
            at.append(part)
        else:
            return False
    return True
