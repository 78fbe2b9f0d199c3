"""Runs one job: asks the machine what is next, has it persisted, and does it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence

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
        over: _Work | None = None
        while not self._stopping.is_set():
            # That a step is over and that the next begins is one write: each waits for the disk.
            now, action = self._advance(job, kind, over)
            if isinstance(over, machine.Do):
                self._faults.at(kind, kind.steps[over.step], "done")
            over = None
            if isinstance(action, machine.Finish):
                return
            try:
                self._act(now, kind, action)
                tried, over = 0, action
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
        self._board.update(job, lambda old: _mark(old, over))

    def _advance(self, job: str, kind: JobKind, over: _Work | None) -> tuple[Job, machine.Action]:
        actions: list[machine.Action] = []
        lines: list[str] = []

        def change(old: Job) -> Job:
            new, action = machine.advance(_mark(old, over), kind, self._board.clock())
            actions.append(action)
            lines.extend(_line(kind, action))
            return new

        return self._board.update(job, change, lines=lines), actions[0]

    def _act(self, job: Job, kind: JobKind, action: _Work) -> None:
        step = kind.steps[action.step]
        forward = isinstance(action, machine.Do)
        cancellable = forward and not machine.committed(job, kind)
        params = kind.params.model_validate(job.params)
        context = StepContext(self._board, job, params, action.step, cancellable=cancellable)
        if forward:
            self._faults.at(kind, step, "before")
            step.do(context)
            self._faults.at(kind, step, "begun")
        elif step.undo is not None:
            step.undo(context)
            self._faults.at(kind, step, "undone")

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


def _mark(job: Job, over: _Work | None) -> Job:
    """Note that a step was done, or undone."""
    if over is None:
        return job
    return machine.mark(job, over.step, StepState.DONE if isinstance(over, machine.Do) else StepState.UNDONE)


def _line(kind: JobKind, action: machine.Action) -> Iterator[str]:
    if isinstance(action, machine.Do):
        yield f"{kind.steps[action.step].name}: begun"
    elif isinstance(action, machine.Undo) and kind.steps[action.step].undo is not None:
        yield f"{kind.steps[action.step].name}: undoing"


def _warn(job: Job, step: str, error: BaseException) -> None:
    trace = None if isinstance(error, EdgeLinuxError) else error
    _log.warning("job %s (%s), step %s: %s", job.id, job.title, step, error, exc_info=trace)
