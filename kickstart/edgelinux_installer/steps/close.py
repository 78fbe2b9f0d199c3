"""Leaves the log on the new system, and closes its pool."""

from __future__ import annotations

import json
import logging
import shutil
import time

from edgelinux_hostd.errors import CommandError
from edgelinux_hostd.layout import POOL
from edgelinux_hostd.run import run

from edgelinux_installer import halfmade, watch
from edgelinux_installer.chroot import end_processes
from edgelinux_installer.context import LOG, TYPED, Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.steps import selinux

__all__ = ["STEP", "close", "report"]

log = logging.getLogger(__name__)

_ATTEMPTS = 5


def close(ctx: Context) -> None:
    """Copy the log and what was typed, unmount everything, export the pool, if it is whole."""
    directory = ctx.target / "var/log/edgelinux"
    write(directory / "install.json", json.dumps(report(ctx), indent=2) + "\n")
    for kept in (LOG, TYPED):
        if kept.exists():
            shutil.copyfile(kept, directory / kept.name)
            (directory / kept.name).chmod(0o600)
    end_processes(ctx.target)
    selinux.label(ctx)
    watch.require_all(ctx)
    # For a host it is better to wait for its disks than to lose what was written.
    run(["zpool", "set", "failmode=wait", POOL])
    _patiently(["umount", "--recursive", str(ctx.target)])
    _patiently(["zpool", "export", POOL])
    halfmade.forget(ctx.run_dir)


def report(ctx: Context) -> dict[str, object]:
    """Give the timings so far as plain data, in seconds."""
    return {
        "version": ctx.plan.image.version,
        "firmware": ctx.plan.firmware,
        "disks": [disk.path for disk in ctx.plan.disks],
        "steps": [{"name": timing.name, "seconds": timing.seconds} for timing in ctx.progress.timings],
        "seconds": round(ctx.progress.elapsed, 2),
    }


def _patiently(argv: list[str]) -> None:
    """Run a command that something just ending may still keep from succeeding."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            run(argv)
        except CommandError:
            if attempt == _ATTEMPTS:
                raise
            log.warning("%s failed, attempt %d of %d", argv[0], attempt, _ATTEMPTS)
            time.sleep(attempt)
        else:
            return


STEP = Step("Closing the pool", 3, close)
