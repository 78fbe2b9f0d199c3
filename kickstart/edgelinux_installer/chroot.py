"""Running programs inside the new system."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

from edgelinux_hostd.run import run

__all__ = ["bind", "end_processes", "in_target"]

log = logging.getLogger(__name__)

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


def end_processes(target: Path, *, proc: Path = Path("/proc"), patience: float = 2.0) -> None:
    """End what scripts left running in the new system: it would keep the pool from being closed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = _inside(target, proc)
        if not left:
            return
        for pid in left:
            log.warning("process %d was left running in the new system; sending %s", pid, number.name)
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        end = time.monotonic() + patience
        while _inside(target, proc) and time.monotonic() < end:
            time.sleep(0.1)


def _inside(target: Path, proc: Path) -> list[int]:
    """List the processes whose root is the new system."""
    found = []
    for entry in proc.iterdir():
        try:
            if entry.name.isdigit() and (entry / "root").readlink() == target:
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended, or belongs to the kernel
    return found
