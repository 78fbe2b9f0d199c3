"""What a job is: its kind with the steps, its record as it is persisted, and the context its steps run in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel

__all__ = ["Abandoned", "CancelledError", "Context", "Job", "JobKind", "JobState", "Step", "StepState"]


class CancelledError(Exception):
    """Raised out of a step's `progress` when the job was asked to stop. Steps let it pass."""


class Abandoned(BaseException):
    """Raised out of a step when hostd ends: what it did stays, and the next start goes on from there."""


class JobState(StrEnum):
    """Where a job stands. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    UNDOING = "undoing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Nothing more will happen."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class StepState(StrEnum):
    """Where a step stands. `begun` is persisted before the step runs, `done` after it."""

    WAITING = "waiting"
    BEGUN = "begun"
    DONE = "done"
    UNDONE = "undone"


class Context(Protocol):
    """What a step sees of its job.

    `params` are those the job was submitted with. `values` is what steps of this job leave for later ones; it
    is JSON and persisted with `keep` at once, so that a step that runs again finds what it decided before.
    """

    job: str
    params: Any

    @property
    def values(self) -> Mapping[str, Any]:
        """What the steps kept."""

    def keep(self, **values: Any) -> None:
        """Persist values before going on."""

    def give(self, **result: Any) -> None:
        """Add to the job's result, what it leaves for who asked; persisted at once."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Report how much of this step is done (0 to 1); raises CancelledError when asked to stop."""

    def log(self, message: str) -> None:
        """Add a line to the job's log, with the time."""


@dataclass(frozen=True)
class Step:
    """One step of a job. Both functions may run again after a crash, and must then come out the same.

    `undo` is None when there is nothing to undo. When a step that `commits` has begun, the job is only ever
    finished, never undone: a crash or an error after it is retried, by itself, then when a person says so, at
    the latest when hostd starts again.
    """

    name: str
    do: Callable[[Context], None]
    undo: Callable[[Context], None] | None = None
    commits: bool = False


@dataclass(frozen=True)
class JobKind:
    """A kind of job. `locks` names what a job with these parameters works on, such as "antlet/web1".

    Two jobs with a lock in common never run at once: the second is refused (BusyError).
    """

    name: str
    params: type[BaseModel]
    steps: tuple[Step, ...]
    locks: Callable[[Any], Sequence[str]]
    title: Callable[[Any], str]


@dataclass(frozen=True)
class Job:
    """A job as it is persisted. Times are in seconds since 1970, `progress` from 0 to 1.

    `steps` pairs each step's name with its state, in order. `error` is one line for people. `result` is what
    the job leaves for who asked: JSON. `attempts` counts how often hostd crashed while it ran. `locks` are
    held until the job is final; an `unsettled` one, FAILED with something left to finish or undo, holds them
    until it is tried again: when a person says so, or hostd starts. `cause` is the error that came before
    what is in `error` then.
    """

    id: str
    kind: str
    title: str
    params: Mapping[str, Any]
    state: JobState
    steps: tuple[tuple[str, StepState], ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    progress: float = 0.0
    message: str = ""
    error: str = ""
    exit_code: int = 0
    items: tuple[str, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    attempts: int = 0
    cancel: bool = False
    locks: tuple[str, ...] = ()
    unsettled: bool = False
    cause: str = ""
