"""A job on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgelinux_hostd.api.objects.base import Wire
from edgelinux_hostd.jobs.model import Job

__all__ = ["JobObject", "StepObject", "job_object"]


class StepObject(Wire):
    """A step: waiting, begun, done or undone."""

    name: str
    state: str


class JobObject(Wire):
    """A job. Times are in seconds since 1970, 0 for not yet; `progress` is from 0 to 1.

    `state` is queued, running, undoing, done, failed or cancelled. `exit-code` says what kind of error it is,
    as the antlet command's; `items` names what stood against it. An `unsettled` one failed with something
    left to finish or to undo, and keeps others from what it works on until it is tried again.
    """

    id: str
    kind: str
    title: str
    state: str
    final: bool
    progress: float
    message: str
    error: str
    exit_code: int
    items: tuple[str, ...]
    steps: tuple[StepObject, ...]
    params: Mapping[str, Any]
    result: Mapping[str, Any]
    created: float
    started: float
    finished: float
    attempts: int
    cancel: bool
    unsettled: bool


def job_object(job: Job) -> JobObject:
    """Give a job as it is sent: without the values that its steps keep for themselves."""
    return JobObject(
        id=job.id,
        kind=job.kind,
        title=job.title,
        state=str(job.state),
        final=job.state.final,
        progress=job.progress,
        message=job.message,
        error=job.error,
        exit_code=job.exit_code,
        items=job.items,
        steps=tuple(StepObject(name=name, state=str(state)) for name, state in job.steps),
        params=job.params,
        result=job.result,
        created=job.created,
        started=job.started,
        finished=job.finished,
        attempts=job.attempts,
        cancel=job.cancel,
        unsettled=job.unsettled,
    )
