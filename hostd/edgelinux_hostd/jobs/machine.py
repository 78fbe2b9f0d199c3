"""The states of a job: what happens to it next, after an error, when asked to stop, and after a crash.

Everything here is pure. A job goes forward step by step until an error or a person turns it back, and then
undoes its steps in reverse order; once a step that commits has begun it only goes forward.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from edgelinux_hostd.jobs.model import CancelledError, Job, JobKind, JobState, StepState

__all__ = [
    "CRASHES",
    "Action",
    "Do",
    "Finish",
    "Undo",
    "advance",
    "ask_to_stop",
    "committed",
    "describe",
    "fail",
    "give_up",
    "left",
    "mark",
    "matches",
    "take_up",
    "turn_back",
]

CRASHES = 3
"""So often hostd may crash in a job before it is undone; and so often again in undoing it."""

_OPEN = (StepState.BEGUN, StepState.DONE)


@dataclass(frozen=True)
class Do:
    """Run a step forward."""

    step: int


@dataclass(frozen=True)
class Undo:
    """Undo a step."""

    step: int


@dataclass(frozen=True)
class Finish:
    """The job is final."""


Action = Do | Undo | Finish


def committed(job: Job, kind: JobKind) -> bool:
    """Tell whether a step that commits has begun: then the job is finished whatever happens."""
    return any(
        step.commits and state in _OPEN for step, (_, state) in zip(kind.steps, job.steps, strict=True)
    )


def matches(job: Job, kind: JobKind) -> bool:
    """Tell whether the job has the steps of its kind; another version of hostd may have had others."""
    return [name for name, _ in job.steps] == [step.name for step in kind.steps]


def mark(job: Job, step: int, state: StepState) -> Job:
    """Set a step's state."""
    steps = list(job.steps)
    steps[step] = (steps[step][0], state)
    return replace(job, steps=tuple(steps))


def advance(job: Job, kind: JobKind, now: float) -> tuple[Job, Action]:
    """Say what to do next, and give the job as it must be persisted before that is done."""
    if job.state in (JobState.QUEUED, JobState.RUNNING):
        turned = job.cancel and not committed(job, kind)
        state = JobState.UNDOING if turned else JobState.RUNNING
        job = replace(job, state=state, started=job.started or now)
    if job.state is JobState.UNDOING:
        for step in reversed(range(len(job.steps))):
            if job.steps[step][1] in _OPEN:
                return job, Undo(step)
        final = JobState.FAILED if job.error else JobState.CANCELLED
        return replace(job, state=final, finished=now, exit_code=job.exit_code or 1, message=""), Finish()
    for step, (_, state_of_step) in enumerate(job.steps):
        if state_of_step is not StepState.DONE:
            progress = max(job.progress, step / len(job.steps))
            return replace(mark(job, step, StepState.BEGUN), progress=progress, message=""), Do(step)
    done = replace(
        job, state=JobState.DONE, finished=now, progress=1.0, message="", error="", exit_code=0, items=()
    )
    return done, Finish()


def turn_back(job: Job) -> Job:
    """Have a job undone that was asked to stop."""
    return replace(job, state=JobState.UNDOING)


def fail(job: Job, kind: JobKind, error: BaseException) -> Job:
    """Note an error of the step that ran: the job is undone from now on, unless it is committed.

    A committed job, or one that is being undone already, stays as it is, to be tried again.
    """
    if job.state is JobState.UNDOING:
        return job
    step = next((name for name, state in job.steps if state is StepState.BEGUN), "")
    state = JobState.RUNNING if committed(job, kind) else JobState.UNDOING
    return replace(
        job,
        state=state,
        error=describe(error, f"step {step}"),
        exit_code=error.exit_code if isinstance(error, EdgeLinuxError) else 1,
        items=error.items if isinstance(error, RefusedError) else (),
    )


def describe(error: BaseException, what: str) -> str:
    """Put an error into one line for people; `what` failed if it is none that is meant for them."""
    if isinstance(error, EdgeLinuxError | CancelledError):
        return str(error)
    return f"{what} failed unexpectedly: {' '.join(f'{type(error).__name__}: {error}'.split())}"


def left(job: Job, kind: JobKind | None) -> str:
    """Name the steps that a job has left to finish, or to undo."""
    if kind is not None and committed(job, kind):
        return "to finish: " + ", ".join(name for name, state in job.steps if state is not StepState.DONE)
    return "to undo: " + ", ".join(name for name, state in reversed(job.steps) if state in _OPEN)


def give_up(job: Job, kind: JobKind | None, why: str, now: float, *, again: bool) -> Job:
    """Fail a job with something left, for the reason `why`.

    `again`: it is tried again when a person says so, and when hostd starts; otherwise a person has to look.
    """
    if not again and not any(state in _OPEN for _, state in job.steps):
        error = why
    else:
        tried = f"`antlet job retry {job.id}` tries it again, and so does hostd when it starts"
        then = tried if again else "this must be looked at by hand"
        first = f"{job.error}; " if job.error and job.error != why else ""
        error = f"{first}{why}; left {left(job, kind)} ({then})"
    return replace(
        job,
        state=JobState.FAILED,
        cause=job.error or ("" if job.cancel else why),
        error=error,
        exit_code=job.exit_code or 1,
        finished=now,
        unsettled=again,
    )


def take_up(job: Job, kind: JobKind, now: float, *, crashed: bool) -> Job:
    """Say how a job goes on when hostd starts, or an unsettled one when it is to be tried again.

    `crashed`: hostd was not stopped in order before.
    """
    if job.state is JobState.QUEUED:
        return job
    if job.state is JobState.FAILED:
        state = JobState.RUNNING if committed(job, kind) else JobState.UNDOING
        return replace(job, state=state, error=job.cause, cause="", unsettled=False, finished=0.0)
    if not crashed:
        return job
    job = replace(job, attempts=job.attempts + 1)
    why = f"hostd crashed {job.attempts} times in this job"
    if committed(job, kind):
        return give_up(job, kind, why, now, again=False) if job.attempts >= CRASHES else job
    if job.state is JobState.UNDOING:
        return give_up(job, kind, why, now, again=False) if job.attempts >= 2 * CRASHES else job
    if job.attempts >= CRASHES:
        return replace(job, state=JobState.UNDOING, error=why, exit_code=1)
    return job


def ask_to_stop(job: Job, kind: JobKind) -> Job:
    """Ask a job to stop and undo what it did; raises RefusedError when it is past that."""
    if job.state.final:
        raise RefusedError(f"job {job.id} ({job.title}) is over, it is {job.state}")
    if job.state is JobState.UNDOING:
        return job
    if committed(job, kind):
        raise RefusedError(
            f"job {job.id} ({job.title}) is past the point where it could be undone",
            hint="it will be finished",
        )
    return replace(job, cancel=True)
