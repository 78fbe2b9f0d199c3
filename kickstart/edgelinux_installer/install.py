"""Carries out a plan, and cleans up after one that fails."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.esp import make_unbootable

from edgelinux_installer import halfmade
from edgelinux_installer.chroot import end_processes
from edgelinux_installer.context import Context, Step
from edgelinux_installer.netboot import this_boot
from edgelinux_installer.plan import InstallPlan
from edgelinux_installer.progress import Progress, Tell
from edgelinux_installer.selection import describe
from edgelinux_installer.source import MEDIUM
from edgelinux_installer.steps import NETWORK_STEPS, STEPS
from edgelinux_installer.steps.close import report
from edgelinux_installer.watch import DiskLostError, Watch, within

__all__ = ["DefectError", "InstallError", "install", "left_behind"]

log = logging.getLogger(__name__)

_THREAD = "step: "
_LOOK_EVERY_SECONDS = 0.5
# How long a step that was given up may take to end, and how long each part of cleaning up after it: the pool
# has to write what the system's memory holds of it, a tenth of it at most.
_GRACE_SECONDS = 20.0
_CLEANING_SECONDS = 60.0


class InstallError(EdgeLinuxError):
    """An installation that stopped at a step; the disks are not bootable."""


class DefectError(InstallError):
    """One that stopped at a defect of the installer."""


def install(
    plan: InstallPlan,
    say: Callable[[str], None],
    *,
    tell: Tell = lambda step, percent, message: None,
    medium: Path = MEDIUM,
    steps: Sequence[Step] | None = None,
    context: Callable[[InstallPlan, Progress, Path], Context] = Context,
) -> None:
    """Install. Whatever stops it, what was begun is put away first; raises InstallError.

    Without `steps` these are those of the way that the machine was booted. `say` gets lines for people, and
    `tell` (step, percent, message) is for programs.
    """
    if steps is None:
        steps = NETWORK_STEPS if this_boot().medium else STEPS
    progress = Progress([step.weight for step in steps], say, tell=tell)
    ctx = context(plan, progress, medium)
    watch = Watch(ctx)
    for line in _summary(plan):
        say(line)
    for step in steps:
        progress.begin(step.name)
        try:
            _carry_out(step, ctx, watch)
        except BaseException as error:
            lost = isinstance(error, DiskLostError)
            if lost:
                # At once: what follows takes its time when a disk is not there.
                say(f"{error}; stopping")
            _give_up(ctx)
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, EdgeLinuxError | OSError):
                # A defect of ours: the log gets all of it, the person one line.
                log.exception("in step %r", step.name)
                raise DefectError(f"{step.name}: {_one_line(error)}") from error
            raise InstallError(str(error) if lost else f"{step.name}: {_one_line(error)}") from error
    progress.end()
    log.info("timings: %s", json.dumps(report(ctx)))
    say(f"Installation complete after {progress.elapsed:.0f} seconds")


def _carry_out(step: Step, ctx: Context, watch: Watch) -> None:
    """Do one step in a thread of its own, and look after the disks meanwhile. Raises what the step raises.

    When a disk is lost the step is given up: it may be waiting for that disk, and would for ever.
    """
    errors: list[BaseException] = []

    def work() -> None:
        try:
            step.run(ctx)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name=f"{_THREAD}{step.name}", daemon=True)
    doing = step.name[0].lower() + step.name[1:]
    lost = watch.lost()
    if not lost:
        thread.start()
        try:
            while thread.is_alive() and not lost:
                thread.join(_LOOK_EVERY_SECONDS)
                lost = watch.lost()
        finally:
            if thread.is_alive():
                for child in ctx.children:
                    child.kill()
                thread.join(_GRACE_SECONDS)
    if errors and not lost and isinstance(errors[0], EdgeLinuxError | OSError):
        # Is a lost disk the reason?
        lost = watch.lost(now=True)
    if lost:
        raise DiskLostError(f"{lost} while {doing}") from (errors[0] if errors else None)
    if errors:
        raise errors[0]


def left_behind() -> bool:
    """Say whether a step that was given up is still waiting for its disk."""
    return any(thread.name.startswith(_THREAD) for thread in threading.enumerate())


def _give_up(ctx: Context) -> None:
    """Leave disks that do not boot, and no imported pool, as far as that can be done in a while."""
    parts: list[tuple[str, Callable[[], object]]] = [
        ("ending what runs in the new system", lambda: end_processes(ctx.target)),
        ("closing the pool", lambda: halfmade.put_away(ctx.run_dir, ctx.target)),
    ]
    if ctx.bootable:
        parts.insert(0, ("taking back the boot loaders", lambda: make_unbootable(ctx.esps)))
    for what, action in parts:
        try:
            within(_CLEANING_SECONDS, action, what)
        except EdgeLinuxError as error:
            log.warning("%s", error)


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
