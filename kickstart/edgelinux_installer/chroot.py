"""Running programs inside the new system."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

from edgelinux_hostd.run import run

__all__ = ["bind", "in_target"]

_KERNEL = ("/proc", "/sys", "/dev", "/run")


def bind(target: Path) -> None:
    """Show the new system the kernel's file systems; does nothing where that is done already.

    Plain binds: recursive ones cannot be unmounted again. The step that closes the pool unmounts them.
    """
    for path in _KERNEL:
        mountpoint = target / path.lstrip("/")
        mountpoint.mkdir(exist_ok=True)
        if not mountpoint.is_mount():
            run(["mount", "--bind", path, mountpoint])


def in_target(
    target: Path, argv: Sequence[str], *, stdin: str | None = None, check: bool = True
) -> CompletedProcess[str]:
    """Run a program in the new system. Raises CommandError when it fails, unless `check` is false."""
    return run(["chroot", target, *argv], stdin=stdin, check=check)
