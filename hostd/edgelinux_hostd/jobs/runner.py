"""Runs one job: asks the machine what is next, has it persisted, and does it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.jobs import machine
from edgelinux_hostd.jobs.board import Board
from edgelinux_hostd.jobs.context import StepContext
from edgelinux_hostd.jobs.faults import Faults
from edgelinux_hostd.jobs.model import Abandoned, Job, JobKind, JobState, StepState

__all__ = ["DELAYS", "Runner"]

DELAYS = (1.0, 5.0, 15.0)
"""Seconds before a step that must not fail, one after the commit or an undo, is tried again."""

_log = logging.getLogger(__name__)

_Work = machine.Do | machine.Undo


class Runner:
    """Runs jobs in the calling thread until they are final, or hostd is `stopping`."""

    def __init__(
        self, board: Board, faults: Faults, stopping: threading.Event, delays: Sequence[float] = DELAYS
    ) -> None:
        self._board = board
        self._faults = faults
        self._stopping = stopping
        self._delays = delays

    def run(self, job: str, kind: JobKind) -> None:
        """Run a job; it is left as it is on disk when hostd stops."""
        tried = 0
        while not self._stopping.is_set():
            now, action = self._advance(job, kind)
            if isinstance(action, machine.Finish):
                return
            try:
                self._act(now, kind, action)
                tried = 0
            except Abandoned:
                raise
            except BaseException as error:
                if self._turned_back(job, kind, action, error):
                    continue
                if tried == len(self._delays):
                    self._give_up(job, kind, action, error)
                    return
                self._stopping.wait(self._delays[tried])
                tried += 1

    def _advance(self, job: str, kind: JobKind) -> tuple[Job, machine.Action]:
        actions: list[machine.Action] = []

        def change(old: Job) -> Job:
            new, action = machine.advance(old, kind, self._board.clock())
            actions.append(action)
            return new

        return self._board.update(job, change), actions[0]

    def _act(self, job: Job, kind: JobKind, action: _Work) -> None:
        step = kind.steps[action.step]
        forward = isinstance(action, machine.Do)
        cancellable = forward and not machine.committed(job, kind)
        params = kind.params.model_validate(job.params)
        context = StepContext(self._board, job, params, action.step, cancellable=cancellable)
        if forward:
            self._board.log(job.id, f"{step.name}: begun")
            self._faults.at(kind, step, "before")
            step.do(context)
            self._faults.at(kind, step, "begun")
            self._board.update(job.id, lambda old: machine.mark(old, action.step, StepState.DONE))
            self._faults.at(kind, step, "done")
            return
        if step.undo is not None:
            self._board.log(job.id, f"{step.name}: undoing")
            step.undo(context)
            self._faults.at(kind, step, "undone")
        self._board.update(job.id, lambda old: machine.mark(old, action.step, StepState.UNDONE))

    def _turned_back(self, job: str, kind: JobKind, action: _Work, error: BaseException) -> bool:
        """Note an error; tell whether it has the job undone now, rather than the step tried again."""
        step = kind.steps[action.step].name
        now = self._board.get(job)
        self._board.log(job, f"{step}: {machine.describe(error, 'it')}")
        if isinstance(action, machine.Undo):
            _warn(now, step, error)
            return False
        if now.cancel and not machine.committed(now, kind):  # whatever the step says of being stopped
            self._board.update(job, machine.turn_back)
            return True
        _warn(now, step, error)
        return self._board.update(job, lambda old: machine.fail(old, kind, error)).state is JobState.UNDOING

    def _give_up(self, job: str, kind: JobKind, action: _Work, error: BaseException) -> None:
        doing = "undoing" if isinstance(action, machine.Undo) else "step"
        why = machine.describe(error, f"{doing} {kind.steps[action.step].name}")
        self._board.update(job, lambda old: machine.give_up(old, kind, why, self._board.clock(), again=True))


def _warn(job: Job, step: str, error: BaseException) -> None:
    trace = None if isinstance(error, EdgeLinuxError) else error
    _log.warning("job %s (%s), step %s: %s", job.id, job.title, step, error, exc_info=trace)
