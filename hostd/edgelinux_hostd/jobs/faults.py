"""Kill hostd, or fail a step, at a chosen point of a job: how crash safety is tested in the real thing."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.jobs.model import JobKind, Step

__all__ = ["FAULTS", "Faults", "crash_points"]

FAULTS = Path("/run/edgelinux/faults")

BEFORE = "before"
BEGUN = "begun"
DONE = "done"
UNDONE = "undone"


def crash_points(kinds: Iterable[JobKind]) -> list[str]:
    """Name every point where hostd can be killed in jobs of these kinds, as "<kind>/<step>/<point>".

    `before`: the step is persisted as begun, and has not run. `begun`: it has run, and is not persisted as
    done. `done`: it is, and with that the next one as begun or the job as over. `undone`: it is undone, and
    not persisted as such; needs a job that is cancelled or fails. Steps that are never undone have no such
    point.
    """
    names = []
    for kind in kinds:
        commits = False
        for step in kind.steps:
            commits = commits or step.commits
            points = [BEFORE, BEGUN, DONE] + ([UNDONE] if step.undo and not commits else [])
            names += [f"{kind.name}/{step.name}/{point}" for point in points]
    return names


class Faults:
    """Looks into a directory for `kill-at`, which holds the name of a point, and `fail-at`, "<kind>/<step>".

    Only files of `owner` in a directory that no one else can write count. A file works once.
    """

    def __init__(
        self,
        directory: Path = FAULTS,
        *,
        owner: int = 0,
        kill: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL),
    ) -> None:
        self._directory = directory
        self._owner = owner
        self._kill = kill

    def at(self, kind: JobKind, step: Step, point: str) -> None:
        """Kill this process if `kill-at` asks for it here; fail the step after it ran if `fail-at` does."""
        if self._take("kill-at", f"{kind.name}/{step.name}/{point}"):
            self._kill()
        if point == BEGUN and self._take("fail-at", f"{kind.name}/{step.name}"):
            raise EdgeLinuxError(f"step {step.name} was made to fail by {self._directory}/fail-at")

    def _take(self, name: str, text: str) -> bool:
        file = self._directory / name
        try:
            directory = self._directory.lstat()
            status = file.lstat()
            if not stat.S_ISDIR(directory.st_mode) or not stat.S_ISREG(status.st_mode):
                return False
            if {directory.st_uid, status.st_uid} != {self._owner} or directory.st_mode & 0o022:
                return False
            if file.read_text(encoding="utf-8").strip() != text:
                return False
            file.unlink()
        except (OSError, UnicodeDecodeError):
            return False
        return True
