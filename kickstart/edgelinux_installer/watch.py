"""Watches the chosen disks while the installation runs: one that is pulled out must stop it, not hang it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from edgelinux_hostd import zfs
from edgelinux_hostd.disks import Disk, partition_path
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.layout import POOL, ZFS
from edgelinux_hostd.run import run

from edgelinux_installer.context import Context
from edgelinux_installer.selection import label

__all__ = ["DiskLostError", "Watch", "loss", "require_all", "within"]

T = TypeVar("T")

# Asking the pool costs a process each time; looking for device nodes costs nothing.
_STATUS_EVERY_SECONDS = 10.0
_STATUS_PATIENCE_SECONDS = 10.0

# States of a member that is not there; any other that is not ONLINE is there and does not work.
_GONE = ("REMOVED", "UNAVAIL", "SUSPENDED")


class DiskLostError(EdgeLinuxError):
    """A disk of the new pool went away, or stopped working."""


def within(seconds: float, action: Callable[[], T], what: str) -> T:
    """Do something that the kernel may never return from. Raises EdgeLinuxError when time is up.

    A process that waits for a suspended pool cannot even be killed, so it is left behind in its thread.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(action())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise EdgeLinuxError(f"{what} did not end within {seconds:g} s")
    if errors:
        raise errors[0]
    return results[0]


def loss(
    disks: Sequence[Disk],
    present: Callable[[str], bool],
    partitions: Sequence[str],
    failed: Mapping[str, str],
) -> str:
    """Say which disk is lost, and how; "" when all are well.

    `present` tells whether a device node is there, `partitions` are the pool's members in the order of
    `disks`, and `failed` their states, as of `zfs.failed_members`.
    """
    for number, disk in enumerate(disks):
        member = partitions[number] if number < len(partitions) else ""
        state = failed.get(member) or failed.get(partition_path(disk.path, ZFS), "")
        if not present(disk.path) or state in _GONE:
            return f"disk {label(disk)} disappeared"
        if state:
            return f"disk {label(disk)} failed (its state is {state})"
    return ""


class Watch:
    """Looks after the disks of an installation; cheap enough to be asked several times each second."""

    def __init__(self, ctx: Context, clock: Callable[[], float] = time.monotonic) -> None:
        self._ctx = ctx
        self._clock = clock
        self._asked = clock()

    def lost(self, *, now: bool = False) -> str:
        """Say which disk is lost, and how. The pool is asked every few seconds, or `now`."""
        ctx = self._ctx
        failed: Mapping[str, str] = {}
        if ctx.pool_guid and (now or self._clock() - self._asked >= _STATUS_EVERY_SECONDS):
            self._asked = self._clock()
            failed = _failed()
        return loss(ctx.plan.disks, _exists, ctx.zfs_partitions, failed)


def require_all(ctx: Context) -> None:
    """Raise DiskLostError unless every disk is there and works."""
    if what := Watch(ctx).lost(now=True):
        raise DiskLostError(what)


def _exists(path: str) -> bool:
    return Path(path).exists()


def _failed() -> dict[str, str]:
    """Ask the pool; when it is closed, or does not answer, that is no disk's fault."""
    try:
        text = within(
            _STATUS_PATIENCE_SECONDS,
            lambda: run(["zpool", "status", "-P", POOL], check=False).stdout,
            "zpool status",
        )
    except EdgeLinuxError:
        return {}
    return zfs.failed_members(text)
