"""What a step sees of its job while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from edgelinux_hostd.jobs.board import Board
from edgelinux_hostd.jobs.model import Abandoned, CancelledError, Job, JobState

__all__ = ["EVENT_SECONDS", "SAVE_SECONDS", "StepContext"]

EVENT_SECONDS = 0.3
SAVE_SECONDS = 2.0


class StepContext:
    """The context of one step's run; `cancellable` until the job is committed, and not while it is undone."""

    def __init__(
        self,
        board: Board,
        job: Job,
        params: Any,
        step: int,
        *,
        cancellable: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.job = job.id
        self.params = params
        self._board = board
        self._step = step
        self._cancellable = cancellable
        self._monotonic = monotonic
        self._told = self._saved = monotonic()

    @property
    def values(self) -> Mapping[str, Any]:
        """What steps of this job have kept."""
        return self._board.get(self.job).values

    def keep(self, **values: Any) -> None:
        """Persist values before going on."""
        self._board.update(self.job, lambda job: replace(job, values={**job.values, **values}), tell=False)

    def give(self, **result: Any) -> None:
        """Add to the job's result; persisted with what is kept next, or with the end of the step."""
        self._board.update(
            self.job, lambda job: replace(job, result={**job.result, **result}), save=False, tell=False
        )

    def progress(self, fraction: float, message: str = "") -> None:
        """Report how much of this step is done; on disk and to readers at most every so often."""
        if self._board.abandoned:
            raise Abandoned
        now = self._monotonic()
        tell, save = now - self._told >= EVENT_SECONDS, now - self._saved >= SAVE_SECONDS
        self._told, self._saved = now if tell else self._told, now if save else self._saved
        job = self._board.update(
            self.job, lambda job: self._report(job, fraction, message), save=save, tell=tell
        )
        if job.cancel and self._cancellable:
            raise CancelledError(f"job {self.job} was asked to stop")

    def log(self, message: str) -> None:
        """Add a line to the job's log, with the time."""
        self._board.log(self.job, message)

    def _report(self, job: Job, fraction: float, message: str) -> Job:
        if job.state is JobState.UNDOING:
            return replace(job, message=message)
        whole = (self._step + min(max(fraction, 0.0), 1.0)) / len(job.steps)
        return replace(job, progress=max(job.progress, whole), message=message)
