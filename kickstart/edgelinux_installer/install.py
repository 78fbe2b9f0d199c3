"""Carries out a plan, and cleans up after one that fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.esp import make_unbootable

from edgelinux_installer import halfmade
from edgelinux_installer.context import Context, Step
from edgelinux_installer.machine import MEDIUM
from edgelinux_installer.plan import InstallPlan
from edgelinux_installer.progress import Progress
from edgelinux_installer.selection import describe
from edgelinux_installer.steps import STEPS
from edgelinux_installer.steps.close import report

__all__ = ["InstallError", "install"]

log = logging.getLogger(__name__)


class InstallError(EdgeLinuxError):
    """An installation that stopped at a step; the disks are not bootable."""


def install(
    plan: InstallPlan,
    say: Callable[[str], None],
    *,
    medium: Path = MEDIUM,
    steps: Sequence[Step] = STEPS,
    context: Callable[[InstallPlan, Progress, Path], Context] = Context,
) -> None:
    """Install. Whatever stops it, what was begun is put away first; raises InstallError."""
    progress = Progress([step.weight for step in steps], say)
    ctx = context(plan, progress, medium)
    for line in _summary(plan):
        say(line)
    for step in steps:
        progress.begin(step.name)
        try:
            step.run(ctx)
        except BaseException as error:
            _give_up(ctx)
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, EdgeLinuxError | OSError):
                # A defect of ours: the log gets all of it, the person one line.
                log.exception("in step %r", step.name)
            raise InstallError(f"{step.name}: {_one_line(error)}") from error
    progress.end()
    log.info("timings: %s", json.dumps(report(ctx)))
    say(f"Installation complete after {progress.elapsed:.0f} seconds")


def _give_up(ctx: Context) -> None:
    """Leave disks that do not boot, and no imported pool, as far as that can be done."""
    if ctx.bootable:
        make_unbootable(ctx.esps)
    halfmade.put_away(ctx.run_dir, ctx.target)


def _summary(plan: InstallPlan) -> list[str]:
    what = f"{plan.image.product} {plan.image.version} ({plan.image.base_label}, ZFS {plan.image.zfs})"
    disks = ", ".join(describe(disk) for disk in plan.disks)
    return [
        f"Installing {what}",
        f"as {plan.hostname} onto {disks} ({plan.layout})",
        *(f"Note: {notice}" for notice in plan.notices),
    ]


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    return str(error) if isinstance(error, EdgeLinuxError) else f"unexpected {type(error).__name__}: {error}"
