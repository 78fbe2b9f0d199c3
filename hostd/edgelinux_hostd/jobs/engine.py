"""Takes jobs in, runs them in a few threads, and takes up at start what was not over when hostd ended."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from edgelinux_hostd.errors import BusyError, RefusedError
from edgelinux_hostd.jobs import machine
from edgelinux_hostd.jobs.board import Board
from edgelinux_hostd.jobs.database import DatabaseError
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.faults import Faults
from edgelinux_hostd.jobs.kinds import Kinds
from edgelinux_hostd.jobs.model import Abandoned, Job, JobKind, JobState
from edgelinux_hostd.jobs.runner import DELAYS, Runner
from edgelinux_hostd.jobs.store import JobStore

__all__ = ["JobEngine"]

_log = logging.getLogger(__name__)


class JobEngine:
    """Runs jobs. Call `recover` once before anything else, and `close` at the end.

    A committed job whose step fails, and an undo that fails, is tried again a few times within seconds; then
    the job is FAILED and unsettled: it keeps its locks, so that nothing works on what it left half-done,
    until `retry` or the next `recover` goes on with it.
    """

    def __init__(
        self,
        store: JobStore,
        kinds: Iterable[JobKind],
        bus: EventBus,
        *,
        workers: int = 4,
        faults: Faults | None = None,
        delays: Sequence[float] = DELAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._kinds = Kinds(kinds)
        self._board = Board(store, bus, clock)
        self._stopping = threading.Event()
        self._runner = Runner(self._board, faults or Faults(), self._stopping, delays)
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"job-{number}", daemon=True)
            for number in range(workers)
        ]
        self._accepting = False

    def recover(self) -> None:
        """Take up the jobs that are not over, with their locks, and begin to run and accept jobs."""
        crashed = not self._store.take_stop()
        now = self._board.clock()
        for job in self._store.open_jobs():
            self._board.adopt(job)
            if not self._take_up(job, now, crashed=crashed).state.final:
                self._queue.put(job.id)
        self._store.prune(now)
        self._accepting = True
        for thread in self._threads:
            thread.start()

    def submit(self, kind: str, params: BaseModel | Mapping[str, Any]) -> Job:
        """Persist a job and queue it; raises InvalidError, and BusyError when another has a lock of it."""
        job = self._kinds.new_job(kind, params, self._board.clock())
        if not self._accepting:
            raise _not_now()
        self._board.add(job)
        self._queue.put(job.id)
        return job

    def job(self, job: str) -> Job:
        """Describe one job; raises NotFoundError."""
        return self._board.get(job)

    def jobs(self, *, active: bool = False) -> Sequence[Job]:
        """List jobs, newest first."""
        return self._board.jobs(active=active)

    def log(self, job: str) -> Sequence[str]:
        """Give the lines of a job's log; raises NotFoundError."""
        return self._board.log_lines(job)

    def wait(self, job: str, timeout: float) -> Job:
        """Wait until a job is final, at most `timeout` seconds; raises NotFoundError."""
        return self._board.wait(job, timeout)

    def cancel(self, job: str) -> Job:
        """Ask a job to stop and undo what it did; raises RefusedError when it is past that."""

        def change(old: Job) -> Job:
            if old.state.final:
                raise RefusedError(f"job {old.id} ({old.title}) is over, it is {old.state}")
            kind = self._kinds[old.kind]
            new = machine.ask_to_stop(old, kind)
            return machine.advance(new, kind, self._board.clock())[0] if old.state is JobState.QUEUED else new

        return self._change(job, change)

    def retry(self, job: str) -> Job:
        """Go on with an unsettled job now; raises RefusedError when it is not one."""

        def change(old: Job) -> Job:
            if not old.unsettled:
                raise RefusedError(
                    f"job {old.id} ({old.title}) has nothing left to try again, it is {old.state}"
                )
            return machine.take_up(old, self._kinds[old.kind], self._board.clock(), crashed=False)

        taken = self._change(job, change)
        self._queue.put(job)
        return taken

    def close(self, timeout: float = 10.0) -> None:
        """Stop in order: running steps get `timeout` seconds, then are left as after a crash.

        Jobs that are not over stay so on disk; the next `recover` goes on with them.
        """
        self._accepting = False
        try:
            self._store.note_stop()
        except DatabaseError as error:
            _log.warning("the jobs that run will count as crashed: %s", error)
        self._stopping.set()
        for _ in self._threads:
            self._queue.put(None)
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        self._board.abandon()

    def work(self) -> bool:
        """Run the next queued job in this thread, for an engine without workers; False when there is none."""
        try:
            job = self._queue.get_nowait()
        except queue.Empty:
            return False
        if job is not None:
            self._run(job)
        return True

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                self._run(job)
            except Abandoned:
                return

    def _run(self, job: str) -> None:
        try:
            now = self._board.get(job)
            if not now.state.final:
                self._runner.run(job, self._kinds[now.kind])
        except Exception as error:  # the database cannot be written: on disk the job is as it was
            _log.exception("job %s", job)
            why = machine.describe(error, "the job")
            self._board.update(
                job,
                lambda old: machine.give_up(old, self._kinds[old.kind], why, self._board.clock(), again=True),
                save=False,
            )

    def _change(self, job: str, change: Callable[[Job], Job]) -> Job:
        try:
            return self._board.update(job, change)
        except Abandoned:
            raise _not_now() from None

    def _take_up(self, job: Job, now: float, *, crashed: bool) -> Job:
        kind, why = self._kinds.of(job)

        def change(old: Job) -> Job:
            if kind is None:
                return machine.give_up(old, None, why, now, again=False)
            return machine.take_up(old, kind, now, crashed=crashed)

        return self._board.update(job.id, change)


def _not_now() -> BusyError:
    return BusyError("hostd is starting or ending", hint="try again in a moment")
