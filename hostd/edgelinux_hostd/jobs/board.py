"""The jobs that are open, in memory and on disk alike, with their locks; changes are persisted and told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from edgelinux_hostd.errors import BusyError, NotFoundError
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.model import Abandoned, Job, JobState, StepState
from edgelinux_hostd.jobs.store import JobStore

__all__ = ["Board"]

# So many jobs end before old ones are forgotten again; also at each start.
_PRUNE = 50


class Board:
    """Where jobs are looked up and changed, by one thread at a time."""

    def __init__(self, store: JobStore, bus: EventBus, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._store = store
        self._bus = bus
        self._open: dict[str, Job] = {}
        self._locks: dict[str, str] = {}
        self._abandoned = False
        self._ended = 0
        self._changed = threading.Condition(threading.RLock())

    def add(self, job: Job) -> None:
        """Persist a new job with its locks; raises BusyError when another job holds one of them."""
        with self._changed:
            for lock in job.locks:
                if lock in self._locks:
                    raise BusyError(_busy(lock, self._open[self._locks[lock]]))
            self._store.add(job)
            self.adopt(job)
            self._publish(job)

    def adopt(self, job: Job) -> None:
        """Take up a job that is persisted already."""
        with self._changed:
            self._open[job.id] = job
            self._locks.update(dict.fromkeys(job.locks, job.id))

    def update(
        self,
        job: str,
        change: Callable[[Job], Job],
        *,
        save: bool = True,
        tell: bool = True,
        lines: Sequence[str] = (),
    ) -> Job:
        """Change a job, persist it and publish it; an open one that becomes final lets go of its locks.

        `lines` for its log, which `change` may still add to, are persisted with it.
        """
        with self._changed:
            if self._abandoned:
                raise Abandoned
            old = self.get(job)
            new = change(old)
            if new == old and not lines:
                return new
            if save:
                self._store.put(new, lines, self.clock())
            if new.state.final and not new.unsettled:
                self._open.pop(job, None)
                self._locks = {lock: holder for lock, holder in self._locks.items() if holder != job}
                self._ended += 1
                if self._ended % _PRUNE == 0:
                    self._store.prune(self.clock())
            else:
                self._open[job] = new
            if tell:
                self._publish(new)
            self._changed.notify_all()
            return new

    def get(self, job: str) -> Job:
        """Describe a job; raises NotFoundError."""
        with self._changed:
            found = self._open.get(job) or self._store.get(job)
        if found is None:
            raise NotFoundError(f"there is no job {job}", hint="`antlet job list` lists them")
        return found

    def jobs(self, *, active: bool) -> Sequence[Job]:
        """List jobs, newest first; `active`: those that are not over, or have something left."""
        with self._changed:
            stored = self._store.open_jobs()[::-1] if active else self._store.jobs()
            jobs = [self._open.get(job.id, job) for job in stored]
        return [job for job in jobs if not active or job.unsettled or not job.state.final]

    def wait(self, job: str, timeout: float) -> Job:
        """Wait until a job is final, or the time is over, or hostd ends; give it as it is then."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or self.get(job).state.final, timeout)
            return self.get(job)

    def log(self, job: str, line: str) -> None:
        """Add a line to a job's log."""
        with self._changed:
            if self._abandoned:
                raise Abandoned
            self._store.log(job, self.clock(), line)

    def log_lines(self, job: str) -> Sequence[str]:
        """Read a job's log; raises NotFoundError."""
        return self._store.log_lines(self.get(job).id)

    @property
    def abandoned(self) -> bool:
        """Nothing may change any more: hostd ends."""
        return self._abandoned

    def abandon(self) -> None:
        """Leave all as it is on disk from now on; the threads of steps that still run get Abandoned."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    def _publish(self, job: Job) -> None:
        open_steps = [name for name, state in job.steps if state in (StepState.BEGUN, StepState.DONE)]
        self._bus.publish(
            "job",
            job=job.id,
            kind=job.kind,
            title=job.title,
            state=str(job.state),
            step=open_steps[-1] if open_steps and not job.state.final else "",
            progress=job.progress,
            message=job.message,
            error=job.error,
        )


def _busy(lock: str, holder: Job) -> str:
    what = lock.replace("/", " ", 1)
    if holder.unsettled:
        doing = f"failed with something left; to go on with it: `antlet job retry {holder.id}`"
    elif holder.state is JobState.QUEUED:
        doing = "is waiting to run"
    else:
        doing = {JobState.UNDOING: "is being undone"}.get(holder.state, "is running")
    return f"{what} is busy: job {holder.id} ({holder.title}) {doing}"
